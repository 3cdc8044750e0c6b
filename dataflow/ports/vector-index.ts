/** Rows that are near to a vector, nearest first, and their inner products with it. */
export interface Nearest {
  readonly rows: Int32Array;
  readonly scores: Float32Array;
}

/** Finds the rows of a table whose inner product with a vector is largest; an index may miss some. It does not change: another table has another index. */
export interface VectorIndex {
  readonly length: number;
  /** At most `count` rows. */
  nearest(vector: Float32Array, count: number): Nearest;
}
