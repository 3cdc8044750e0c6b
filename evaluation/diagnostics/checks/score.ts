/**
 * How many standard errors a mean is above what it should be. Infinite where all values are the same other one.
 *
 * @param n values
 * @param sum of them
 * @param squares of them
 */
export function score(n: number, sum: number, squares: number, expected: number): number {
  if (!(n > 1)) return 0;
  const off = sum / n - expected;
  const variance = Math.max(0, squares / n - (sum / n) ** 2) / (n - 1);
  if (variance > 1e-26 * (squares / n)) return off / Math.sqrt(variance);
  return Math.abs(off) <= 1e-9 * Math.max(1, Math.abs(expected)) ? 0 : off * Infinity;
}

/**
 * The least excess over 1 of a mean that is worth a word: below it, a skewed statistic of n values cannot be told from chance, and the estimate changes little.
 */
export const leastExcess = (n: number): number => Math.max(0.02, 50 / n);

/** A share for people: two digits. */
export const percent = (share: number): string => `${Number((100 * share).toPrecision(2))} %`;

/** A number for people: four digits. */
export const digits = (x: number): string => (Math.abs(x) >= 1e6 || (Math.abs(x) < 1e-3 && x !== 0) ? x.toExponential(2) : String(Number(x.toPrecision(4))));

/** A shorter log says next to nothing. */
export const leastDecisions = 30;
