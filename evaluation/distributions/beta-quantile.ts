import { findRoot } from './find-root.js';
import { incompleteBeta } from './incomplete-beta.js';

/** The value below which Beta(a, b) is with probability `p`. */
export function betaQuantile(p: number, a: number, b: number): number {
  if (p <= 0) return 0;
  if (p >= 1) return 1;
  // on the scale of log-odds small values keep their digits
  const odds = findRoot((z) => incompleteBeta(1 / (1 + Math.exp(-z)), a, b) - p, -700, 36);
  return 1 / (1 + Math.exp(-odds));
}
