import type { VectorIndex } from '../../dataflow/ports/vector-index.js';
import { largestOf } from '../../learning/base/recall.js';

/** An index that misses nothing: it looks at every row. Cost: rows × width multiplications a search; no memory of its own beyond a number a row. */
export function exactIndex(values: Float32Array, width: number): VectorIndex {
  const length = values.length / width;
  const products = new Float32Array(length);
  return {
    length,
    nearest(vector, count) {
      for (let row = 0, at = 0; row < length; row++) {
        let sum = 0;
        for (let k = 0; k < width; k++) sum += vector[k]! * values[at++]!;
        products[row] = sum;
      }
      const rows = largestOf(products, count);
      return { rows, scores: Float32Array.from(rows, (row) => products[row]!) };
    },
  };
}
