/**
 * The places of the `count` largest scores among those that `keep` lets through, largest first; of equal ones the first.
 *
 * *Details*: one pass with a heap of `count`, whose root is the least that is in: most scores cost one comparison.
 */
export function largestOf(scores: ArrayLike<number>, count: number, keep: (place: number) => boolean = () => true): Int32Array {
  const heap = new Int32Array(count);
  let size = 0;
  const isLess = (a: number, b: number) => scores[a]! < scores[b]! || (scores[a] === scores[b] && a > b);
  const down = (from: number, end: number) => {
    const place = heap[from]!;
    let at = from;
    for (let child = 2 * at + 1; child < end; child = 2 * at + 1) {
      if (child + 1 < end && isLess(heap[child + 1]!, heap[child]!)) child++;
      if (!isLess(heap[child]!, place)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = place;
  };
  for (let place = 0; place < scores.length && count > 0; place++) {
    if (size === count && !isLess(heap[0]!, place)) continue;
    if (!keep(place)) continue;
    if (size === count) {
      heap[0] = place;
      down(0, size);
      continue;
    }
    heap[size++] = place;
    if (size === count) for (let k = (count >> 1) - 1; k >= 0; k--) down(k, size);
  }
  return heap.subarray(0, size).slice().sort((a, b) => (isLess(a, b) ? 1 : isLess(b, a) ? -1 : 0));
}

/** Share of what was wanted that is among the first `k` of a ranking; of at most `k` that could be there. */
export function recallOf(ranking: readonly string[], wanted: ReadonlySet<string>, k: number): number {
  const found = ranking.slice(0, k).reduce((n, id) => n + (wanted.has(id) ? 1 : 0), 0);
  return wanted.size === 0 ? 0 : found / Math.min(k, wanted.size);
}

/** Normalised discounted cumulative gain of the first `k` of a ranking, for gains of 0 and 1. Source: K. Järvelin and J. Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002. */
export function ndcgOf(ranking: readonly string[], wanted: ReadonlySet<string>, k: number): number {
  let gain = 0;
  let best = 0;
  ranking.slice(0, k).forEach((id, place) => (gain += wanted.has(id) ? 1 / Math.log2(place + 2) : 0));
  for (let place = 0; place < Math.min(k, wanted.size); place++) best += 1 / Math.log2(place + 2);
  return best === 0 ? 0 : gain / best;
}
