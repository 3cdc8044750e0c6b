/** Distributions over lists of actions: that of row `i` is from `start[i]` up to `start[i + 1]`. */
export interface ListedDistributions {
  readonly start: Int32Array;
  readonly action: Int32Array;
  readonly probability: Float64Array;
}

/**
 * The policy to be evaluated, as probabilities. `shown`: of what was shown, a value a decision; enough for estimators without an outcome model.
 * `distribution`: decisions × actions, row after row. `slots`: slots × actions, the same for every decision. `uniform`: 1 / actions.
 * `listed`: of what could be chosen only, where that differs between decisions, in the order of the log's own lists; costs go with their lengths. Columns are as long as the log that was given; rows that were left out of it are skipped here too.
 */
export type Candidate =
  | { readonly shown: Float64Array }
  | { readonly distribution: Float64Array }
  | { readonly slots: readonly ArrayLike<number>[] }
  | { readonly listed: ListedDistributions }
  | { readonly uniform: true };
