import type { Column, NumberColumn } from '../../schemas/column.js';
import { type Aggregates, layoutOf } from '../accumulators/layout.js';
import { groupLabels, Pane } from '../accumulators/pane.js';
import { resultColumns } from '../accumulators/results.js';
import { type AggregateNode, aggregateOf } from '../aggregates/aggregate.js';
import { count } from '../aggregates/count.js';
import { signsOf } from '../changes.js';
import { Batch, columnRows, type KeyedBy } from '../batch.js';
import { byteReader, byteWriter } from '../bytes.js';
import { enlarged } from '../enlarged.js';
import { HeadraceError } from '../errors.js';
import { Expression } from '../expression.js';
import { createPaneStore, type StepMeta } from '../state/pane-store.js';
import { RowStore } from './row-store.js';
import type { StateTable } from '../state/state-table.js';
import { keyValues } from '../windows/windows.js';

/** Aggregates over all records of each key so far. */
export interface RunningAggregates {
  add(batch: Batch<unknown>): void;
  /** Event time has reached `time`: the results that have changed. */
  advance(time: number): Iterable<Batch<unknown>>;
  /** Puts what has changed into the table; answers how many rows are held. */
  save(): number;
}

interface Meta extends StepMeta {
  readonly keyedBy?: KeyedBy | undefined;
  readonly generation?: number;
  readonly swept?: number | undefined;
}

/** Field of the newest event time of a key. */
const newest = '~newest';
/** Field of the number of records of a key, less those that were taken back. */
const held = '~held';
const eventTime = new Expression<never, unknown>('event time', (batch) => ({ kind: 'number', data: batch.times }));

/** Keys are looked through so many times while one waits to expire: they stay up to that share longer. */
const sweepsPerExpiry = 4;

/**
 * @param expire milliseconds after which a key without records is forgotten; Infinity: never
 * @param takesBack whether records that say `change: 'retract'` are taken out again
 * @throws HR_AGGREGATE from `add` for such records where an aggregate can only add
 */
export function createRunningAggregates(options: {
  readonly aggregates: Aggregates<never>;
  readonly expire: number;
  readonly retractions: boolean;
  readonly takesBack: boolean;
  readonly table: StateTable;
  readonly task: number;
}): RunningAggregates {
  const { expire, retractions, table } = options;
  const own = { [newest]: aggregateOf({ kind: 'leaf', leaf: { op: 'max', of: eventTime, where: undefined, by: undefined } }), [held]: count() };
  const onlyAdds = !layoutOf(options.aggregates).takesBack;
  const layout = layoutOf({ ...options.aggregates, ...own });
  const labels = groupLabels(layout);
  const create = () => new Pane(layout, labels, 0);
  const store = createPaneStore<Pane, Meta>(table, options.task, { layout: `running ${retractions} ${layout.text}`, labels, create });
  const { panes, meta } = store.load();
  let generation = meta.generation ?? 0;
  let swept = meta.swept ?? Number.NEGATIVE_INFINITY;
  let keyedBy = meta.keyedBy;
  let watermark = meta.watermark ?? Number.NEGATIVE_INFINITY;
  let lastFinite = watermark;
  let pane = panes.get(generation) ?? create();
  panes.set(generation, pane);
  let ids = new Int32Array(1024);
  // Keys whose result has changed since the watermark moved, and what it was before (retractions only; -1: there was none).
  let pending: number[] = [];
  let isPending = new Uint8Array(1024);
  let before: number[] = [];
  let old = new RowStore(undefined);
  const pendingKey = Buffer.from([options.task >> 8, options.task & 255, 255]);

  const times = (columns: ReadonlyMap<string, Column>) => Float64Array.from((columns.get(newest) as NumberColumn).data);
  const results = (rows: Int32Array): Batch<unknown> => {
    const keys = pane.keys.select(rows);
    const columns = resultColumns(pane, rows);
    const at = times(columns);
    columns.delete(newest);
    columns.delete(held);
    return new Batch(columnRows(rows.length, new Map([[keyedBy!.name, keyValues(keys, rows.length, keyedBy!.kind)], ...columns])), at, keys, keyedBy);
  };
  const told = (batch: Batch<unknown>, change: 0 | 1): Batch<unknown> => {
    if (!retractions) return batch;
    const fields = batch.rows.names!.map((name) => [name, batch.field(name)] as const);
    const column: Column = { kind: 'enum', symbols: ['insert', 'retract'], data: new Int32Array(batch.length).fill(change) };
    return new Batch(columnRows(batch.length, new Map([...fields, ['change', column]])), batch.times, batch.key, batch.keyedBy);
  };
  const heldAt = layout.place((own[held]!.node as Extract<AggregateNode, { kind: 'leaf' }>).leaf).at;
  const isEmpty = (row: number) => pane.slabs[0]!.data[row * pane.slabs[0]!.stride + heldAt]! <= 0;
  const mark = (row: number, slot: number) => {
    isPending[row] = 1;
    pending.push(row);
    before.push(slot);
  };
  const saved = table.get(pendingKey);
  if (saved !== undefined) {
    const reader = byteReader(saved);
    const rows = reader.int32s(reader.u32());
    const had = reader.int32s(rows.length);
    const slots = new Int32Array(had.reduce((sum, h) => sum + h, 0));
    old.read(reader, slots.length, slots);
    isPending = enlarged(isPending, pane.size);
    let at = 0;
    rows.forEach((row, i) => mark(row, had[i] === 1 ? slots[at++]! : -1));
  }

  return {
    add(batch) {
      keyedBy = batch.keyedBy;
      const signs = options.takesBack ? signsOf(batch) : undefined;
      if (signs !== undefined && onlyAdds) {
        throw new HeadraceError('HR_AGGREGATE', 'The records take earlier ones back (change: retract), which only counts, sums and what is made of them can follow: count, sum, mean, ratio, variance, countDistinct, quantiles, histogram, topK.');
      }
      const n = batch.length;
      if (ids.length < n) ids = new Int32Array(n * 2);
      const known = pane.size;
      pane.keys.internAll(batch.key!, n, ids);
      if (pane.size > isPending.length) isPending = enlarged(isPending, pane.size);
      const fresh: number[] = [];
      for (let i = 0; i < n; i++) {
        const row = ids[i]!;
        if (isPending[row] === 1) continue;
        if (row < known && retractions && !isEmpty(row)) fresh.push(row);
        else mark(row, -1);
        isPending[row] = 1;
      }
      if (fresh.length > 0) {
        const slots = new Int32Array(fresh.length);
        old.addAll(results(Int32Array.from(fresh)), slots);
        fresh.forEach((row, i) => mark(row, slots[i]!));
      }
      pane.accumulate(batch, ids, pane.size, signs);
    },
    *advance(time) {
      if (time <= watermark) return;
      watermark = time;
      if (time !== Number.POSITIVE_INFINITY) lastFinite = time;
      if (pending.length > 0) {
        const gone = Int32Array.from(before.filter((slot) => slot >= 0));
        if (gone.length > 0) {
          const rows = pending.filter((_, i) => before[i]! >= 0);
          const keys = pane.keys.select(rows);
          yield told(new Batch(old.rows(gone), times(resultColumns(pane, Int32Array.from(rows))), keys, keyedBy), 1);
        }
        // A key of which everything was taken back has no result to tell; as an upsert it has that of no records.
        const rows = retractions ? pending.filter((row) => !isEmpty(row)) : pending;
        if (rows.length > 0) yield told(results(Int32Array.from(rows)), 0);
        for (const row of pending) isPending[row] = 0;
        pending = [];
        before = [];
        old = new RowStore(undefined);
      }
      if (time === Number.POSITIVE_INFINITY || expire === Number.POSITIVE_INFINITY || time < swept + expire / sweepsPerExpiry) return;
      swept = time;
      const all = Int32Array.from({ length: pane.size }, (_, row) => row);
      const at = times(resultColumns(pane, all));
      const live = all.filter((row) => at[row]! >= time - expire);
      if (live.length === all.length) return;
      const rest = create();
      for (const row of live) rest.mergeRow(pane, row);
      panes.delete(generation);
      store.drop(generation);
      generation += 1;
      panes.set(generation, (pane = rest));
    },
    save() {
      if (pending.length > 0) {
        const out = byteWriter();
        out.u32(pending.length);
        out.array(Int32Array.from(pending));
        out.array(Int32Array.from(before, (slot) => (slot >= 0 ? 1 : 0)));
        old.write(out, Int32Array.from(before.filter((slot) => slot >= 0)));
        table.put(pendingKey, Uint8Array.from(out.finish()));
      } else if (table.get(pendingKey) !== undefined) table.delete(pendingKey);
      store.save(panes, { keyedBy, generation, swept: Number.isFinite(swept) ? swept : undefined, watermark: Number.isFinite(lastFinite) ? lastFinite : undefined });
      return pane.size;
    },
  };
}
