/**
 * The policy to be evaluated, as probabilities. `shown`: of what was shown, a value a decision; enough for estimators without an outcome model.
 * `distribution`: decisions × actions, row after row. `slots`: slots × actions, the same for every decision. `uniform`: 1 / actions.
 * Columns are as long as the log that was given; rows that were left out of it are skipped here too.
 */
export type Candidate =
  | { readonly shown: Float64Array }
  | { readonly distribution: Float64Array }
  | { readonly slots: readonly ArrayLike<number>[] }
  | { readonly uniform: true };
