import type { Batch } from './batch.js';
import type { Clock } from './clock.js';
import type { HeadraceError } from './errors.js';
import type { Metrics } from './metrics.js';
import type { OutsideWork } from './outside-work.js';
import type { ArtefactStore } from './ports/artefact-store.js';
import type { FeaturePublisher } from './ports/feature-publisher.js';
import type { RecordBlock } from './record-block.js';
import type { Signal } from './signal.js';
import type { StateTable } from './state/state-table.js';
import type { AnyTopic } from './topic.js';
import type { WatermarkMerge } from './watermark-merge.js';

/** What a step may know of the task that it runs in, and what it may use. Given with the `open` signal. */
export interface TaskContext {
  readonly pipeline: string;
  /** Number of this task, from 0. */
  readonly task: number;
  /** Number of tasks of the pipeline. */
  readonly tasks: number;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Aborted when the task must stop at once. */
  readonly abort: AbortSignal;
  /** Whether the input has an end: then nothing waits for more records. */
  readonly bounded: boolean;
  /** The keyed state of a step. */
  table(step: string): StateTable;
  /** Appends records to a topic; they become visible with the epoch. */
  output(topic: AnyTopic): TopicOutput;
  /** The way of a step's records to other tasks. @param options `writes`: what arrives is written to a topic, and goes no further */
  exchange(step: string, options?: { readonly writes?: boolean }): Exchange;
  /** Merges the watermarks of as many inputs of a step. What it knows is kept with each epoch, until the end of a bounded input. */
  watermarks(step: string, inputs: number): WatermarkMerge;
  /** An exchange that ends where it begins: signals wait until their tick is due behind the exchanges before `step`. */
  local(step: string): Exchange;
  /** Sets a record aside: its bytes go to `<step>.dlq` with the error. */
  deadLetter(step: string, batch: Batch<unknown>, row: number, error: HeadraceError): void;
  /** Calls `fire` at the next turn of the run when the clock has reached `time`; see `process`. */
  atProcessingTime(time: number, fire: () => void): void;
  /** Brings features to a store outside; undefined where look-ups read the state itself. */
  readonly publisher: FeaturePublisher | undefined;
  /** Keeps what is too large for a record: models. */
  readonly artefacts: ArtefactStore;
  /** Tells the run of calls that `step` makes outside of the stream. */
  outside(step: string, work: OutsideWork): void;
  /** Calls `release` at the end of each tick, steps before those that they feed. Within a tick the sizes of batches must not show. */
  atTickEnd(release: () => void): void;
  /** Tells the person at the terminal something, once for each `what`. */
  warn(what: string, message: string): void;
}

/** Appends to the partitions of one topic. */
export interface TopicOutput {
  readonly partitions: number;
  /** Schema id of the topic's values in the registry. */
  readonly schemaId: number;
  /** Others write to its partitions as well: what belongs to a tick has to be appended at its end. */
  readonly shared: boolean;
  append(partition: number, block: RecordBlock): void;
}

/** Carries records to the task that owns their key. Order at the receiver: by tick, then by sending task. */
export interface Exchange {
  send(task: number, batch: Batch<unknown>): void;
  watermark(time: number, idle: boolean): void;
  /** Where what arrives for this task goes. */
  receive(next: (signal: Signal<unknown, unknown>) => void): void;
}
