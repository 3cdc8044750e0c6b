/** Draws an index with the probability of its weight, in constant time, from two uniform numbers in [0, 1). */
export type AliasTable = (u: number, v: number) => number;

/** Vose's alias method (IEEE TSE 17(9), 1991). `weights` are not negative and not all zero. */
export function aliasTable(weights: Float64Array): AliasTable {
  const n = weights.length;
  let sum = 0;
  for (const w of weights) sum += w;
  const keep = Float64Array.from(weights, (w) => (w * n) / sum);
  const alias = Int32Array.from(weights, (_, i) => i);
  const small: number[] = [];
  const large: number[] = [];
  for (let i = 0; i < n; i++) (keep[i]! < 1 ? small : large).push(i);
  while (small.length > 0 && large.length > 0) {
    const s = small.pop()!;
    const l = large[large.length - 1]!;
    alias[s] = l;
    keep[l] = keep[l]! + keep[s]! - 1;
    if (keep[l]! < 1) small.push(large.pop()!);
  }
  // what is left differs from 1 by rounding only
  for (const i of [...small, ...large]) keep[i] = 1;
  return (u, v) => {
    const i = Math.floor(u * n);
    return v < keep[i]! ? i : alias[i]!;
  };
}
