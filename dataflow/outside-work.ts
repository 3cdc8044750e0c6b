/**
 * What a step has going on outside of the stream: calls whose outcomes come back later. The run asks for outcomes at the beginning of an epoch, writes them down
 * with it, and only then lets them enter, so that a restart never forgets an outcome whose effects were committed, and a replay meets the same outcomes at the same place.
 */
export interface OutsideWork {
  /** Inputs that have come in and not come out. */
  readonly waiting: number;
  /** No further input should come until some have come out. */
  readonly full: boolean;
  /** Outcomes that `take` would give. */
  readonly ready: number;
  /** When a barrier would let calls begin (epoch milliseconds): the past, the time of a retry, or Infinity where nothing waits for one. */
  readonly wantsEpoch: number;
  /** The epoch of the last barrier is committed: calls that it recorded may begin. Not called in a replay. */
  begin(): void;
  /** The outcomes since the last call, as bytes for `enter`; undefined: none. */
  take(): Uint8Array | undefined;
  /** Brings outcomes into the stream: what `take` gave, in this run or in the one that is replayed. */
  enter(outcomes: Uint8Array): void;
  /** The run ends: what is under way is given up. */
  stop(): void;
  /** Calls `wake` whenever an outcome has come. */
  onOutcome(wake: () => void): void;
}
