/** Upper bounds of the buckets of a histogram: 1, 2 and 5 of each power of ten. */
const steps = [1, 2, 5] as const;

/**
 * Latencies as what is told of them: percentiles, the most, and a histogram whose buckets go up to 1, 2 and 5 of each power of ten.
 *
 * @param samples in any unit; they are put in order in place
 * @param unit of the samples, at the end of the names
 */
export function latencies(samples: Float64Array, unit: string): Record<string, string | number> {
  samples.sort();
  const at = (share: number) => rounded(samples[Math.min(samples.length - 1, Math.floor(samples.length * share))]!);
  return { [`p50${unit}`]: at(0.5), [`p90${unit}`]: at(0.9), [`p99${unit}`]: at(0.99), [`p999${unit}`]: at(0.999), [`max${unit}`]: at(1), [`histogram${unit}`]: histogram(samples) };
}

/** `<=200: 15, <=500: 3` of samples in order; empty buckets are left out. */
function histogram(samples: Float64Array): string {
  const buckets: string[] = [];
  let from = 0;
  for (let power = 10 ** Math.floor(Math.log10(Math.max(samples[0]!, 1e-3))); from < samples.length; power *= 10) {
    for (const step of steps) {
      const bound = step * power;
      let to = from;
      while (to < samples.length && samples[to]! <= bound) to++;
      if (to > from) buckets.push(`<=${Number(bound.toPrecision(1))}: ${to - from}`);
      from = to;
    }
  }
  return buckets.join(', ');
}

/** Three digits are all that a latency has. */
function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
