import type { RecordBlock } from '../record-block.js';

/** The tasks that a process has for a while. */
export interface Share {
  readonly tasks: readonly number[];
  /** Those of them that it had before, and that nobody else can have had meanwhile: what is open for them stands. */
  readonly kept: readonly number[];
}

/** The part that a process has in running a pipeline, where several share its tasks. */
export interface TaskShares {
  /**
   * Waits for the tasks of this process, and gives back those that it had and has no longer. Everything that it did for them must be committed or given up. Their state, as committed by whoever had
   * them before, is there when this returns.
   */
  next(): Promise<Share>;
  /** There is another share: commit, then ask for the `next` one. */
  readonly moving: boolean;
  /** After HR_EPOCH_FENCED: others have the tasks now, and whatever was not committed is theirs to do. `next` joins again. @throws HR_EPOCH_FENCED when this process cannot take part any more */
  lose(): Promise<void>;
  /** What the tasks of all processes send to one another; undefined where they send nothing. */
  readonly parcels?: ParcelLog | undefined;
  /** Gives the tasks to the others at once. */
  leave(): Promise<void>;
}

/** What there is to share. */
export interface SharedPipeline {
  readonly pipeline: string;
  /** How many tasks there are. */
  readonly tasks: number;
  /** All tasks belong to one process; others stand by until it is gone. */
  readonly whole: boolean;
  /** Tasks send records to one another. */
  readonly exchanges: boolean;
  /** Topics that are read, and their partitions. */
  readonly topics: ReadonlyMap<string, number>;
  /** How this process runs it, in words, as far as all have to run it alike: one that says anything else than those that run it already ends with HR_GROUP_MISMATCH. */
  readonly terms: string;
}

/** Brings what tasks send to one another from process to process: records for each receiving task, which are written with epochs (`EpochCommit.parcels`). */
export interface ParcelLog {
  /** Name of this process as a sender, which no other has, nor this one in another share. */
  readonly sender: string;
  /** First offset and one past the last of what is there for a task. When a share begins, all that processes before it have committed is there. */
  bounds(task: number): Promise<{ readonly start: number; readonly end: number }>;
  /** As `LogClient.read`. @throws HR_EPOCH_FENCED what is there was deleted: another process has the task, and has drained it */
  read(task: number, offset: number): Promise<RecordBlock | undefined>;
}
