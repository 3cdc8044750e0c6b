import { addFloat } from './accumulators/leaf-loops.js';
import { Pane } from './accumulators/pane.js';
import type { Layout, TableLayout } from './accumulators/layout.js';

/*
 * A tile is its cells that are not as they begin, table by table: for a row of cells a mask of which follow, then their numbers. A whole number up to 250 takes one byte. Most cells of a tile
 * are 0, and most of the others small counts, so a tile is a few dozen bytes where its cells are hundreds.
 */

/** First bytes of numbers that are larger: 2 or 4 bytes of a whole number, or a float of 8, follow. */
const [wide16, wide32, wideFloat] = [251, 252, 255] as const;

/** What a cell does when it is merged: a sum is two cells, itself and the rounding error that it carries. */
const merging = { add: 0, addFloat: 1, least: 2, most: 3 } as const;

let out = Buffer.allocUnsafeSlow(1 << 12);
let end = 0;
/** Where `addTile` reads. */
let at = 0;
const float = new Float64Array(1);
const floatBytes = new Uint8Array(float.buffer);

/** A row of a pane as the bytes of a tile. Groups are in the order of their names, so that the bytes do not tell in which order they came. Cost: one look at each cell. */
export function packTile(pane: Pane, row: number): Uint8Array {
  end = 0;
  const { tables } = pane.layout;
  for (let t = 0; t < tables.length; t++) {
    const { group, identity } = tables[t]!;
    const { data } = pane.slabs[t]!;
    const stride = identity.length;
    if (group === undefined) putCells(data, row * stride, stride, identity);
    else if (group.kind === 'dense') putCells(data, row * group.size * stride, group.size * stride, identity);
    else {
      const pairs = pane.pairs[t]!;
      const slots: number[] = [];
      for (let slot = pairs.first(row); slot >= 0; slot = pairs.next(slot)) slots.push(slot);
      const labels = pane.labels[t];
      if (labels === undefined) slots.sort((a, b) => pairs.groupOf(a) - pairs.groupOf(b));
      else if (slots.length > 1) slots.sort((a, b) => Buffer.compare(labels.key(pairs.groupOf(a)), labels.key(pairs.groupOf(b))));
      putNumber(slots.length);
      for (const slot of slots) {
        if (labels === undefined) putNumber(pairs.groupOf(slot));
        else putBytes(labels.key(pairs.groupOf(slot)));
        putCells(data, slot * stride, stride, identity);
      }
    }
  }
  const tile = Buffer.allocUnsafe(end);
  out.copy(tile, 0, 0, end);
  return tile;
}

/** Adds the bytes of a tile, `bytes` from `from` on, to row `row`. Cost: one step a cell that the tile has; nothing is allocated but for groups not seen before. */
export function addTile(pane: Pane, row: number, bytes: Uint8Array, from = 0): void {
  at = from;
  const { tables } = pane.layout;
  const merges = mergesOf(pane.layout);
  for (let t = 0; t < tables.length; t++) {
    const { group } = tables[t]!;
    const slab = pane.slabs[t]!;
    const { stride } = slab;
    if (group === undefined) {
      slab.ensure(row + 1);
      mergeCells(bytes, slab.data, row * stride, stride, merges[t]!);
    } else if (group.kind === 'dense') {
      slab.ensure((row + 1) * group.size);
      mergeCells(bytes, slab.data, row * group.size * stride, group.size * stride, merges[t]!);
    } else {
      const pairs = pane.pairs[t]!;
      for (let left = takeNumber(bytes); left > 0; left--) {
        let id = takeNumber(bytes);
        if (group.kind === 'labels') {
          const length = id;
          id = pane.labels[t]!.intern(bytes, at, length);
          at += length;
        }
        const slot = pairs.slot(row, id);
        slab.ensure(pairs.size);
        mergeCells(bytes, slab.data, slot * stride, stride, merges[t]!);
      }
    }
  }
}

function putCells(data: Float64Array, from: number, count: number, identity: Float64Array): void {
  const stride = identity.length;
  room((count + 7) >> 3);
  let mask = end;
  end += (count + 7) >> 3;
  out.fill(0, mask, end);
  for (let k = 0, place = 0, bit = 1; k < count; k++) {
    const x = data[from + k]!;
    if (x !== identity[place] || isMinusZero(x)) {
      out[mask]! |= bit;
      putNumber(x);
    }
    if (++place === stride) place = 0;
    bit <<= 1;
    if (bit === 256) {
      bit = 1;
      mask++;
    }
  }
}

function mergeCells(bytes: Uint8Array, to: Float64Array, base: number, count: number, merges: Uint8Array): void {
  const stride = merges.length;
  let mask = at;
  at += (count + 7) >> 3;
  for (let k = 0; k < count; k += 8, mask++) {
    for (let bits = bytes[mask]!; bits !== 0; bits &= bits - 1) {
      const place = k + 31 - Math.clz32(bits & -bits);
      const x = takeNumber(bytes);
      const cell = base + place;
      const merge = merges[stride > place ? place : place % stride];
      if (merge === merging.add) to[cell] = to[cell]! + x;
      else if (merge === merging.addFloat) addFloat(to, cell, x);
      else if (merge === merging.least ? x < to[cell]! : x > to[cell]!) to[cell] = x;
    }
  }
}

const known = new WeakMap<Layout, readonly Uint8Array[]>();

/** By table, what each of its cells does when it is merged. */
function mergesOf(layout: Layout): readonly Uint8Array[] {
  let merges = known.get(layout);
  if (merges === undefined) known.set(layout, (merges = layout.tables.map(mergesOfTable)));
  return merges;
}

function mergesOfTable({ identity, leaves }: TableLayout): Uint8Array {
  const merges = new Uint8Array(identity.length);
  for (const { leaf, at } of leaves) merges[at] = leaf.op === 'sum' ? merging.addFloat : leaf.op === 'min' ? merging.least : leaf.op === 'max' ? merging.most : merging.add;
  return merges;
}

function isMinusZero(x: number): boolean {
  return x === 0 && 1 / x < 0;
}

function putNumber(x: number): void {
  room(9);
  if (x >= 0 && x <= 0xffffffff && x === Math.floor(x) && !isMinusZero(x)) {
    if (x < wide16) out[end++] = x;
    else if (x <= 0xffff) {
      out[end] = wide16;
      end = out.writeUInt16LE(x, end + 1);
    } else {
      out[end] = wide32;
      end = out.writeUInt32LE(x, end + 1);
    }
    return;
  }
  float[0] = x;
  out[end] = wideFloat;
  out.set(floatBytes, end + 1);
  end += 9;
}

function takeNumber(bytes: Uint8Array): number {
  const first = bytes[at++]!;
  if (first < wide16) return first;
  if (first === wide16) {
    at += 2;
    return bytes[at - 2]! | (bytes[at - 1]! << 8);
  }
  if (first === wide32) {
    at += 4;
    return (bytes[at - 4]! | (bytes[at - 3]! << 8) | (bytes[at - 2]! << 16) | (bytes[at - 1]! << 24)) >>> 0;
  }
  for (let k = 0; k < 8; k++) floatBytes[k] = bytes[at + k]!;
  at += 8;
  return float[0]!;
}

function putBytes(bytes: Uint8Array): void {
  putNumber(bytes.length);
  room(bytes.length);
  out.set(bytes, end);
  end += bytes.length;
}

function room(n: number): void {
  if (end + n <= out.length) return;
  const larger = Buffer.allocUnsafeSlow(Math.max(2 * out.length, end + n));
  out.copy(larger, 0, 0, end);
  out = larger;
}
