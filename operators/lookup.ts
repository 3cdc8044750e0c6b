import type { Observable } from 'rxjs';
import { Batch } from '../dataflow/batch.js';
import { columnFrom } from '../dataflow/column-from.js';
import { type Duration, durationMs } from '../dataflow/duration.js';
import { HeadraceError } from '../dataflow/errors.js';
import { createKeyedState, type KeyedState } from '../dataflow/state/keyed-state.js';
import { checkOptions } from '../dataflow/known-options.js';
import { meetStreams } from '../dataflow/joins/meet-streams.js';
import { pendingRows } from '../dataflow/rows/pending-rows.js';
import { type SameKey, type Selected, selectedFields, type Selection } from '../dataflow/joins/selection.js';
import type { NewId, Signal } from '../dataflow/signal.js';
import { prefixed, type StateTable } from '../dataflow/state/state-table.js';
import type { ErrorPolicy } from '../dataflow/step.js';
import type { TaskContext } from '../dataflow/task-context.js';
import { usableRows } from '../dataflow/usable-rows.js';
import { withColumns } from '../dataflow/with-columns.js';
import { cell } from '../schemas/column.js';
import { reject } from './operate.js';
import type { Key } from './window.js';

/** Settings of `lookup`. */
export interface LookupOptions<CS, Kind extends 'inner' | 'left'> {
  /** Fields that a record gets from the table's row: columns of its topic, or functions. */
  readonly columns: CS;
  /** `left`: a record without a row goes on with null in these fields; `inner`: it is left out. @default 'left' */
  readonly kind?: Kind;
  /** A key of the table without new rows for so long, in event time, is forgotten. @default 'never' */
  readonly expire?: Duration | 'never';
  /** Keys of the table that are kept in memory; the others wait on disk. @default 100,000 */
  readonly cached?: number;
  /** What happens to a row for which a function in `columns` throws. @default 'deadLetter' */
  readonly onError?: ErrorPolicy;
}

/** The versions of one key, oldest first: event time and values. */
interface Versions {
  rows: [time: number, values: unknown[]][];
}

/**
 * Adds to each record what a table says of its key at the record's event time.
 *
 * *When to use*: for things that change slowly: prices, profiles, rates, where the value of that moment counts, not the newest. *Details*: `table` is a keyed stream; its row
 * with the greatest event time up to that of the record is taken (of equal times the later one). A record waits until the watermark has passed its time, so that all
 * rows up to there are in; records leave in the order of their arrival. A field that the record has already is replaced. *State*: the records that wait for the watermark, and for each key of the
 * table its last row before the watermark and those after it, until `expire`; without it, state grows with the table. *Errors*: HR_DURATION.
 *
 * @example
 * lookup('rate', from(orders).pipe(keyBy(orders.currency)), from(rates).pipe(keyBy(rates.currency)), { columns: { rate: rates.rate } })
 * @see join, latest
 */
export function lookup<T, K extends Key, R, KR extends Key, const CS extends Selection<R>, const Kind extends 'inner' | 'left' = 'left', S extends string = string, const Id extends string = string>(
  id: Id & NewId<Id, S>,
  stream: Observable<Signal<T, K, S>>,
  table: Observable<Signal<R, KR, S>> & SameKey<K, KR>,
  options: LookupOptions<CS, Kind>,
): Observable<Signal<Omit<T, keyof CS> & Selected<CS, Kind extends 'left' ? null : never>, K, S | Id>> {
  checkOptions(options, ['columns', 'kind', 'expire', 'cached', 'onError'], `lookup "${id}"`);
  const expire = options.expire === undefined || options.expire === 'never' ? Number.POSITIVE_INFINITY : durationMs(options.expire, `lookup "${id}": expire`, 1);
  const { stored, functions } = selectedFields(options.columns as Selection<never>, `lookup "${id}"`);
  type Row = Omit<T, keyof CS> & Selected<CS, Kind extends 'left' ? null : never>;
  // The table comes first: within a tick its rows are in before the records.
  return meetStreams<Row, K>([table, stream] as never, { kind: 'lookup', id, details: { kind: options.kind ?? 'left' }, onError: options.onError }, (step) => {
    let context: TaskContext;
    let state: KeyedState<Versions>;
    let own: StateTable;
    let watermark = Number.NEGATIVE_INFINITY;
    const waiting = pendingRows();
    const waitingKey = () => Buffer.from([context.task >> 8, context.task & 255]);
    const found = (batch: Batch<unknown>): Batch<Row> | undefined => {
      const values: (unknown[] | undefined)[] = new Array<unknown[] | undefined>(batch.length);
      for (let i = 0; i < batch.length; i++) {
        const { rows } = state.get(batch.keyText(i));
        for (let v = rows.length - 1; v >= 0 && values[i] === undefined; v--) if (rows[v]![0] <= batch.times[i]!) values[i] = rows[v]![1];
      }
      const rows = Int32Array.from(values.keys()).filter((i) => values[i] !== undefined || options.kind !== 'inner');
      if (rows.length === 0) return undefined;
      const kept = batch.select(rows);
      const added = stored.map(({ name }, f) => [name, columnFrom(Array.from(rows, (i) => values[i]?.[f] ?? null))] as const);
      return new Batch<Row>(withColumns(kept.rows, added), kept.times, kept.key, kept.keyedBy);
    };
    return {
      onOpen(opened, partitionedBy) {
        context = opened;
        own = prefixed(context.table(id), 1);
        state = createKeyedState<Versions>({ table: prefixed(context.table(id), 0), task: context.task, init: () => ({ rows: [] }), expire, cached: options.cached ?? 100_000 });
        watermark = state.reached;
        const saved = own.get(waitingKey());
        if (saved !== undefined) for (const batch of waiting.restore(saved)) waiting.push(batch);
        const by = partitionedBy[1];
        return stored.some(({ name }) => name === by) ? undefined : by;
      },
      onBatch(input, batch) {
        if (batch.key === undefined) throw new HeadraceError('HR_STEP_UNKEYED', `lookup "${id}" needs keyed streams.`);
        if (input === 1) {
          waiting.push(batch);
          return;
        }
        const usable = usableRows(batch, functions, (row, error) => reject(step, context, batch, row, error));
        const columns = usable && stored.map(({ of }) => usable.column(of));
        for (let i = 0; i < (usable?.length ?? 0); i++) {
          const key = usable!.keyText(i);
          const time = usable!.times[i]!;
          const versions = state.get(key, time);
          let at = versions.rows.length;
          while (at > 0 && versions.rows[at - 1]![0] > time) at -= 1;
          versions.rows.splice(at, 0, [time, columns!.map((column) => cell(column, i))]);
          // Of the rows that all waiting records lie behind, only the last can be asked for.
          const past = versions.rows.findLastIndex(([t]) => t < watermark);
          if (past > 0) versions.rows.splice(0, past);
          state.touch(key, time);
        }
      },
      onWatermark(time, emit) {
        if (time <= watermark) return time;
        for (const batch of waiting.takeBefore(time)) {
          const rows = found(batch);
          if (rows !== undefined) emit(rows);
        }
        watermark = time;
        state.reach(time);
        return time;
      },
      onBarrier() {
        const bytes = waiting.save(() => true);
        if (bytes !== undefined) own.put(waitingKey(), bytes);
        else if (own.get(waitingKey()) !== undefined) own.delete(waitingKey());
        state.save();
        return waiting.next + state.held;
      },
    };
  });
}
