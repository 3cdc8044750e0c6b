import { cell, type Column, type EnumColumn } from '../../schemas/column.js';
import { HeadraceError } from '../errors.js';
import type { Leaf } from '../aggregates/aggregate.js';
import type { Cells, Slab } from './slab.js';

/** Cells of a leaf and their fresh values. A sum has two: the sum and the rounding error that it carries; first and last have the value, where it is a number, and its time. */
export function leafIdentity(leaf: Leaf): readonly number[] {
  switch (leaf.op) {
    case 'count':
      return [0];
    case 'sum':
      return [0, 0];
    case 'min':
      return [Number.POSITIVE_INFINITY];
    case 'max':
      return [Number.NEGATIVE_INFINITY];
    case 'first':
      return [Number.NaN, Number.POSITIVE_INFINITY];
    case 'last':
      return [Number.NaN, Number.NEGATIVE_INFINITY];
  }
}

/**
 * Adds rows 0..n-1 of a batch to a leaf: row `i` goes to the cell `slots[i] * stride + at`. A negative slot, a 0 in `mask` and a null are
 * passed over. Cost: one pass over the batch, nothing allocated.
 *
 * @param signs -1 for a row that is taken out of counts and sums again
 */
export function addToLeaf(leaf: Leaf, slab: Slab, at: number, slots: Int32Array, n: number, mask: Uint8Array | undefined, column: Column | undefined, times: Float64Array, signs?: Float64Array): void {
  const { stride } = slab;
  if (leaf.op === 'count') {
    const valid = column === undefined ? mask : withNulls(mask, column, n);
    if (signs !== undefined) addFloats(slab.floats(), stride, at, slots, n, valid, signs, false);
    else for (let i = 0; (i = addCount(slab.data, slab.limit, stride, at, slots, i, n, valid)) < n; ) slab.widen();
    return;
  }
  const data = slab.floats();
  if (column?.kind !== 'number') {
    if (column !== undefined && isAllNull(column, n)) return;
    throw new HeadraceError('HR_AGGREGATE', `${leaf.op}(${leaf.of?.text}) needs a number; the column holds ${column?.kind} values.`);
  }
  const valid = column.nulls === undefined ? mask : withNulls(mask, column, n);
  const values = column.data;
  if (leaf.op === 'sum') {
    if (signs !== undefined) addFloats(data, stride, at, slots, n, valid, signs.map((sign, i) => sign * values[i]!), true);
    else if (values instanceof Int32Array) addInts(data, stride, at, slots, n, valid, values);
    else addFloats(data, stride, at, slots, n, valid, values, true);
  } else if (leaf.op === 'first' || leaf.op === 'last') {
    const later = leaf.op === 'last';
    for (let i = 0; i < n; i++) {
      if (slots[i]! < 0 || (valid !== undefined && valid[i] === 0)) continue;
      const cell = slots[i]! * stride + at;
      // Of one time, the first or last to come counts.
      if (later ? times[i]! < data[cell + 1]! : times[i]! >= data[cell + 1]!) continue;
      data[cell] = values[i]!;
      data[cell + 1] = times[i]!;
    }
  } else if (leaf.op === 'min') {
    for (let i = 0; i < n; i++) {
      if (slots[i]! < 0 || (valid !== undefined && valid[i] === 0)) continue;
      const cell = slots[i]! * stride + at;
      if (values[i]! < data[cell]!) data[cell] = values[i]!;
    }
  } else {
    for (let i = 0; i < n; i++) {
      if (slots[i]! < 0 || (valid !== undefined && valid[i] === 0)) continue;
      const cell = slots[i]! * stride + at;
      if (values[i]! > data[cell]!) data[cell] = values[i]!;
    }
  }
}

/** The values of a first or last that are no numbers, by slot. */
export type OtherValues = (string | boolean | undefined)[];

/**
 * `addToLeaf` for the first or last of a column that holds no numbers: the time of the value is in its cell, the value itself in `values`. Cost: one pass over the batch; one value is made for
 * each slot that gets another one.
 */
export function addToFirstOrLast(leaf: Leaf, slab: Slab, at: number, slots: Int32Array, n: number, mask: Uint8Array | undefined, column: Column, times: Float64Array, values: OtherValues): void {
  const { stride } = slab;
  const data = slab.floats();
  const valid = withNulls(mask, column, n);
  const later = leaf.op === 'last';
  const taken = new Map<number, number>();
  for (let i = 0; i < n; i++) {
    const slot = slots[i]!;
    if (slot < 0 || (valid !== undefined && valid[i] === 0)) continue;
    const time = slot * stride + at + 1;
    if (later ? times[i]! < data[time]! : times[i]! >= data[time]!) continue;
    data[time] = times[i]!;
    taken.set(slot, i);
  }
  for (const [slot, i] of taken) {
    const value = cell(column, i);
    data[slot * stride + at] = typeof value === 'number' ? value : Number.NaN;
    values[slot] = typeof value === 'number' ? undefined : (value as string | boolean);
  }
}

/**
 * Counts records by the value of an enum column: a record with `symbols[k]` is added to the cell `cells[k]` of its slot, none where that is
 * negative. Cost: one pass over the batch for all values together.
 */
export function addToSwitch(cells: Int32Array, slab: Slab, slots: Int32Array, n: number, column: EnumColumn): void {
  for (let i = 0; (i = countSymbols(cells, slab.data, slab.limit, slab.stride, slots, i, n, column)) < n; ) slab.widen();
}

/** Answers with where a count went beyond the limit, or `n`. */
function countSymbols(cells: Int32Array, data: Cells, limit: number, stride: number, slots: Int32Array, from: number, n: number, { data: codes, nulls }: EnumColumn): number {
  for (let i = from; i < n; i++) {
    const at = cells[codes[i]!]!;
    const slot = slots[i]!;
    if (at < 0 || slot < 0 || (nulls !== undefined && nulls[i] === 1)) continue;
    const cell = slot * stride + at;
    const x = data[cell]! + 1;
    if (x > limit) return i;
    data[cell] = x;
  }
  return n;
}

/** Adds the cells at `fromAt` to those at `toAt`: the merge of two states of a leaf. Whether a first or last is now that of `source`. */
export function mergeLeaf(leaf: Leaf, slab: Slab, toAt: number, source: Slab, fromAt: number): boolean {
  if (leaf.op === 'count') {
    slab.add(toAt, source.data[fromAt]!);
    return false;
  }
  const to = slab.floats();
  const from = source.floats();
  switch (leaf.op) {
    case 'sum':
      addFloat(to, toAt, from[fromAt]!);
      to[toAt + 1] = to[toAt + 1]! + from[fromAt + 1]!;
      return false;
    case 'min':
      if (from[fromAt]! < to[toAt]!) to[toAt] = from[fromAt]!;
      return false;
    case 'max':
      if (from[fromAt]! > to[toAt]!) to[toAt] = from[fromAt]!;
      return false;
    case 'first':
    case 'last':
      // Panes are merged in the order of time, so that of one time the merged one came later.
      if (leaf.op === 'last' ? from[fromAt + 1]! < to[toAt + 1]! : from[fromAt + 1]! >= to[toAt + 1]!) return false;
      to[toAt] = from[fromAt]!;
      to[toAt + 1] = from[fromAt + 1]!;
      return true;
  }
}

/** The value of a leaf's cells; NaN stands for null. */
export function readLeaf(leaf: Leaf, data: Cells, at: number): number {
  const x = data[at]!;
  if (leaf.op === 'sum') return x + data[at + 1]!;
  return x === Number.POSITIVE_INFINITY || x === Number.NEGATIVE_INFINITY ? Number.NaN : x;
}

/** Answers with where a count went beyond the limit, or `n`. */
function addCount(data: Cells, limit: number, stride: number, at: number, slots: Int32Array, from: number, n: number, mask: Uint8Array | undefined): number {
  for (let i = from; i < n; i++) {
    const slot = slots[i]!;
    if (slot < 0 || (mask !== undefined && mask[i] === 0)) continue;
    const cell = slot * stride + at;
    const x = data[cell]! + 1;
    if (x > limit) return i;
    data[cell] = x;
  }
  return n;
}

function addInts(data: Float64Array, stride: number, at: number, slots: Int32Array, n: number, mask: Uint8Array | undefined, values: Int32Array): void {
  for (let i = 0; i < n; i++) {
    const x = values[i]!;
    if (x === 0 || slots[i]! < 0 || (mask !== undefined && mask[i] === 0)) continue;
    const cell = slots[i]! * stride + at;
    data[cell] = data[cell]! + x;
  }
}

function addFloats(data: Float64Array, stride: number, at: number, slots: Int32Array, n: number, mask: Uint8Array | undefined, values: Float64Array, carries: boolean): void {
  for (let i = 0; i < n; i++) {
    if (slots[i]! < 0 || (mask !== undefined && mask[i] === 0)) continue;
    const cell = slots[i]! * stride + at;
    if (carries) addFloat(data, cell, values[i]!);
    else data[cell] = data[cell]! + values[i]!;
  }
}

/** Adds to a sum, and what is rounded off to the cell behind it (Knuth's TwoSum). */
export function addFloat(data: Float64Array, cell: number, x: number): void {
  const a = data[cell]!;
  const sum = a + x;
  const b = sum - a;
  data[cell] = sum;
  // An infinite or NaN sum has no error to carry; the plain result stands.
  if (sum - sum === 0) data[cell + 1] = data[cell + 1]! + (a - (sum - b) + (x - b));
}

function withNulls(mask: Uint8Array | undefined, column: Column, n: number): Uint8Array | undefined {
  const isNull = nullTest(column);
  if (isNull === undefined) return mask;
  const valid = new Uint8Array(n);
  for (let i = 0; i < n; i++) valid[i] = (mask === undefined || mask[i] !== 0) && !isNull(i) ? 1 : 0;
  return valid;
}

function nullTest(column: Column): ((i: number) => boolean) | undefined {
  if (column.kind === 'string') return (i) => column.length[i]! < 0;
  if (column.kind === 'object') return (i) => column.data[i] === null;
  if (column.kind === 'vector') return undefined;
  const { nulls } = column;
  return nulls && ((i) => nulls[i] === 1);
}

function isAllNull(column: Column, n: number): boolean {
  const test = nullTest(column);
  if (test === undefined) return n === 0;
  for (let i = 0; i < n; i++) if (!test(i)) return false;
  return true;
}
