import { HeadraceError } from '../../dataflow/errors.js';
import type { VectorIndex } from '../../dataflow/ports/vector-index.js';

/** What of usearch is used; it need not be installed where this is compiled. */
interface Usearch {
  readonly Index: new (options: { readonly dimensions: number; readonly metric: 'ip'; readonly quantization: 'f32'; readonly connectivity: number; readonly expansion_add: number; readonly expansion_search: number; readonly multi: false }) => {
    add(keys: BigUint64Array, vectors: Float32Array, threads: number): void;
    search(vectors: Float32Array, k: number, threads: number): { readonly keys: BigUint64Array; readonly distances: Float32Array };
  };
}

/** Settings of the graph: more of each finds more and takes longer. */
export interface UsearchOptions {
  /** Neighbours that a row keeps. @default 16 */
  readonly connectivity?: number;
  /** Rows that are looked at to place a new one. @default 128 */
  readonly expansionAdd?: number;
  /** Rows that are looked at in a search, at least. @default 128 */
  readonly expansionSearch?: number;
}

/** Rows that are added in one turn of the event loop. */
const addedAtOnce = 256;

/**
 * Builds an index of usearch (hierarchical navigable small worlds) over the rows of a table, a few in each turn of the event loop.
 *
 * Source: Y. Malkov and D. Yashunin, "Efficient and robust approximate nearest neighbor search using hierarchical navigable small world graphs", IEEE TPAMI 2020.
 *
 * @param values rows of `width` numbers
 * @throws HR_INDEX usearch is not installed, or does not load on this machine
 */
export async function usearchIndex(values: Float32Array, width: number, { connectivity = 16, expansionAdd = 128, expansionSearch = 128 }: UsearchOptions = {}): Promise<VectorIndex> {
  const { Index } = await usearch();
  const length = values.length / width;
  const index = new Index({ dimensions: width, metric: 'ip', quantization: 'f32', connectivity, expansion_add: expansionAdd, expansion_search: expansionSearch, multi: false });
  for (let from = 0; from < length; from += addedAtOnce) {
    const count = Math.min(addedAtOnce, length - from);
    index.add(BigUint64Array.from({ length: count }, (_, i) => BigInt(from + i)), values.subarray(from * width, (from + count) * width), 1);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return {
    length,
    nearest(vector, count) {
      const wanted = Math.min(count, length);
      if (wanted < 1) return { rows: new Int32Array(0), scores: new Float32Array(0) };
      const { keys, distances } = index.search(vector, wanted, 1);
      // its distance is 1 less the product
      return { rows: Int32Array.from(keys, Number), scores: Float32Array.from(distances, (d) => 1 - d) };
    },
  };
}

async function usearch(): Promise<Usearch> {
  const name = 'usearch';
  try {
    return (await import(name)) as Usearch;
  } catch (cause) {
    throw new HeadraceError('HR_INDEX', 'The index needs the package usearch, which is not installed or does not load here.', { cause });
  }
}
