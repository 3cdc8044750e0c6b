/** Relative traffic of the 24 hours of a day, UTC: low at night, high in the evening. */
export const hourWeights: readonly number[] = [10, 7, 5, 4, 4, 5, 8, 13, 18, 21, 23, 24, 26, 26, 25, 25, 26, 28, 32, 36, 38, 34, 26, 17];

const hour = 3_600_000;

/**
 * The inverse of the share of traffic over `duration` ms from `start` (epoch ms): maps a share in [0, 1] to milliseconds
 * after `start`. Sums and quotients only, so that every platform gives the same bits.
 */
export function trafficCurve(start: number, duration: number): (share: number) => number {
  const edges = [0];
  const cumulative = [0];
  for (let at = 0; at < duration; ) {
    const next = Math.min(duration, (Math.floor((start + at) / hour) + 1) * hour - start);
    const weight = hourWeights[Math.floor((start + at) / hour) % 24]!;
    cumulative.push(cumulative[cumulative.length - 1]! + weight * (next - at));
    edges.push(next);
    at = next;
  }
  const total = cumulative[cumulative.length - 1]!;
  return (share) => {
    const wanted = share * total;
    let low = 0;
    let high = edges.length - 2;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (cumulative[middle]! <= wanted) low = middle;
      else high = middle - 1;
    }
    const width = cumulative[low + 1]! - cumulative[low]!;
    return edges[low]! + ((edges[low + 1]! - edges[low]!) * (wanted - cumulative[low]!)) / width;
  };
}
