/** The part that a process has in running a pipeline, where several share its tasks. */
export interface TaskShares {
  /**
   * Waits for the tasks of this process, and gives back those that it had. Everything that it did for them must be committed or given up. Their state, as committed by whoever had
   * them before, is there when this returns.
   */
  next(): Promise<readonly number[]>;
  /** Others have come or gone: commit, then ask for the `next` share. */
  readonly moving: boolean;
  /** After HR_EPOCH_FENCED: others have the tasks now, and whatever was not committed is theirs to do. `next` joins again. @throws HR_EPOCH_FENCED when this process cannot take part any more */
  lose(): Promise<void>;
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
  /** Topics that are read, and their partitions. */
  readonly topics: ReadonlyMap<string, number>;
}
