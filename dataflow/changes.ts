import { cell } from '../schemas/column.js';
import type { Batch } from './batch.js';

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

/** The signs of the rows of a retracting stream: 1 for an insert, -1 for a retract; undefined where the rows tell no changes. Cost: one pass over one column. */
export function signsOf(batch: Batch<unknown>): Float64Array | undefined {
  const { names } = batch.rows;
  const told: unknown = names === undefined ? (batch.value(0) as { readonly change?: unknown } | null)?.change : names.includes('change') ? cell(batch.field('change'), 0) : undefined;
  if (told !== 'insert' && told !== 'retract') return undefined;
  const column = batch.field('change');
  return Float64Array.from({ length: batch.length }, (_, i) => (cell(column, i) === 'retract' ? -1 : 1));
}
