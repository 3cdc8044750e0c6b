import { partitionHash } from '../dataflow/partitioner.js';

/** A uniform sample of all examples so far, of at most `capacity`. */
export interface Reservoir {
  readonly capacity: number;
  /** Keys of the sample and their draws, smallest draw first. */
  readonly entries: readonly ReservoirEntry[];
}

/** An example of the sample: its key, and where it is. */
export interface ReservoirEntry {
  readonly key: string;
  /** Place of the example in whatever keeps it. */
  readonly place: number;
  readonly draw: number;
}

/**
 * A reservoir with some examples more. An example's draw is a number that its key gives, and the sample are the `capacity` smallest ones: so it is uniform without replacement, does not depend on
 * the order or the cut of the examples, and samples of two streams add up to that of both. The same key again is the same example.
 *
 * Source: E. Cohen and H. Kaplan, "Summarizing data using bottom-k sketches", PODC 2007.
 */
export function sampled(reservoir: Reservoir, added: Iterable<{ readonly key: string; readonly place: number }>): Reservoir {
  const entries = new Map(reservoir.entries.map((e) => [e.key, e]));
  for (const { key, place } of added) if (!entries.has(key)) entries.set(key, { key, place, draw: drawOf(key) });
  return { capacity: reservoir.capacity, entries: [...entries.values()].sort((a, b) => a.draw - b.draw || (a.key < b.key ? -1 : 1)).slice(0, reservoir.capacity) };
}

/** 53 bits of two hashes of a key. */
function drawOf(key: string): number {
  const bytes = Buffer.from(`${key} `);
  const high = partitionHash(bytes, 0, bytes.length) >>> 0;
  const low = partitionHash(bytes, 0, bytes.length - 1) >>> 0;
  return high * 2 ** 21 + (low >>> 11);
}
