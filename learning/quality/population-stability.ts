/** How far a distribution has moved. */
export interface Stability {
  /** Σ (q - p) ln(q / p) over the bins. */
  readonly index: number;
  /** What the index comes to by chance, where nothing has moved: mean and standard deviation. */
  readonly expected: number;
  readonly deviation: number;
}

/**
 * Population stability index of `now` against `before`, in bins that hold equal shares of `before`.
 *
 * *Details*: a bin without values counts as half a value. Where both are samples of one distribution, the index times the harmonic size n m / (n + m) has a chi-square distribution with (bins - 1)
 * degrees of freedom; small samples therefore look moved by a fixed threshold such as 0.25, and `expected` and `deviation` tell by how much.
 *
 * Source: B. Yurdakul and J. Naranjo, "Statistical properties of the population stability index", Journal of Risk Model Validation 14, 2020.
 *
 * @param bins @default 10
 * @returns null where one of them is empty
 */
export function populationStability(before: ArrayLike<number>, now: ArrayLike<number>, bins = 10): Stability | null {
  const [n, m] = [before.length, now.length];
  if (n === 0 || m === 0) return null;
  const sorted = Float64Array.from(before).sort();
  const edges = [...new Set(Array.from({ length: bins - 1 }, (_, k) => sorted[Math.floor(((k + 1) * n) / bins)]!))];
  const shares = (values: ArrayLike<number>): number[] => {
    const counts = new Array<number>(edges.length + 1).fill(0);
    for (let i = 0; i < values.length; i++) counts[binOf(values[i]!, edges)]! += 1;
    return counts.map((c) => Math.max(c, 0.5) / values.length);
  };
  const [p, q] = [shares(before), shares(now)];
  const index = p.reduce((sum, share, k) => sum + (q[k]! - share) * Math.log(q[k]! / share), 0);
  const scale = 1 / n + 1 / m;
  return { index, expected: edges.length * scale, deviation: Math.sqrt(2 * edges.length) * scale };
}

function binOf(x: number, edges: readonly number[]): number {
  let bin = 0;
  while (bin < edges.length && x >= edges[bin]!) bin += 1;
  return bin;
}
