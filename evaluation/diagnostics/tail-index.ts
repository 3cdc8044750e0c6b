import type { WeightBin } from './weight-bins.js';

/** How heavy the tail of the weights is. */
export interface TailIndex {
  /** Pareto shape k̂ of the largest weights: over 0.5 their variance is infinite, over 0.7 averages converge too slowly to be used. */
  readonly k: number;
  /** Its standard error. */
  readonly error: number;
  /** Weights that it rests on. */
  readonly n: number;
}

/** Fewer bins than this are no tail: the weights end there. */
const leastBins = 6;
/** Relative variance of the weights of a bin under which they are one weight. */
const oneWeight = 1e-10;

/**
 * Shape of a generalised Pareto distribution, fitted to the largest min(n / 5, 3·√n) weights; null where they are too few, end within a third of their size,
 * or are a few that come again and again.
 *
 * Source: Vehtari, Simpson, Gelman, Yao and Gabry, "Pareto smoothed importance sampling", JMLR 25, 2024, sections 2.4 and 3; the fit: Zhang and Stephens, "A new and
 * efficient estimation method for the generalized Pareto distribution", Technometrics 51(3), 2009. Weights of a bin count as their mean.
 */
export function tailIndex(bins: readonly WeightBin[]): TailIndex | null {
  const all = bins.reduce((sum, bin) => sum + bin.n, 0);
  const wanted = Math.min(all / 5, 3 * Math.sqrt(all));
  const tail: { x: number; n: number }[] = [];
  let n = 0;
  let tied = 0;
  for (let b = bins.length - 1; b >= 0 && n < wanted; b--) {
    const bin = bins[b]!;
    if (!(bin.w > 0)) break;
    n += bin.n;
    if (bin.n > 1 && bin.ww * bin.n < bin.w * bin.w * (1 + oneWeight)) tied += bin.n;
    tail.unshift({ x: bin.w / bin.n, n: bin.n });
    // what exceeds the lower end of the lowest bin
    if (n >= wanted) for (const of of tail) of.x -= bin.from;
  }
  // of a few weights that come again and again, the largest is known
  if (n < Math.max(20, wanted) || tail.length < leastBins || tied > n / 2) return null;
  const k = paretoShape(tail, n);
  return k === null ? null : { k, error: (1 + Math.max(0, k)) / Math.sqrt(n), n };
}

function paretoShape(tail: readonly { x: number; n: number }[], n: number): number | null {
  const most = tail.at(-1)!.x;
  let below = 0;
  const quartile = tail.find(({ n: count }) => (below += count) >= n / 4)!.x;
  if (!(quartile > 0)) return null;
  const meanLog = (b: number): number => tail.reduce((sum, { x, n: count }) => sum + count * Math.log1p(-b * x), 0) / n;
  const m = 30 + Math.floor(Math.sqrt(n));
  const grid = Array.from({ length: m }, (_, j) => 1 / most + (1 - Math.sqrt(m / (j + 0.5))) / (3 * quartile));
  const likelihood = grid.map((b) => {
    const k = meanLog(b);
    return n * (Math.log(-b / k) - k - 1);
  });
  const top = Math.max(...likelihood.filter(Number.isFinite));
  let sum = 0;
  let weighted = 0;
  grid.forEach((b, j) => {
    const w = Number.isFinite(likelihood[j]!) ? Math.exp(likelihood[j]! - top) : 0;
    sum += w;
    weighted += w * b;
  });
  const k = meanLog(weighted / sum);
  // a weak prior at 0.5, worth ten weights
  return Number.isFinite(k) ? (k * n + 5) / (n + 10) : null;
}
