/**
 * How a step tells that an earlier result has changed.
 *
 * - `upserts`: the row replaces the one with the same key fields (which they are, the step says).
 * - `retractions`: the old row goes out again as `change: 'retract'`, then the new one as `change: 'insert'`; the sum of all is the result.
 * - `revisions`: the row goes out again with the next `revision`; of one window and key the highest counts.
 */
export type ChangeForm = 'upserts' | 'retractions' | 'revisions';

/** Whether a row of a retracting stream is added to the result or taken from it. */
export type Change = 'insert' | 'retract';

/** Rows `R` as a step emits them in form `F`. */
export type Changing<R, F extends ChangeForm> = F extends 'retractions' ? R & { readonly change: Change } : F extends 'revisions' ? R & { readonly revision: number } : R;
