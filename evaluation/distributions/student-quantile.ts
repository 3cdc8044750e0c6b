import { findRoot } from './find-root.js';
import { incompleteBeta } from './incomplete-beta.js';
import { normalQuantile } from './normal-quantile.js';

/** The value below which Student's t with `degrees` degrees of freedom (any number above 0) is with probability `p`, above one half. */
export function studentQuantile(p: number, degrees: number): number {
  const upper = (t: number): number => incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5) / 2;
  let high = Math.max(1, 2 * normalQuantile(p));
  while (upper(high) > 1 - p && high < 1e150) high *= 2;
  return findRoot((t) => 1 - p - upper(t), 0, high);
}
