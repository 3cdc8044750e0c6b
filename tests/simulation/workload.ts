import type { KafkaRuntime } from '../../connectors/kafka/kafka-runtime.js';
import type { EpochCommit, Position } from '../../dataflow/ports/log-client.js';
import type { StateBackend } from '../../dataflow/ports/state-backend.js';
import type { SimulatedBrokers } from './brokers/simulated-brokers.js';
import type { SimulatedProcess } from './simulated-process.js';
import type { SimulatedTime } from './simulated-time.js';

/** What a pipeline process tells the world. */
export interface PipelineReport {
  /** It has tasks, and goes on behind this epoch. */
  opened(epoch: number): void;
  committed(epoch: number): void;
  /** It began to look for records at this time, and there were none. */
  idle(since: number): void;
  /** Others have its tasks; it joins again. */
  lost(): void;
  wrong(what: string): void;
}

/** Where a process runs, and how it is told to stop. */
export interface PipelinePlace {
  readonly runtime: KafkaRuntime;
  readonly process: SimulatedProcess;
  /** It ends what it has begun, and stops. */
  readonly last: AbortSignal;
  readonly report: PipelineReport;
}

/** What a run of the simulation is of. */
export interface Simulation {
  readonly time: SimulatedTime;
  readonly brokers: SimulatedBrokers;
  readonly partitions: number;
  /** Processes share the tasks, or one takes over from the other. */
  readonly isGroup: boolean;
  /** Epoch milliseconds at which the run begins. */
  readonly startTime: number;
  /** Whether it is this process that should go on with the pipeline as a whole. */
  isOwner(process: SimulatedProcess): boolean;
}

/** Records to append as one, and what each of them is called. */
export interface Import {
  readonly names: readonly string[];
  readonly outputs: EpochCommit['outputs'];
}

/** What simulated processes work on, and how it is judged. */
export interface Workload {
  readonly pipeline: string;
  /** Topics that are imported. */
  readonly inputs: readonly string[];
  /** Processes end by themselves when they have come to the end of the input, and others begin when there is more. */
  readonly isBounded: boolean;
  /** Milliseconds that faults last at least. */
  readonly stormMs: number;
  /** Some more records. */
  records(): Import;
  /** What a record in an input topic is called. */
  nameOf(record: { readonly key: Uint8Array; readonly value: Uint8Array }): string;
  /** Runs the pipeline in a process until it is told to stop. */
  run(place: PipelinePlace): Promise<void>;
  /** Whether everything has been processed and committed. */
  isComplete(): boolean;
  /** How a process opens its runtime, for `finish`. */
  readonly finishesAs: 'write' | 'join';
  /** Looks at the pipeline, or ends its input, from a machine that knows nothing of it. @returns what is wrong */
  finish(place: Pick<PipelinePlace, 'runtime' | 'process'>): Promise<string[]>;
  /** What is wrong with a state of all tasks that was read together with these positions. */
  judgeLook?(state: StateBackend, positions: readonly Position[]): string[];
  /** What is wrong with what is committed. */
  judge(): Promise<string[]>;
}
