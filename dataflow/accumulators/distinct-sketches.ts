import type { StringColumn } from '../../schemas/column.js';
import { enlarged } from '../enlarged.js';

/** Bits of the register number that a listed value keeps. */
const listedBits = 26;
const rankBits = 6;
/** Share of the registers of which so many values are listed before there are registers. */
const listedShare = 16;

/**
 * HyperLogLog sketches by row. A sketch is a list of values at 26 bits of precision as long as it is short, then 2^precision registers of 6 bits, packed. What it holds depends on the set of values alone.
 * Sources: Heule, Nunkesser and Hall, EDBT 2013; Ertl, arXiv 1702.01284.
 */
export class DistinctSketches {
  /** Int32Array: an open hash table of codes, 0 where free; Uint8Array: packed registers. */
  #rows: (Int32Array | Uint8Array | undefined)[] = [];
  #listed = new Int32Array(4);
  readonly #registers: number;

  constructor(readonly precision: number) {
    this.#registers = 2 ** precision;
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#rows.reduce((sum, state) => sum + (state?.byteLength ?? 0), 0);
  }

  clear(): void {
    this.#rows = [];
    this.#listed.fill(0);
  }

  /** Adds value `i` to row `rows[i]`. Nulls, and those for which `mask` is 0, are passed over. Cost: one hash and about one probe. */
  addAll(rows: Int32Array, values: StringColumn, n: number, mask: Uint8Array | undefined): void {
    for (let i = 0; i < n; i++) {
      if (rows[i]! < 0 || values.length[i]! < 0 || (mask !== undefined && mask[i] === 0)) continue;
      this.#add(rows[i]!, codeOf(values.bytes, values.offset[i]!, values.length[i]!));
    }
  }

  /** Adds what row `row` of another one holds to row `to`. */
  merge(to: number, other: DistinctSketches, row: number): void {
    const theirs = other.#rows[row];
    if (theirs instanceof Int32Array) {
      for (const code of theirs) if (code !== 0) this.#add(to, code);
    } else if (theirs !== undefined) {
      const registers = this.#asRegisters(to);
      for (let r = 0; r < this.#registers; r++) raise(registers, r, registerAt(theirs, r));
    }
  }

  /** How many different values a row has seen, about. */
  estimate(row: number): number {
    const state = this.#rows[row];
    if (state === undefined) return 0;
    if (state instanceof Int32Array) {
      const m = 2 ** listedBits;
      return Math.round(-m * Math.log1p(-this.#listed[row]! / m));
    }
    return Math.round(estimateOf(state, this.#registers, listedBits + 32 - this.precision));
  }

  /** A row as bytes for `read`: the same for the same set of values. */
  write(row: number): Uint8Array {
    const state = this.#rows[row];
    if (state === undefined) return new Uint8Array(0);
    if (state instanceof Uint8Array) return state;
    const codes = Int32Array.from(state.filter((code) => code !== 0)).sort();
    return new Uint8Array(codes.buffer, 0, codes.byteLength);
  }

  read(row: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#room(row);
    if (bytes.length === packedBytes(this.#registers)) this.#rows[row] = Uint8Array.from(bytes);
    else {
      this.#rows[row] = undefined;
      this.#listed[row] = 0;
      for (const code of new Int32Array(Uint8Array.from(bytes).buffer)) this.#add(row, code);
    }
  }

  #room(row: number): void {
    if (row >= this.#listed.length) this.#listed = enlarged(this.#listed, row + 1);
  }

  #add(row: number, code: number): void {
    const state = this.#rows[row];
    if (state instanceof Uint8Array) {
      this.#raiseBy(state, code);
      return;
    }
    this.#room(row);
    let table = state ?? (this.#rows[row] = new Int32Array(4));
    if (!insert(table, code)) return;
    const listed = ++this.#listed[row]!;
    if (listed > this.#registers / listedShare) this.#asRegisters(row);
    else if (listed * 4 > table.length * 3) {
      table = new Int32Array(table.length * 2);
      for (const each of state ?? []) if (each !== 0) insert(table, each);
      this.#rows[row] = table;
    }
  }

  #asRegisters(row: number): Uint8Array {
    const state = this.#rows[row];
    if (state instanceof Uint8Array) return state;
    const registers = new Uint8Array(packedBytes(this.#registers));
    for (const code of state ?? []) if (code !== 0) this.#raiseBy(registers, code);
    return (this.#rows[row] = registers);
  }

  /** A listed value as a register: the bits that are too many for its number are the first of its rank. */
  #raiseBy(registers: Uint8Array, code: number): void {
    const rest = listedBits - this.precision;
    const listed = code >>> rankBits;
    const low = listed & (2 ** rest - 1);
    const rank = low === 0 ? rest + (code & (2 ** rankBits - 1)) : Math.clz32(low) - (32 - rest) + 1;
    raise(registers, listed >>> rest, rank);
  }
}

/** Bytes of 6 bits a register. */
const packedBytes = (registers: number): number => (registers * 6) / 8;

/** Register `r`: four of them take three bytes. */
function registerAt(packed: Uint8Array, r: number): number {
  const bit = r * 6;
  const at = bit >> 3;
  return ((packed[at]! | ((packed[at + 1] ?? 0) << 8)) >> (bit & 7)) & 63;
}

function raise(packed: Uint8Array, r: number, rank: number): void {
  if (registerAt(packed, r) >= rank) return;
  const bit = r * 6;
  const at = bit >> 3;
  const shift = bit & 7;
  const both = (packed[at]! | ((packed[at + 1] ?? 0) << 8)) & ~(63 << shift);
  const raised = both | (rank << shift);
  packed[at] = raised & 255;
  if (at + 1 < packed.length) packed[at + 1] = raised >> 8;
}

/** Puts a code into a table; of one register number the higher rank stays. Whether it is one more. */
function insert(table: Int32Array, code: number): boolean {
  const mask = table.length - 1;
  let at = Math.imul(code >>> rankBits, 0x9e3779b1) >>> 7 & mask;
  for (let found = table[at]!; found !== 0; found = table[at]!) {
    if (found >>> rankBits === code >>> rankBits) {
      if ((code & 63) > (found & 63)) table[at] = code;
      return false;
    }
    at = (at + 1) & mask;
  }
  table[at] = code;
  return true;
}

/** Register number (26 bits) and rank (zeros of 32 further bits, and one) of a value: two Murmur3 hashes of its bytes. */
function codeOf(bytes: Uint8Array, offset: number, length: number): number {
  let a = 0x2b9ae1c5;
  let b = 0x7f4a7c15;
  const end = offset + length;
  for (let i = offset; i < end; i += 4) {
    let k = bytes[i]!;
    if (i + 1 < end) k |= bytes[i + 1]! << 8;
    if (i + 2 < end) k |= bytes[i + 2]! << 16;
    if (i + 3 < end) k |= bytes[i + 3]! << 24;
    let l = Math.imul(k, 0x239b961b);
    k = Math.imul(k, 0xcc9e2d51);
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
    l = Math.imul((l << 16) | (l >>> 16), 0xab0e9789);
    a ^= k;
    a = (Math.imul((a << 13) | (a >>> 19), 5) + 0xe6546b64) | 0;
    b ^= l;
    b = (Math.imul((b << 17) | (b >>> 15), 5) + 0x561ccd1b) | 0;
  }
  a = finished(a ^ length);
  b = finished(b ^ length);
  return ((a >>> (32 - listedBits)) << rankBits) | (Math.clz32(b) + 1);
}

function finished(h: number): number {
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Ertl's improved raw estimate of registers with ranks up to `q` + 1. */
function estimateOf(packed: Uint8Array, m: number, q: number): number {
  const histogram = new Float64Array(q + 2);
  for (let r = 0; r < m; r++) histogram[registerAt(packed, r)]!++;
  let z = m * tau(1 - histogram[q + 1]! / m);
  for (let k = q; k >= 1; k--) z = 0.5 * (z + histogram[k]!);
  z += m * sigma(histogram[0]! / m);
  return (m * m) / (2 * Math.LN2 * z);
}

function sigma(share: number): number {
  if (share === 1) return Number.POSITIVE_INFINITY;
  let x = share;
  let y = 1;
  let z = x;
  for (let before = Number.NaN; before !== z; ) {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  }
  return z;
}

function tau(share: number): number {
  if (share === 0 || share === 1) return 0;
  let x = share;
  let y = 1;
  let z = 1 - x;
  for (let before = Number.NaN; before !== z; ) {
    x = Math.sqrt(x);
    before = z;
    y *= 0.5;
    z -= (1 - x) ** 2 * y;
  }
  return z / 3;
}
