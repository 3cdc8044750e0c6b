import { addFloat } from '../accumulators/leaf-loops.js';
import { Pane } from '../accumulators/pane.js';
import type { Pairs } from '../accumulators/pairs.js';
import type { Dictionary } from '../dictionary.js';
import { enlarged } from '../enlarged.js';
import type { Layout, TableLayout } from '../accumulators/layout.js';

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
const float = new Float64Array(1);
const floatBytes = new Uint8Array(float.buffer);

/** A row of a pane as the bytes of a tile. Groups are in the order of their names, so that the bytes do not tell in which order they came. Cost: one look at each cell. */
export function packTile(pane: Pane, row: number): Uint8Array {
  end = 0;
  const { tables } = pane.layout;
  for (let t = 0; t < tables.length; t++) {
    const { group, identity } = tables[t]!;
    const data = pane.slabs[t]!.floats();
    const stride = identity.length;
    if (group === undefined) putCells(data, row * stride, stride, identity);
    else if (group.kind === 'dense') putCells(data, row * group.size * stride, group.size * stride, identity);
    else {
      const pairs = pane.pairs[t]!;
      const labels = pane.labels[t];
      const count = orderSlots(pairs, row, labels);
      putNumber(count);
      for (let i = 0; i < count; i++) {
        const slot = slots[i]!;
        if (labels === undefined) putNumber(pairs.groupOf(slot));
        else putLabel(labels, pairs.groupOf(slot));
        putCells(data, slot * stride, stride, identity);
      }
    }
  }
  const tile = Buffer.allocUnsafe(end);
  if (end > shortCopy) out.copy(tile, 0, 0, end);
  else for (let i = 0; i < end; i++) tile[i] = out[i]!;
  return tile;
}

/** Bytes up to which a loop copies faster than a call. */
const shortCopy = 64;
/** Slots up to which each is put into its place, one after the other. */
const fewSlots = 32;
let slots = new Int32Array(fewSlots);

/** Puts the slots of a row into `slots`, in the order of their groups; answers with how many there are. */
function orderSlots(pairs: Pairs, row: number, labels: Dictionary | undefined): number {
  let count = 0;
  for (let slot = pairs.first(row); slot >= 0; slot = pairs.next(slot)) {
    if (count === slots.length) slots = enlarged(slots, fewSlots);
    let at = count++;
    for (; at > 0 && count <= fewSlots && compareGroups(pairs, labels, slots[at - 1]!, slot) > 0; at--) slots[at] = slots[at - 1]!;
    slots[at] = slot;
  }
  if (count > fewSlots) slots.subarray(0, count).sort((a, b) => compareGroups(pairs, labels, a, b));
  return count;
}

function compareGroups(pairs: Pairs, labels: Dictionary | undefined, a: number, b: number): number {
  return labels === undefined ? pairs.groupOf(a) - pairs.groupOf(b) : labels.compareIds(pairs.groupOf(a), pairs.groupOf(b));
}

/** Adds the bytes of a tile, `bytes` from `from` on, to row `row`. Cost: one step a cell that the tile has; nothing is allocated but for groups not seen before. */
export function addTile(pane: Pane, row: number, bytes: Uint8Array, from = 0): void {
  let at = from;
  const { tables } = pane.layout;
  const merges = cellMerges(pane.layout);
  for (let t = 0; t < tables.length; t++) {
    const { group } = tables[t]!;
    const slab = pane.slabs[t]!;
    const { stride } = slab;
    if (group === undefined) {
      slab.ensure(row + 1);
      at = addCells(bytes, at, slab.floats(), row * stride, stride, merges[t]!);
    } else if (group.kind === 'dense') {
      slab.ensure((row + 1) * group.size);
      at = addCells(bytes, at, slab.floats(), row * group.size * stride, group.size * stride, merges[t]!);
    } else {
      const pairs = pane.pairs[t]!;
      let left = numberAt(bytes, at);
      at = numberEnd(bytes, at);
      for (; left > 0; left--) {
        let id = numberAt(bytes, at);
        at = numberEnd(bytes, at);
        if (group.kind === 'labels') {
          const length = id;
          id = pane.labels[t]!.intern(bytes, at, length);
          at += length;
        }
        const slot = pairs.slot(row, id);
        slab.ensure(pairs.size);
        at = addCells(bytes, at, slab.floats(), slot * stride, stride, merges[t]!);
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

/**
 * Merges `count` cells, whose mask begins at `from` of `bytes`, into those of `to` from `base` on; answers with where they end. Cost: one step a cell that is there.
 *
 * @param merges what each cell of a slot does, of `cellMerges`
 */
export function addCells(bytes: Uint8Array, from: number, to: Float64Array, base: number, count: number, merges: Uint8Array): number {
  const stride = merges.length;
  let mask = from;
  let at = from + ((count + 7) >> 3);
  for (let k = 0; k < count; k += 8, mask++) {
    for (let bits = bytes[mask]!; bits !== 0; bits &= bits - 1) {
      const place = k + 31 - Math.clz32(bits & -bits);
      let x = bytes[at]!;
      if (x < wide16) at++;
      else {
        x = numberAt(bytes, at);
        at = numberEnd(bytes, at);
      }
      const cell = base + place;
      const merge = merges[stride > place ? place : place % stride];
      if (merge === merging.add) to[cell] = to[cell]! + x;
      else if (merge === merging.addFloat) addFloat(to, cell, x);
      else if (merge === merging.least ? x < to[cell]! : x > to[cell]!) to[cell] = x;
    }
  }
  return at;
}

const known = new WeakMap<Layout, readonly Uint8Array[]>();

/** By table, what each of its cells does when it is merged. */
export function cellMerges(layout: Layout): readonly Uint8Array[] {
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

/** The number that begins at `at`. */
export function numberAt(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  if (first < wide16) return first;
  if (first === wide16) return bytes[at + 1]! | (bytes[at + 2]! << 8);
  if (first === wide32) return (bytes[at + 1]! | (bytes[at + 2]! << 8) | (bytes[at + 3]! << 16) | (bytes[at + 4]! << 24)) >>> 0;
  for (let k = 0; k < 8; k++) floatBytes[k] = bytes[at + 1 + k]!;
  return float[0]!;
}

/** Where it ends. */
export function numberEnd(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  return at + (first < wide16 ? 1 : first === wide16 ? 3 : first === wide32 ? 5 : 9);
}

function putLabel(labels: Dictionary, id: number): void {
  const length = labels.keyLength(id);
  putNumber(length);
  room(length);
  end = labels.copyKey(id, out, end);
}

function room(n: number): void {
  if (end + n <= out.length) return;
  const larger = Buffer.allocUnsafeSlow(Math.max(2 * out.length, end + n));
  out.copy(larger, 0, 0, end);
  out = larger;
}
