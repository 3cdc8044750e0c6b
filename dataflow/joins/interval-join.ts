import { type Column, gather, stringColumn, type StringColumn } from '../../schemas/column.js';
import { Batch, columnRows, type KeyedBy } from '../batch.js';
import { createJoinSide, type JoinSide, type Matches, type Unmatched } from './join-side.js';
import { createPaneStore, type StepMeta } from '../state/pane-store.js';
import type { StoredField } from '../rows/row-store.js';
import { prefixed, type StateTable } from '../state/state-table.js';

/** The join of one task. */
export interface IntervalJoin {
  /** Rows of a side (0: left, 1: right): the pairs that they complete, and how many came too late to be joined. */
  add(side: 0 | 1, batch: Batch<unknown>): { readonly joined: Batch<unknown> | undefined; readonly late: number };
  /** Event time has reached `time`: rows that stay without a partner. */
  advance(time: number): Iterable<Batch<unknown>>;
  /** The watermark for what comes behind. */
  behind(time: number): number;
  /** Puts what has changed into the table; answers how many rows are held. */
  save(): number;
}

interface Meta extends StepMeta {
  readonly keyedBy?: KeyedBy | undefined;
}

/** Panes that the time of a row's stay is divided into: rows stay up to that share longer than they must. */
const panesPerStay = 4;
/** Shortest pane in milliseconds: shorter ones would hold a handful of rows each. */
const shortestPane = 1_000;

/**
 * Interval join: a left row at `t` and a right row at `u` with one key are a pair when `u - before <= t <= u + after`.
 *
 * @param before milliseconds; Infinity: no bound
 * @param lateness milliseconds behind the watermark for which rows are still joined
 */
export function createIntervalJoin(options: {
  readonly kind: 'inner' | 'left' | 'full';
  readonly before: number;
  readonly after: number;
  readonly lateness: number;
  readonly left: readonly StoredField[];
  readonly right: readonly StoredField[];
  readonly table: StateTable;
  readonly task: number;
  /** In words: state of another definition does not fit. */
  readonly text: string;
}): IntervalJoin {
  const { kind, before, after, lateness } = options;
  const fields = [options.left, options.right] as const;
  // A left row waits `before` for a right one, a right row `after` for a left one.
  const stay = [before, after] as const;
  const tracks = [kind !== 'inner', kind === 'full'] as const;
  const paneMs = stay.map((ms) => (Number.isFinite(ms) ? Math.max(shortestPane, Math.ceil((ms + 1) / panesPerStay)) : ms));
  const sides: readonly JoinSide[] = [0, 1].map((s) => createJoinSide(fields[s]!, paneMs[s]!, tracks[s]!));
  const stores = sides.map((side, s) => createPaneStore<ReturnType<JoinSide['pane']>, Meta>(prefixed(options.table, s), options.task, { layout: `${kind} ${before} ${after} ${options.text}`, create: side.pane }));
  const [meta] = stores.map((store) => store.load().meta);
  let keyedBy = meta!.keyedBy;
  let watermark = meta!.watermark ?? Number.NEGATIVE_INFINITY;
  let lastFinite = watermark;
  /** Rows before this are too late: their partners may be gone. */
  const due = () => lastFinite - lateness;
  let least = new Float64Array(1024);
  let most = new Float64Array(1024);

  const pairs = (side: 0 | 1, batch: Batch<unknown>, matches: Matches): Batch<unknown> => {
    const own = fields[side]!.map(({ name, of }) => [name, gather(batch.column(of), matches.rows)] as const);
    const theirs = sides[1 - side]!.columns(matches.slots);
    const times = sides[1 - side]!.times(matches.slots);
    for (let i = 0; i < times.length; i++) times[i] = Math.max(times[i]!, batch.times[matches.rows[i]!]!);
    const columns = new Map(side === 0 ? [...own, ...theirs] : [...theirs, ...own]);
    return new Batch(columnRows(times.length, columns), times, gather(batch.key!, matches.rows) as StringColumn, keyedBy);
  };
  const alone = (side: 0 | 1, rows: Unmatched): Batch<unknown> => {
    const n = rows.slots.length;
    const missing = fields[1 - side]!.map(({ name }): readonly [string, Column] => [name, { kind: 'object', data: new Array<null>(n).fill(null) }]);
    const columns = new Map(side === 0 ? [...rows.columns, ...missing] : [...missing, ...rows.columns]);
    return new Batch(columnRows(n, columns), rows.times, stringColumn(rows.keys.map((key) => Buffer.from(key).toString())), keyedBy);
  };

  return {
    add(side, given) {
      if (side === 0 || keyedBy === undefined) keyedBy = given.keyedBy;
      let batch: Batch<unknown> | undefined = given;
      let late = 0;
      const limit = due();
      for (let i = 0; i < given.length; i++) if (given.times[i]! < limit) late += 1;
      if (late > 0) batch = late === given.length ? undefined : given.select(Int32Array.from(given.times.keys()).filter((i) => given.times[i]! >= limit));
      if (batch === undefined) return { joined: undefined, late };
      const n = batch.length;
      if (least.length < n) {
        least = new Float64Array(n * 2);
        most = new Float64Array(n * 2);
      }
      const [down, up] = side === 0 ? [after, before] : [before, after];
      const { times } = batch;
      for (let i = 0; i < n; i++) {
        least[i] = times[i]! - down;
        most[i] = times[i]! + up;
      }
      const matches = sides[1 - side]!.probe(batch, least, most);
      let states: Uint8Array | undefined;
      if (tracks[side]) {
        states = new Uint8Array(n);
        for (const row of matches.rows) states[row] = 1;
      }
      sides[side]!.add(batch, undefined, states);
      return { joined: matches.rows.length === 0 ? undefined : pairs(side, batch, matches), late };
    },
    *advance(time) {
      if (time <= watermark) return;
      watermark = time;
      if (time === Number.POSITIVE_INFINITY) {
        for (const side of [0, 1] as const) {
          const rest = tracks[side] ? sides[side]!.close() : undefined;
          if (rest !== undefined) yield alone(side, rest);
        }
        return;
      }
      lastFinite = time;
      for (const side of [0, 1] as const) {
        const { rest, dropped } = sides[side]!.expire(due() - stay[side]!);
        if (tracks[side] && rest !== undefined) yield alone(side, rest);
        for (const start of dropped) stores[side]!.drop(start);
      }
    },
    behind(time) {
      if (!Number.isFinite(time)) return time;
      const waits = [0, 1].map((s) => (tracks[s] ? stay[s]! + paneMs[s]! : 0));
      return time - lateness - Math.max(...waits);
    },
    save() {
      stores.forEach((store, s) => store.save(sides[s]!.panes, { keyedBy, watermark: Number.isFinite(lastFinite) ? lastFinite : undefined }));
      return sides.reduce((sum, side) => sum + side.size, 0);
    },
  };
}
