import { type Column, type StringColumn } from '../schemas/column.js';
import { Batch, columnRows, type KeyedBy } from './batch.js';
import { createJoinSide, type JoinPane, type JoinSide } from './join-side.js';
import { createPaneStore, type StepMeta } from './pane-store.js';
import type { StoredField } from './row-store.js';
import { prefixed, type StateTable } from './state-table.js';

/** The window join of one task. */
export interface WindowPairs {
  /** Keeps rows of a side (0: left, 1: right); answers how many came after their window. */
  add(side: 0 | 1, batch: Batch<unknown>): number;
  /** Event time has reached `time`: the rows of the windows that are over. */
  advance(time: number): Iterable<Batch<unknown>>;
  save(): void;
}

interface Meta extends StepMeta {
  readonly keyedBy?: KeyedBy | undefined;
  /** Windows that end up to here are closed, also where the end of a bounded input closed them. */
  readonly closedTo?: number | undefined;
}

/**
 * Pairs the rows of two sides that have one key and lie in one window of `every` milliseconds.
 *
 * @param left @param right the fields that are kept
 */
export function createWindowPairs(options: {
  readonly kind: 'inner' | 'left' | 'full';
  readonly every: number;
  readonly left: readonly StoredField[];
  readonly right: readonly StoredField[];
  readonly table: StateTable;
  readonly task: number;
  /** In words: state of another definition does not fit. */
  readonly text: string;
}): WindowPairs {
  const { kind, every } = options;
  const fields = [options.left, options.right] as const;
  const sides: readonly JoinSide[] = fields.map((side) => createJoinSide(side, every, false));
  const stores = sides.map((side, s) => createPaneStore<JoinPane, Meta>(prefixed(options.table, s), options.task, { layout: `${kind} ${every} ${options.text}`, create: side.pane }));
  const [meta] = stores.map((store) => store.load().meta);
  let keyedBy = meta!.keyedBy;
  let watermark = meta!.watermark ?? Number.NEGATIVE_INFINITY;
  let lastFinite = watermark;
  let closedTo = meta!.closedTo ?? Number.NEGATIVE_INFINITY;

  const batchOf = (start: number, keys: StringColumn, columns: readonly (readonly [string, Column])[]): Batch<unknown> => {
    const n = keys.length.length;
    const number = (value: number): Column => ({ kind: 'number', data: new Float64Array(n).fill(value) });
    const all = new Map<string, Column>([...columns, ['windowStart', number(start)], ['windowEnd', number(start + every)]]);
    return new Batch(columnRows(n, all), new Float64Array(n).fill(start + every - 1), keys, keyedBy);
  };
  const alone = (start: number, side: 0 | 1, pane: JoinPane, rows: readonly number[]): Batch<unknown> => {
    const own = sides[side]!.columns(Int32Array.from(rows, (row) => pane.slot[row]!));
    const none = fields[1 - side]!.map(({ name }): readonly [string, Column] => [name, { kind: 'object', data: new Array<null>(rows.length).fill(null) }]);
    return batchOf(start, pane.keys.select(rows.map((row) => pane.key[row]!)), side === 0 ? [...own, ...none] : [...none, ...own]);
  };
  /** The rows of one window: pairs in the order of the left rows, then rows without a partner. */
  const close = function* (start: number): Iterable<Batch<unknown>> {
    const [left, right] = sides.map((side) => side.panes.get(start));
    const one: number[] = [];
    const two: number[] = [];
    const lonely: [number[], number[]] = [[], []];
    const hasLeft = new Uint8Array(right?.count ?? 0);
    for (let row = 0; row < (left?.count ?? 0); row++) {
      const key = left!.keys.key(left!.key[row]!);
      const id = right === undefined ? -1 : right.keys.find(key, 0, key.length);
      if (id < 0) lonely[0].push(row);
      else {
        for (let at = right!.first[id]!; at >= 0; at = right!.next[at]!) {
          one.push(row);
          two.push(at);
          hasLeft[at] = 1;
        }
      }
    }
    for (let at = 0; at < hasLeft.length; at++) if (hasLeft[at] === 0) lonely[1].push(at);
    if (one.length > 0) {
      const columns = [...sides[0]!.columns(gathered(left!.slot, one)), ...sides[1]!.columns(gathered(right!.slot, two))];
      yield batchOf(start, left!.keys.select(one.map((row) => left!.key[row]!)), columns);
    }
    if (kind !== 'inner' && lonely[0].length > 0) yield alone(start, 0, left!, lonely[0]);
    if (kind === 'full' && lonely[1].length > 0) yield alone(start, 1, right!, lonely[1]);
  };

  return {
    add(side, batch) {
      if (side === 0 || keyedBy === undefined) keyedBy = batch.keyedBy;
      const rows = new Int32Array(batch.length);
      let n = 0;
      const limit = Math.max(watermark, closedTo);
      for (let i = 0; i < rows.length; i++) if (Math.floor(batch.times[i]! / every) * every + every > limit) rows[n++] = i;
      if (n > 0) sides[side]!.add(batch, n === batch.length ? undefined : rows.subarray(0, n), undefined);
      return batch.length - n;
    },
    *advance(time) {
      if (time <= watermark) return;
      watermark = time;
      if (time !== Number.POSITIVE_INFINITY) lastFinite = time;
      const due = [...new Set(sides.flatMap((side) => [...side.panes.keys()]))].filter((start) => start + every <= time).sort((a, b) => a - b);
      for (const start of due) yield* close(start);
      if (due.length > 0) closedTo = Math.max(closedTo, due[due.length - 1]! + every);
      sides.forEach((side, s) => {
        for (const start of side.expire(time).dropped) stores[s]!.drop(start);
      });
    },
    save() {
      const saved: Meta = { keyedBy, closedTo: Number.isFinite(closedTo) ? closedTo : undefined, watermark: Number.isFinite(lastFinite) ? lastFinite : undefined };
      stores.forEach((store, s) => store.save(sides[s]!.panes, saved));
    },
  };
}

const gathered = (values: Int32Array, rows: readonly number[]): Int32Array => Int32Array.from(rows, (row) => values[row]!);
