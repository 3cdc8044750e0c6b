/**
 * Keyed state of a pipeline, as committed by its last epoch; ordered by key bytes. Changes are not made here: a step
 * hands its writes to the epoch (`EpochCommit.state`). Reads are synchronous, since they stand in the hot path.
 */
export interface StateBackend {
  /** The value of a key, or undefined. The bytes stay valid after the next call. At most `maxKeyBytes` of key. */
  get(pipeline: string, step: string, key: Uint8Array): Uint8Array | undefined;
  /** Entries with `from <= key < to` in key order; `to` undefined: to the end of the step's state. The bytes of an entry stay valid after the next one. */
  range(pipeline: string, step: string, from: Uint8Array, to?: Uint8Array): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }>;
  /** The steps of a pipeline that have state. */
  steps(pipeline: string): readonly string[];
  /** The state of one task. Without this, entries are those of all tasks: of a key that several have, the first task's counts. */
  of(task: number): StateBackend;
  /** The tasks of a pipeline that have state, in order. */
  tasks(pipeline: string): readonly number[];
  /** Lets the next read see the newest commit of another thread or process. */
  refresh(): void;
}

/** Longest key of a state entry in bytes; longer entity keys are digested by `stateKey`. */
export const maxKeyBytes = 1_024;

/** No state at all. */
export const emptyState: StateBackend = {
  get: () => undefined,
  range: () => [],
  steps: () => [],
  of: () => emptyState,
  tasks: () => [],
  refresh() {},
};
