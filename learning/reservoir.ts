import { partitionHash } from '../dataflow/partitioner.js';

/**
 * The draw of an example: 53 bits of two hashes of its key. A reservoir of k examples are those with the k smallest draws, so it is a uniform sample without replacement that does not depend on the
 * order or the cut of the examples, and samples of two streams add up to that of both. The same key again is the same example.
 *
 * Source: E. Cohen and H. Kaplan, "Summarizing data using bottom-k sketches", PODC 2007.
 */
export function drawOf(key: string): number {
  const bytes = Buffer.from(`${key} `);
  const high = partitionHash(bytes, 0, bytes.length) >>> 0;
  const low = partitionHash(bytes, 0, bytes.length - 1) >>> 0;
  return high * 2 ** 21 + (low >>> 11);
}

/**
 * The largest draw that is within the `capacity` smallest ones: examples with draws up to it are the reservoir. Infinity while all of them are.
 *
 * @param draws of all examples that may be in it
 */
export function reservoirThreshold(draws: Float64Array, capacity: number): number {
  if (draws.length <= capacity) return Number.POSITIVE_INFINITY;
  return draws.slice().sort()[capacity - 1]!;
}

/** The rows with the `count` smallest draws, in the order of their draws. Where two draws are the same, the first row. */
export function smallestDraws(draws: Float64Array, count: number): Int32Array {
  const order = Int32Array.from({ length: draws.length }, (_, i) => i).sort((a, b) => draws[a]! - draws[b]! || a - b);
  return order.slice(0, Math.max(0, count));
}
