import { HeadraceError } from '../../dataflow/errors.js';

/**
 * Solves A x = b for a symmetric positive definite matrix, by Cholesky decomposition. Overwrites the lower triangle of `a`.
 *
 * @param a n × n, row after row; only the lower triangle is read
 * @throws HR_EVALUATION_MODEL the matrix is not positive definite, or has a value that is not finite
 */
export function solvePositive(a: Float64Array, b: Float64Array): Float64Array {
  const n = b.length;
  const x = b.slice();
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let sum = a[i * n + j]!;
      for (let k = 0; k < j; k++) sum -= a[i * n + k]! * a[j * n + k]!;
      if (i > j) a[i * n + j] = sum / a[j * n + j]!;
      else if (sum > 0 && sum < Infinity) a[j * n + j] = Math.sqrt(sum);
      else throw new HeadraceError('HR_EVALUATION_MODEL', 'The linear outcome model has no solution: its features depend on one another, or are not finite.', { remedy: 'Check the context and action features for values that are missing, or give a larger penalty.' });
    }
  }
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i]! -= a[i * n + k]! * x[k]!;
    x[i]! /= a[i * n + i]!;
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i]! -= a[k * n + i]! * x[k]!;
    x[i]! /= a[i * n + i]!;
  }
  return x;
}
