import { type Estimate, type Estimator, square, total } from './measure.js';
import type { RowExpression } from './row-expression.js';

/** An estimator that is the mean of one number a decision; its standard error is that of a mean. */
export function meanEstimator(of: RowExpression, words: { readonly name: string; readonly formula: string; readonly source: string }): Estimator<'x' | 'xx'> {
  return { ...words, sums: { x: total(of), xx: square(of) }, result: ({ x, xx }, n) => meanEstimate(n, x, xx) };
}

/** Mean and standard error from Σx and Σx². */
export function meanEstimate(n: number, x: number, xx: number): Estimate {
  if (!(n > 0)) return { value: null, standardError: null, n: 0 };
  return { value: x / n, standardError: standardErrorOf(n, xx - (x * x) / n, xx), n };
}

/**
 * Standard error of a mean from the sum of squared deviations; null for fewer than two values or where all are equal up to rounding, since that
 * says nothing about the values that were not seen.
 *
 * @param size what the deviations are the small rest of: the sum of the terms' magnitudes
 */
export function standardErrorOf(n: number, deviations: number, size: number): number | null {
  if (!(n > 1) || !(deviations > size * 1e-13)) return null;
  return Math.sqrt(deviations / (n - 1) / n);
}

/**
 * Estimate of a ratio of means Σa / Σb, with the standard error of the delta method: that of the mean of (a - ρb) / b̄.
 *
 * Source: Owen, "Monte Carlo theory, methods and examples", 2013, section 9.2, equation (9.9).
 */
export function ratioEstimate(n: number, a: number, b: number, aa: number, ab: number, bb: number): Estimate {
  if (!(n > 0) || !(b > 0)) return { value: null, standardError: null, n };
  const ratio = a / b;
  const deviations = aa - 2 * ratio * ab + ratio * ratio * bb;
  const error = standardErrorOf(n, deviations, aa + 2 * Math.abs(ratio * ab) + ratio * ratio * bb);
  return { value: ratio, standardError: error === null ? null : (error * n) / b, n };
}
