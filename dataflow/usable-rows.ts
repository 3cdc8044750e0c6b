import type { Batch } from './batch.js';
import type { Expression } from './expression.js';

/**
 * The rows of a batch for which all `functions` give a value; the others go to `refuse`. Cost: nothing extra as long as no function
 * throws; then the batch is looked at row by row.
 */
export function usableRows<T, K>(batch: Batch<T, K>, functions: readonly Expression<never, unknown>[], refuse: (row: number, error: unknown) => void): Batch<T, K> | undefined {
  const evaluate = (rows: Batch<T, K>): { error: unknown } | undefined => {
    try {
      for (const f of functions) rows.column(f);
      return undefined;
    } catch (error) {
      return { error };
    }
  };
  if (evaluate(batch) === undefined) return batch;
  const kept: number[] = [];
  for (let row = 0; row < batch.length; row++) {
    const failed = evaluate(batch.select(Int32Array.of(row)));
    if (failed === undefined) kept.push(row);
    else refuse(row, failed.error);
  }
  return kept.length === 0 ? undefined : batch.select(Int32Array.from(kept));
}
