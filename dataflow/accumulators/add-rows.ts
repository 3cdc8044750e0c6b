import type { Cells, Slab } from './slab.js';

/** Adds row i of `from`, `width` numbers, to row `to[i]` of `slab`, or takes it out. */
export function addRows(slab: Slab, from: Slab, width: number, to: Int32Array, n: number, sign: 1 | -1): void {
  if (slab.data instanceof Float64Array) addAllRows(slab.data, from.data, width, to, n, sign);
  else for (let i = 0; (i = addSmallRows(slab.data, slab.limit, from.data, width, to, i, n, sign)) < n; ) slab.widen();
}

function addAllRows(data: Float64Array, from: Cells, width: number, to: Int32Array, n: number, sign: 1 | -1): void {
  for (let i = 0, k = 0; i < n; i++) for (let cell = to[i]! * width, end = cell + width; cell < end; cell++, k++) data[cell] = data[cell]! + sign * from[k]!;
}

/** From row `first` on; answers with a row that has a number beyond the limit, which is not added, or `n`. */
function addSmallRows(data: Cells, limit: number, from: Cells, width: number, to: Int32Array, first: number, n: number, sign: 1 | -1): number {
  for (let i = first, k = first * width; i < n; i++) {
    const begin = to[i]! * width;
    for (let cell = begin, end = cell + width; cell < end; cell++, k++) {
      const x = data[cell]! + sign * from[k]!;
      if (x > limit || x < -limit) {
        while (cell > begin) data[--cell] = data[cell]! - sign * from[--k]!;
        return i;
      }
      data[cell] = x;
    }
  }
  return n;
}
