import { largest, type Measure, smallest, square, total } from './measure.js';
import type { RowExpression } from './row-expression.js';

/** What bounds for a mean are computed from. */
export interface Moments {
  readonly n: number;
  readonly mean: number;
  /** Over n. */
  readonly variance: number;
  readonly largest: number;
  readonly smallest: number;
}

/** Moments of one number a decision, e.g. `times(weight, reward)` for IPS; null for no decision. */
export function moments(of: RowExpression): Measure<'x' | 'xx' | 'most' | 'least', Moments | null> {
  return {
    sums: { x: total(of), xx: square(of), most: largest(of), least: smallest(of) },
    result: ({ x, xx, most, least }, n) => (n > 0 ? { n, mean: x / n, variance: Math.max(0, xx / n - (x / n) ** 2), largest: most, smallest: least } : null),
  };
}
