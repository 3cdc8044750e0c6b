import { type Column, type StringColumn } from '../../schemas/column.js';
import { Batch, columnRows, type KeyedBy } from '../batch.js';
import { createJoinSide, type JoinPane, type JoinSide } from './join-side.js';
import { createPaneStore, type StepMeta } from '../state/pane-store.js';
import type { StoredField } from '../rows/row-store.js';
import { prefixed, type StateTable } from '../state/state-table.js';

/** The window join of one task. */
export interface WindowPairs {
  /** Keeps rows of a side (0: left, 1: right); answers how many came after their window. */
  add(side: 0 | 1, batch: Batch<unknown>): number;
  /** Event time has reached `time`: the rows of the windows that are over. */
  advance(time: number): Iterable<Batch<unknown>>;
  /** Puts what has changed into the table; answers how many rows are held. */
  save(): number;
}

interface Meta extends StepMeta {
  readonly keyedBy?: KeyedBy | undefined;
  /** Windows that end up to here are closed, also where the end of a bounded input closed them. */
  readonly closedTo?: number | undefined;
}

/**
 * Pairs the rows of two sides that have one key and lie in one window of `size` milliseconds; there is one every `every` milliseconds. A row is kept once, in a pane of
 * length `every`, and is paired in each of its windows.
 *
 * @param size a multiple of `every`
 * @param left @param right the fields that are kept
 */
export function createWindowPairs(options: {
  readonly kind: 'inner' | 'left' | 'full';
  readonly every: number;
  readonly size: number;
  readonly left: readonly StoredField[];
  readonly right: readonly StoredField[];
  readonly table: StateTable;
  readonly task: number;
  /** In words: state of another definition does not fit. */
  readonly text: string;
}): WindowPairs {
  const { kind, every, size } = options;
  const fields = [options.left, options.right] as const;
  const sides: readonly JoinSide[] = fields.map((side) => createJoinSide(side, every, false));
  const stores = sides.map((side, s) => createPaneStore<JoinPane, Meta>(prefixed(options.table, s), options.task, { layout: `${kind} ${every} ${size} ${options.text}`, create: side.pane }));
  const [meta] = stores.map((store) => store.load().meta);
  let keyedBy = meta!.keyedBy;
  let watermark = meta!.watermark ?? Number.NEGATIVE_INFINITY;
  let lastFinite = watermark;
  let closedTo = meta!.closedTo ?? Number.NEGATIVE_INFINITY;

  const batchOf = (end: number, keys: StringColumn, columns: readonly (readonly [string, Column])[]): Batch<unknown> => {
    const n = keys.length.length;
    const number = (value: number): Column => ({ kind: 'number', data: new Float64Array(n).fill(value) });
    const all = new Map<string, Column>([...columns, ['windowStart', number(end - size)], ['windowEnd', number(end)]]);
    return new Batch(columnRows(n, all), new Float64Array(n).fill(end - 1), keys, keyedBy);
  };
  const alone = (end: number, side: 0 | 1, pane: JoinPane, rows: readonly number[]): Batch<unknown> => {
    const own = sides[side]!.columns(gathered(pane.slot, rows));
    const none = fields[1 - side]!.map(({ name }): readonly [string, Column] => [name, { kind: 'object', data: new Array<null>(rows.length).fill(null) }]);
    return batchOf(end, pane.keys.select(rows.map((row) => pane.key[row]!)), side === 0 ? [...own, ...none] : [...none, ...own]);
  };
  const panesOf = (side: JoinSide, end: number): JoinPane[] => Array.from({ length: size / every }, (_, i) => side.panes.get(end - size + i * every)).filter((pane) => pane !== undefined);
  /** The rows of one window: pairs in the order of the left rows, then rows without a partner, each in the order of panes. */
  const close = function* (end: number): Iterable<Batch<unknown>> {
    const lefts = panesOf(sides[0]!, end);
    const rights = panesOf(sides[1]!, end);
    const hasLeft = rights.map((pane) => new Uint8Array(pane.count));
    const lonely: number[][] = [];
    for (const left of lefts) {
      const one: number[] = [];
      const two: number[] = [];
      const rest: number[] = [];
      for (let row = 0; row < left.count; row++) {
        const key = left.keys.key(left.key[row]!);
        const before = one.length;
        for (const [r, right] of rights.entries()) {
          const id = right.keys.find(key, 0, key.length);
          for (let at = id < 0 ? -1 : right.first[id]!; at >= 0; at = right.next[at]!) {
            one.push(row);
            two.push(right.slot[at]!);
            hasLeft[r]![at] = 1;
          }
        }
        if (one.length === before) rest.push(row);
      }
      lonely.push(rest);
      if (one.length > 0) {
        const columns = [...sides[0]!.columns(gathered(left.slot, one)), ...sides[1]!.columns(Int32Array.from(two))];
        yield batchOf(end, left.keys.select(one.map((row) => left.key[row]!)), columns);
      }
    }
    for (const [l, left] of lefts.entries()) if (kind !== 'inner' && lonely[l]!.length > 0) yield alone(end, 0, left, lonely[l]!);
    for (const [r, right] of rights.entries()) {
      const rest = kind === 'full' ? Array.from(hasLeft[r]!.keys()).filter((at) => hasLeft[r]![at] === 0) : [];
      if (rest.length > 0) yield alone(end, 1, right, rest);
    }
  };

  return {
    add(side, batch) {
      if (side === 0 || keyedBy === undefined) keyedBy = batch.keyedBy;
      const rows = new Int32Array(batch.length);
      let n = 0;
      const limit = Math.max(watermark, closedTo);
      for (let i = 0; i < rows.length; i++) if (Math.floor(batch.times[i]! / every) * every + size > limit) rows[n++] = i;
      if (n > 0) sides[side]!.add(batch, n === batch.length ? undefined : rows.subarray(0, n), undefined);
      return batch.length - n;
    },
    *advance(time) {
      if (time <= watermark) return;
      const from = Math.max(watermark, closedTo);
      watermark = time;
      if (time !== Number.POSITIVE_INFINITY) lastFinite = time;
      const ends = new Set(sides.flatMap((side) => [...side.panes.keys()]).flatMap((start) => Array.from({ length: size / every }, (_, i) => start + (i + 1) * every)));
      const due = [...ends].filter((end) => end > from && end <= time).sort((a, b) => a - b);
      for (const end of due) yield* close(end);
      if (due.length > 0) closedTo = Math.max(closedTo, due[due.length - 1]!);
      sides.forEach((side, s) => {
        // A pane goes when the last of its windows is closed.
        for (const start of side.expire(time - size + every).dropped) stores[s]!.drop(start);
      });
    },
    save() {
      const saved: Meta = { keyedBy, closedTo: Number.isFinite(closedTo) ? closedTo : undefined, watermark: Number.isFinite(lastFinite) ? lastFinite : undefined };
      stores.forEach((store, s) => store.save(sides[s]!.panes, saved));
      return sides.reduce((sum, side) => sum + side.size, 0);
    },
  };
}

const gathered = (values: Int32Array, rows: readonly number[]): Int32Array => Int32Array.from(rows, (row) => values[row]!);
