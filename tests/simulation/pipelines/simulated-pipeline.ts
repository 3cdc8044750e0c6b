import type { Pipeline } from '../../../dataflow/pipeline.js';
import type { AnyTopic } from '../../../dataflow/topic.js';
import type { SimulatedTime } from '../simulated-time.js';

/** A pipeline that the simulation runs with the engine. One more is a file here and a line in `all-pipelines.ts`. */
export interface SimulatedPipeline {
  readonly name: string;
  /** Makes the pipeline: each process has its own. */
  create(): Pipeline;
  /** Topics that are imported. */
  readonly inputs: readonly AnyTopic[];
  /**
   * The record number `n` of all, and its topic. Records have to differ in their bytes. Bytes instead of a record go where no key sends them, as one that cannot be read.
   *
   * @param now epoch milliseconds of simulated time
   */
  record(n: number, chance: Pick<SimulatedTime, 'random' | 'chance' | 'between'>, now: number): { readonly topic: AnyTopic; readonly record: object };
  /** In a fifth of the runs processes are bounded, and others begin when there is more. @default false */
  readonly endsInBetween?: boolean;
  /** Outputs of which each partition is written by several tasks: where these are in several processes, their records come in any order. @default none */
  readonly unordered?: readonly string[];
}
