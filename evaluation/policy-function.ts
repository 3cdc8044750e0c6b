/** A decision as a policy written in JavaScript sees it. */
export interface PolicyDecision {
  /** What can be chosen: numbers from 0, or names where the log has names. */
  readonly actions: readonly (number | string)[];
  /** What was known: the numbers of the log's context, none where it has none. */
  readonly context: readonly number[];
  /** Of each of `actions`, what the model of the log said of it; undefined where that is not logged. */
  readonly scores: readonly number[] | undefined;
  /** Of each of `actions`, its features; undefined where they are not logged. */
  readonly features: readonly (readonly number[])[] | undefined;
  /** Position on the page, from 0. */
  readonly slot: number;
  /** Epoch ms; undefined where the log has no times. */
  readonly time: number | undefined;
}

/**
 * A candidate as a function: the probability of each of `actions`, in their order. Default export of a module for `headrace evaluate --policy module.ts`.
 *
 * @example
 * const policy: PolicyFunction = ({ actions }) => actions.map((_, k) => (k === 0 ? 0.9 : 0.1 / (actions.length - 1)));
 */
export type PolicyFunction = (decision: PolicyDecision) => readonly number[] | Float64Array;
