import type { Batch, Unkeyed } from './batch.js';
import type { Combining } from './combining.js';
import type { TaskContext } from './task-context.js';

/**
 * The one element type of a stream: records travel in batches, control travels in the same channel, in order.
 * `T` is the record, `K` the name and type of the key (`Unkeyed` before `keyBy`), `S` the ids of the steps so far, where they are known (`string` where not).
 */
export type Signal<T, K = Unkeyed, S extends string = string> = OpenSignal | BatchSignal<T, K, S> | WatermarkSignal | BarrierSignal | CloseSignal;

/** First, once: the task that runs the stream. */
export interface OpenSignal {
  readonly kind: 'open';
  readonly context: TaskContext;
  /** Field whose value decides the task of a record here, when all records with one value are in one task. */
  readonly partitionedBy: string | undefined;
  /** The step before sends records to other tasks, and can add them up first. */
  readonly combining?: Combining | undefined;
}

/** Records. */
export interface BatchSignal<T, K = Unkeyed, S extends string = string> {
  readonly kind: 'batch';
  readonly batch: Batch<T, K>;
  /** Only types know it. */
  readonly steps?: S;
}

/** No record with an event time under `time` is expected any more. Never goes back. */
export interface WatermarkSignal {
  readonly kind: 'watermark';
  /** Epoch milliseconds; Infinity at the end of a bounded input. */
  readonly time: number;
  /** The input is idle: it does not hold back the watermark where streams meet, until its next signal. */
  readonly idle?: boolean;
}

/** Everything before it belongs to `epoch`: flush, write state, pass it on. */
export interface BarrierSignal {
  readonly kind: 'barrier';
  readonly epoch: number;
}

/** Last: why the stream ends here. */
export interface CloseSignal {
  readonly kind: 'close';
  readonly reason: 'end' | 'reassigned' | 'shutdown';
}

/** Nothing where no step so far has the id, or where that is not known; else a type that no id has, whose name says why. */
export type NewId<Id extends string, S extends string> = string extends Id | S ? unknown : Id extends S ? { readonly 'a step before this one has the same id': Id } : unknown;
