/** A cut of the window: what was forgotten, and what is left. */
export interface AdwinChange {
  readonly before: number;
  readonly now: number;
  /** Values that were forgotten. */
  readonly forgotten: number;
}

/**
 * Adaptive windowing: adds a value to a window, and forgets its old part when the mean of some old part differs from that of the rest by more than chance allows.
 *
 * *Details*: every place is tried, which costs a pass over the window a value; `most` bounds it, where the original keeps a histogram of exponential buckets. The window is plain data.
 *
 * Source: A. Bifet and R. Gavaldà, "Learning from time-changing data with adaptive windowing", SDM 2007, theorem 3.2 and the refined bound of section 3 (ε of equation 3.1 with the variance of the window).
 *
 * The paper's values lie in [0, 1]; here they are taken in units of the window's own range.
 *
 * @param window oldest value first
 * @param options.confidence δ: chance of a false alarm. @default 0.002
 * @param options.most values that are kept. @default 512
 * @returns the window behind it, and the change, if there was one
 */
export function adwin(window: readonly number[], value: number, options: { readonly confidence?: number; readonly most?: number } = {}): { readonly window: readonly number[]; readonly change: AdwinChange | undefined } {
  const { confidence = 0.002, most = 512 } = options;
  let values = [...window, value].slice(-most);
  let change: AdwinChange | undefined;
  for (let cut = cutOf(values, confidence); cut !== undefined; cut = cutOf(values, confidence)) {
    const forgotten = values.slice(0, cut);
    values = values.slice(cut);
    change = { before: change?.before ?? meanOf(forgotten), now: meanOf(values), forgotten: (change?.forgotten ?? 0) + cut };
  }
  return { window: values, change };
}

/** Fewest values on each side of a cut. */
const leastSide = 5;

/** The place at which the two parts differ most, among those where they differ by more than chance allows. */
function cutOf(values: readonly number[], confidence: number): number | undefined {
  const n = values.length;
  const mean = meanOf(values);
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / n;
  const range = Math.max(...values) - Math.min(...values);
  const log = Math.log((2 * Math.log(Math.max(n, 3))) / confidence);
  let sum = 0;
  let best: { readonly cut: number; readonly excess: number } | undefined;
  for (let cut = 1; cut < n; cut++) {
    sum += values[cut - 1]!;
    if (cut < leastSide || n - cut < leastSide) continue;
    const harmonic = 1 / (1 / cut + 1 / (n - cut));
    const bound = Math.sqrt((2 / harmonic) * variance * log) + (2 / (3 * harmonic)) * log * range;
    const excess = Math.abs(sum / cut - (mean * n - sum) / (n - cut)) / bound;
    if (excess > 1 && excess > (best?.excess ?? 0)) best = { cut, excess };
  }
  return best?.cut;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
}
