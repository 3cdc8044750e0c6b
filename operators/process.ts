import { Batch, objectRows, type KeyedBy } from '../dataflow/batch.js';
import { type Duration, durationMs } from '../dataflow/duration.js';
import { HeadraceError, type Place } from '../dataflow/errors.js';
import { checkOptions } from '../dataflow/known-options.js';
import { createKeyedState, type KeyedState } from '../dataflow/state/keyed-state.js';
import type { NewId } from '../dataflow/signal.js';
import type { TaskContext } from '../dataflow/task-context.js';
import type { ErrorPolicy } from '../dataflow/step.js';
import { stringColumn } from '../schemas/column.js';
import { type Emit, type Operator, operate, reject } from './operate.js';
import type { Key } from './window.js';

/** What a process function may do while it looks at one key. */
export interface ProcessContext<Out> {
  /** The key, as text. */
  readonly key: string;
  /** Event time of the record, or time of the timer (epoch ms). */
  readonly time: number;
  /** Where the record was read; empty for a timer and behind a window. */
  readonly place: Place;
  /** Event time that has been reached: no earlier record is expected. */
  readonly watermark: number;
  /** Hands on a record; its event time is `time` unless another is given. */
  emit(record: Out, time?: number): void;
  /** Calls `onTimer` when the watermark reaches `time`. The same time twice is one timer. */
  timer(time: number): void;
  /** Calls `onTimer` when the clock reaches `time`; live runs only, and not repeated by a replay. */
  processingTimer(time: number): void;
  /** Forgets the key's state. */
  clear(): void;
}

/** A step of one's own: state per key, records in, records out. */
export interface ProcessFunction<T, S, Out> {
  /** State of a key that is seen for the first time: plain data (what `structuredClone` takes). */
  init(key: string): S;
  /** A record. Change `state` in place. */
  onRecord(record: T, state: S, context: ProcessContext<Out>): void;
  /** A timer of the key. */
  onTimer?(time: number, state: S, context: ProcessContext<Out>): void;
}

/** Settings of `process`. */
export interface ProcessOptions {
  /** State of a key without records for so long, in event time, is forgotten. @default 'never' */
  readonly expire?: Duration | 'never';
  /** Keys whose state is kept in memory; the others wait on disk. @default 100,000 */
  readonly cached?: number;
  /**
   * The records that go on have the key in the field that it was taken from, unchanged: then `keyBy` and `to` behind it need no exchange. It is
   * checked (HR_KEY). @default false
   */
  readonly keepsKey?: boolean;
  /** What happens to a record for which the function throws. @default 'deadLetter' */
  readonly onError?: ErrorPolicy;
}

/**
 * Runs a function with state and timers for each key.
 *
 * *When to use*: for what no declared step says: session logic, patterns, alerts. *Details*: records of a key come in the order of
 * event-time ticks; timers fire in the order of their times, between the records before and after. The result keeps the key. *State*: one value a
 * key until `clear` or `expire`; saved with each epoch, the most recently used ones held in memory. *Errors*: an exception follows the
 * step's error policy, the state keeps what was changed before it.
 *
 * @example
 * keyBy(clicks.userId), process('first-click', {
 *   init: () => ({ seen: false }),
 *   onRecord(click, state, { emit }) {
 *     if (!state.seen) emit(click);
 *     state.seen = true;
 *   },
 * })
 * @see window, keyBy
 */
export function process<T, K extends Key, S, Out, Before extends string = string, const Id extends string = string>(id: Id & NewId<Id, Before>, run: ProcessFunction<T, S, Out>, options: ProcessOptions = {}): Operator<T, Out, K, K, Before, Before | Id> {
  if (typeof run?.init !== 'function' || typeof run.onRecord !== 'function') throw new HeadraceError('HR_ARGUMENT', `process("${id}") needs an object with init and onRecord.`, { place: { step: id } });
  checkOptions(options, ['expire', 'cached', 'keepsKey', 'onError'], `process "${id}"`);
  const expire = options.expire === undefined || options.expire === 'never' ? Number.POSITIVE_INFINITY : durationMs(options.expire, `process "${id}": expire`, 1);
  const details: Record<string, string> = options.expire === undefined ? {} : { expire: String(options.expire) };
  return operate<T, Out, K>({ kind: 'process', id, details, onError: options.onError, keepsPartitioning: options.keepsKey ?? false }, (step) => {
    let task: TaskContext;
    let state: KeyedState<S>;
    let keyedBy: KeyedBy | undefined;
    let watermark = Number.NEGATIVE_INFINITY;
    const out = { values: [] as Out[], times: [] as number[], keys: [] as string[], rows: [] as number[] };
    let row = -1;
    let key = '';
    let time = 0;
    let send: Emit<Out>;
    let current: Batch<T, unknown> | undefined;
    const context: ProcessContext<Out> = {
      get key() {
        return key;
      },
      get time() {
        return time;
      },
      get place() {
        return row >= 0 && current !== undefined ? current.rows.place(row) : {};
      },
      get watermark() {
        return watermark;
      },
      emit(record, at = time) {
        if (options.keepsKey && String((record as Readonly<Record<string, unknown>>)[keyedBy!.name]) !== key) {
          throw new HeadraceError('HR_KEY', `process "${id}" says that it keeps the key, but emits a record whose ${keyedBy!.name} is not "${key}".`);
        }
        out.values.push(record);
        out.times.push(at);
        out.keys.push(key);
        out.rows.push(row);
      },
      timer: (at) => state.setTimer(key, at),
      processingTimer(at) {
        const of = key;
        task.atProcessingTime(at, () => fire(of, at));
      },
      clear: () => state.clear(key),
    };
    const flush = (emit: Emit<Out>, from?: Batch<T, unknown>) => {
      if (out.values.length === 0) return;
      const origin = from && { rows: from.rows, origin: Int32Array.from(out.rows) };
      emit(new Batch(objectRows(out.values, origin), Float64Array.from(out.times), stringColumn(out.keys), keyedBy ?? { name: 'key', kind: 'string' }));
      out.values = [];
      out.times = [];
      out.keys = [];
      out.rows = [];
    };
    const fire = (of: string, at: number) => {
      key = of;
      time = at;
      row = -1;
      run.onTimer?.(at, state.get(key), context);
      state.touch(key, Number.NEGATIVE_INFINITY);
      flush(send);
    };
    return {
      onOpen(opened, emit) {
        task = opened;
        send = emit;
        state = createKeyedState({ table: opened.table(id), task: opened.task, init: (k) => run.init(k), expire, cached: options.cached ?? 100_000 });
        keyedBy = state.keyedBy;
        watermark = state.reached;
      },
      onBatch(batch, emit) {
        if (batch.key === undefined || batch.keyedBy === undefined) throw new HeadraceError('HR_STEP_UNKEYED', `process "${id}" needs a keyed stream.`);
        if (keyedBy === undefined) state.keyedBy = keyedBy = batch.keyedBy;
        current = batch;
        for (row = 0; row < batch.length; row++) {
          key = batch.keyText(row);
          time = batch.times[row]!;
          try {
            run.onRecord(batch.value(row), state.get(key, time), context);
          } catch (error) {
            reject(step, task, batch, row, error);
          }
          state.touch(key, time);
        }
        flush(emit, batch);
      },
      onWatermark(now, emit) {
        // A restart gives the last watermark again: no time has passed.
        if (now <= watermark) return;
        watermark = now;
        for (const timer of dueTimers(state, now)) {
          key = timer.key;
          time = timer.time;
          row = -1;
          try {
            run.onTimer?.(time, state.get(key), context);
          } catch (cause) {
            throw new HeadraceError('HR_STEP', `onTimer of key "${key}" at ${time}: ${(cause as Error).message}`, { cause });
          }
          state.touch(key, Number.NEGATIVE_INFINITY);
        }
        state.reach(now);
        flush(emit);
      },
      onBarrier() {
        state.save();
        return state.held;
      },
    };
  });
}

/** Timers that may fire one from another at the end of the input: more of them are taken for a timer that sets itself again for ever. */
const timersAtEnd = 1_000_000;

/** Timers up to `now`, in order, those that are set meanwhile included. */
function* dueTimers<S>(state: KeyedState<S>, now: number): Generator<{ readonly key: string; readonly time: number }> {
  let fired = 0;
  for (let timer = state.nextTimer(now); timer !== undefined; timer = state.nextTimer(now)) {
    fired += 1;
    if (now === Number.POSITIVE_INFINITY && fired > timersAtEnd) {
      throw new HeadraceError('HR_STEP', `At the end of the input ${timersAtEnd} timers have fired and there is no end: the timer of key "${timer.key}" seems to set itself again without a limit.`);
    }
    yield timer;
  }
}
