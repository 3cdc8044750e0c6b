import { partialsOf } from '../dataflow/combining.js';
import { Batch, columnRows, type KeyedBy } from '../dataflow/batch.js';
import { type Aggregates, layoutOf } from '../dataflow/accumulators/layout.js';
import type { Aggregate } from '../dataflow/aggregates/aggregate.js';
import { durationMs, type Duration } from '../dataflow/duration.js';
import { HeadraceError } from '../dataflow/errors.js';
import type { NewId } from '../dataflow/signal.js';
import type { ErrorPolicy } from '../dataflow/step.js';
import { checkOptions } from '../dataflow/known-options.js';
import type { TaskContext } from '../dataflow/task-context.js';
import type { Topic } from '../dataflow/topic.js';
import { createSessions } from '../dataflow/windows/sessions.js';
import { createSlidingWindows } from '../dataflow/windows/sliding-windows.js';
import { gapMs, type SessionSpec, slidingMs, type SlidingSpec, windowMs, type WindowSpec } from '../dataflow/windows/window-spec.js';
import { createWindows, type Windows, type WindowsOptions } from '../dataflow/windows/windows.js';
import { type Operator, operate, reject } from './operate.js';
import { usableRows } from '../dataflow/usable-rows.js';
import { type TopicWriter, ownersWriter } from './to.js';

/** The value of an aggregate. */
export type ResultOf<A> = A extends Aggregate<never, infer V> ? V : A extends { result(state: never): infer V } ? V : never;

/** A window's result: the key under its name, the window, how often it was corrected, and the aggregates. */
export type WindowRow<K, A> = K & {
  /** Epoch milliseconds, inclusive. */
  readonly windowStart: number;
  /** Epoch milliseconds, exclusive. */
  readonly windowEnd: number;
  /** 0 for the first result of a window and key, then 1, 2, … for corrections by late records. */
  readonly revision: number;
} & { readonly [F in keyof A]: ResultOf<A[F]> };

/** A record that came too late for every window it belongs to. */
export type SideOutput<T> = Topic<T>;

/** Settings of `window` beside the windows themselves. */
export interface WindowOptions<T> {
  /** How far behind its window's end a record may come, by the watermark, and still correct the result. @default '0s' */
  readonly lateness?: Duration;
  /** Topic for records later than that. @default they are counted and left out */
  readonly late?: Topic<T> | undefined;
  /** What happens to a record for which a function in a declared aggregate throws. @default 'deadLetter' */
  readonly onError?: ErrorPolicy;
}

/** A keyed stream's key, as an object type. */
export type Key = { readonly [name: string]: unknown; readonly unkeyed?: never };

/**
 * Aggregates the records of each key in windows of event time, and emits a row when the watermark has passed a window's end.
 *
 * *When to use*: for counts, sums and the like per key and stretch of time. *Details*: windows are [start, end), aligned to the epoch.
 * A late record within `lateness` corrects the result: the row is emitted again with the next `revision` when the watermark
 * next moves. Later ones go to `late`. With `gap` (`session('30m')`) windows are sessions: as long as a key is active; a late record may lengthen or
 * merge sessions, and a corrected row replaces every earlier row of its key that it overlaps. With `sliding` (`sliding('10m')`) there is a window for each time t at which a key has a record,
 * (t - size, t], and its row goes out when the watermark has passed t; a late record gives a row of its own and corrects those that are behind it by less than the size. The event time of a row is its window's last millisecond, so that windows can be chained. Overlapping
 * windows share panes of length `every`. *Cost* of a row of overlapping windows: the newest pane of its key added to the window before and the oldest taken out, where that gives the same to the last bit
 * (counts, sums of whole numbers and what is made of them); else all panes of its key added up. *State*: one row of numbers for each key and pane, until the last window of the pane
 * is past its lateness, and of overlapping windows one more in memory; of sessions one row each, until they are past it, and as many holes; of sliding windows what the aggregates read of each record, for the size, the lateness and a 64th of the size, and one row of
 * numbers for each key and 64th of the size. *Errors*: HR_WINDOW, HR_DURATION, HR_AGGREGATE when the pipeline is built.
 *
 * @example
 * from(clicks).pipe(
 *   keyBy(clicks.itemId),
 *   window('ctr', { every: '5m', lateness: '1m' }, { shown: count().where(clicks.eventType.is('IMPRESSION')) }),
 * )
 * @see tiles, process
 */
export function window<T, K extends Key, const A extends Aggregates<T>, S extends string = string, const Id extends string = string>(
  id: Id & NewId<Id, S>,
  windows: (WindowSpec | SessionSpec | SlidingSpec) & WindowOptions<T>,
  aggregates: A,
  options: WindowOptions<T> = {},
): Operator<T, WindowRow<K, A>, K, K, S, S | Id> {
  const { names, create } = kindOf(windows, id);
  checkOptions(windows, [...names, 'lateness', 'late', 'onError'], `window "${id}"`);
  checkOptions(options, ['lateness', 'late', 'onError'], `window "${id}"`);
  const lateness = durationMs(options.lateness ?? windows.lateness ?? 0, `window "${id}": lateness`);
  const late = options.late ?? windows.late;
  const given = windows as unknown as Readonly<Record<string, Duration | undefined>>;
  const details = {
    ...Object.fromEntries(names.filter((name) => given[name] !== undefined).map((name) => [name, String(given[name])])),
    lateness: String(options.lateness ?? windows.lateness ?? '0s'),
  };
  const sides = late === undefined ? [] : [late];
  const { functions } = layoutOf(aggregates as unknown as Aggregates<never>);
  const onError = options.onError ?? windows.onError;
  return operate<T, WindowRow<K, A>, K>({ kind: 'window', id, details, sides, onError, keepsPartitioning: true }, (step) => {
    let context: TaskContext;
    let state: Windows;
    let keyedBy: KeyedBy | undefined;
    let lateWriter: TopicWriter | undefined;
    return {
      onOpen(opened, _emit, _pass, { partitionedBy, combine }) {
        context = opened;
        lateWriter = late && ownersWriter(late, step, context, { id: `${id}/late`, partitionedBy });
        state = create({
          lateness,
          aggregates: aggregates as unknown as Aggregates<never>,
          table: context.table(id),
          task: context.task,
          onLate(records: number, batch: Batch<unknown> | undefined) {
            context.metrics.add('headrace_records_late_total', id, records);
            if (batch !== undefined) lateWriter?.write(batch);
          },
          onCorrections: (n: number) => context.metrics.add('headrace_corrections_total', id, n),
        });
        keyedBy = state.keyedBy;
        // late records go to their topic, and those that a function refuses to the dead letters, as they are
        if (state.combiner !== undefined && late === undefined && functions.length === 0) combine?.(state.combiner);
      },
      onBatch(batch) {
        const partials = partialsOf(batch);
        if (partials !== undefined) {
          if (keyedBy === undefined) state.keyedBy = keyedBy = batch.keyedBy;
          for (const partial of partials) state.addPartial!(partial);
          return;
        }
        if (batch.key === undefined || batch.keyedBy === undefined) throw new HeadraceError('HR_STEP_UNKEYED', `window "${id}" needs a keyed stream.`);
        if (keyedBy === undefined) state.keyedBy = keyedBy = batch.keyedBy;
        const usable = functions.length === 0 ? batch : usableRows(batch, functions, (row, error) => reject(step, context, batch, row, error));
        if (usable !== undefined) state.add(usable as Batch<unknown>);
      },
      onWatermark(time, emit) {
        for (const fired of state.advance(time)) {
          const key = fired.keyColumn(keyedBy!.kind);
          const columns = new Map([[keyedBy!.name, key], ...fired.columns]);
          emit(new Batch(columnRows(fired.length, columns), fired.times, fired.keys, keyedBy));
        }
      },
      onBarrier() {
        lateWriter?.flush();
        return state.save();
      },
    };
  });
}

/** The names of the settings of a kind of windows, and what makes them. Errors: HR_WINDOW, HR_DURATION. */
function kindOf(windows: WindowSpec | SessionSpec | SlidingSpec, id: string): { names: readonly string[]; create: (options: WindowsOptions) => Windows } {
  if ('gap' in windows) {
    const gap = gapMs(windows, id);
    return { names: ['gap'], create: (options) => createSessions({ ...options, gap }) };
  }
  if ('sliding' in windows) {
    const size = slidingMs(windows, id);
    return { names: ['sliding'], create: (options) => createSlidingWindows({ ...options, size }) };
  }
  const shape = windowMs(windows, id);
  return { names: ['every', 'size', 'offset'], create: (options) => createWindows({ ...options, shape }) };
}
