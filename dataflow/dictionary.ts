import type { StringColumn } from '../schemas/column.js';

/**
 * Key bytes to dense ids 0, 1, 2, … in the order of first sight. Keys lie in one pool; look-up is open addressing over typed arrays,
 * so a million keys are five arrays. Cost of a look-up: one hash over the key and about one probe.
 */
export class Dictionary {
  /** Slot s: hash at 2s, id + 1 at 2s + 1, so that a probe that fails touches one cache line. */
  #table = new Int32Array(1 << 5);
  /** Id i: where its key begins in the pool at i, where it ends at i + 1. */
  #end = new Int32Array(1 << 3);
  #pool = new Uint8Array(1 << 6);
  #size = 0;
  #hashes = new Int32Array(0);

  /** Number of keys. */
  get size(): number {
    return this.#size;
  }

  /** Forgets all keys and keeps the memory; columns from `keys` stay valid, those from `key` do not. */
  clear(): void {
    this.#table.fill(0);
    this.#size = 0;
  }

  /**
   * Ids of the keys of rows 0..n-1 into `ids`; new keys get the next ids. A null key counts as empty. In three passes (hash, first probe,
   * comparison), so that the processor can wait for many cache lines at a time.
   */
  internAll(keys: StringColumn, n: number, ids: Int32Array): void {
    const { bytes, offset, length } = keys;
    if (this.#hashes.length < n) this.#hashes = new Int32Array(n * 2);
    const hashes = this.#hashes;
    for (let i = 0; i < n; i++) {
      const l = length[i]!;
      hashes[i] = hashOf(bytes, offset[i]!, l < 0 ? 0 : l);
    }
    const table = this.#table;
    const mask = table.length - 2;
    for (let i = 0; i < n; i++) {
      const h = hashes[i]!;
      const slot = (h << 1) & mask;
      ids[i] = table[slot] === h ? table[slot + 1]! - 1 : -1;
    }
    for (let i = 0; i < n; i++) {
      const from = offset[i]!;
      const l = length[i]! < 0 ? 0 : length[i]!;
      if (ids[i]! < 0 || !this.#isKey(ids[i]!, bytes, from, l)) ids[i] = this.#lookUp(bytes, from, l, hashes[i]!, true);
    }
  }

  /** Ids of the keys of rows 0..n-1 into `ids`; -1 for keys that are not there. A null key counts as empty. */
  findAll(keys: StringColumn, n: number, ids: Int32Array): void {
    const { bytes, offset, length } = keys;
    for (let i = 0; i < n; i++) {
      const l = length[i]! < 0 ? 0 : length[i]!;
      ids[i] = this.#lookUp(bytes, offset[i]!, l, hashOf(bytes, offset[i]!, l), false);
    }
  }

  /** Id of the key at `bytes[offset .. offset + length)`; a new key gets the next id. */
  intern(bytes: Uint8Array, offset: number, length: number): number {
    return this.#lookUp(bytes, offset, length, hashOf(bytes, offset, length), true);
  }

  /** Id of a key, or -1 when it is not there. */
  find(bytes: Uint8Array, offset: number, length: number): number {
    return this.#lookUp(bytes, offset, length, hashOf(bytes, offset, length), false);
  }

  #lookUp(bytes: Uint8Array, offset: number, length: number, h: number, insert: boolean): number {
    const table = this.#table;
    const mask = table.length - 2;
    let slot = (h << 1) & mask;
    for (let id = table[slot + 1]!; id !== 0; id = table[slot + 1]!) {
      if (table[slot] === h && this.#isKey(id - 1, bytes, offset, length)) return id - 1;
      slot = (slot + 2) & mask;
    }
    return insert ? this.#insert(bytes, offset, length, h, slot) : -1;
  }

  #isKey(id: number, bytes: Uint8Array, offset: number, length: number): boolean {
    const ends = this.#end;
    const at = ends[id]!;
    if (ends[id + 1]! - at !== length) return false;
    const pool = this.#pool;
    for (let i = 0; i < length; i++) if (pool[at + i] !== bytes[offset + i]) return false;
    return true;
  }

  /** The keys of ids [from, to) as a column of its own. */
  keys(from = 0, to = this.#size): StringColumn {
    const n = to - from;
    const first = this.#end[from]!;
    const offset = new Int32Array(n);
    const length = new Int32Array(n);
    for (let i = 0; i < n; i++) {
      offset[i] = this.#end[from + i]! - first;
      length[i] = this.#end[from + i + 1]! - this.#end[from + i]!;
    }
    return { kind: 'string', bytes: this.#pool.slice(first, this.#end[to]!), offset, length };
  }

  /** The keys of some ids as a column of its own. */
  select(ids: ArrayLike<number>): StringColumn {
    const n = ids.length;
    const offset = new Int32Array(n);
    const length = new Int32Array(n);
    let size = 0;
    for (let i = 0; i < n; i++) {
      offset[i] = size;
      size += length[i] = this.#end[ids[i]! + 1]! - this.#end[ids[i]!]!;
    }
    const bytes = new Uint8Array(size);
    for (let i = 0; i < n; i++) for (let k = 0, from = this.#end[ids[i]!]!; k < length[i]!; k++) bytes[offset[i]! + k] = this.#pool[from + k]!;
    return { kind: 'string', bytes, offset, length };
  }

  /** The key of an id, as bytes of the pool. */
  key(id: number): Uint8Array {
    return this.#pool.subarray(this.#end[id]!, this.#end[id + 1]!);
  }

  keyLength(id: number): number {
    return this.#end[id + 1]! - this.#end[id]!;
  }

  /** Copies the key of an id to `target` from `at` on; answers with where it ends. */
  copyKey(id: number, target: Uint8Array, at: number): number {
    const pool = this.#pool;
    let to = at;
    for (let i = this.#end[id]!, end = this.#end[id + 1]!; i < end; i++) target[to++] = pool[i]!;
    return to;
  }

  /** Below 0 where the key of an id is before `key` by its bytes, 0 where it is the same. */
  compare(id: number, key: Uint8Array): number {
    return compareBytes(this.#pool, this.#end[id]!, this.#end[id + 1]!, key, 0, key.length);
  }

  /** The same of two ids. */
  compareIds(a: number, b: number): number {
    return compareBytes(this.#pool, this.#end[a]!, this.#end[a + 1]!, this.#pool, this.#end[b]!, this.#end[b + 1]!);
  }

  #insert(bytes: Uint8Array, offset: number, length: number, h: number, slot: number): number {
    const id = this.#size++;
    if (id + 1 === this.#end.length) this.#end = grown(this.#end);
    const start = id === 0 ? 0 : this.#end[id]!;
    if (start + length > this.#pool.length) {
      const pool = new Uint8Array(Math.max(this.#pool.length * 2, start + length));
      pool.set(this.#pool.subarray(0, start));
      this.#pool = pool;
    }
    // Keys are short: a loop is cheaper than a view and a native copy.
    const pool = this.#pool;
    for (let i = 0; i < length; i++) pool[start + i] = bytes[offset + i]!;
    this.#end[id] = start;
    this.#end[id + 1] = start + length;
    this.#table[slot] = h;
    this.#table[slot + 1] = id + 1;
    if (this.#size * 4 > this.#table.length) this.#rehash();
    return id;
  }

  #rehash(): void {
    const before = this.#table;
    const table = new Int32Array(before.length * 2);
    const mask = table.length - 2;
    for (let at = 0; at < before.length; at += 2) {
      if (before[at + 1] === 0) continue;
      const h = before[at]!;
      let slot = (h << 1) & mask;
      while (table[slot + 1] !== 0) slot = (slot + 2) & mask;
      table[slot] = h;
      table[slot + 1] = before[at + 1]!;
    }
    this.#table = table;
  }
}

function compareBytes(a: Uint8Array, from: number, to: number, b: Uint8Array, start: number, end: number): number {
  const n = Math.min(to - from, end - start);
  for (let i = 0; i < n; i++) if (a[from + i] !== b[start + i]) return a[from + i]! - b[start + i]!;
  return to - from - (end - start);
}

function hashOf(bytes: Uint8Array, offset: number, length: number): number {
  const end = offset + length;
  let h = length | 0;
  let i = offset;
  for (; i + 4 <= end; i += 4) {
    h = Math.imul(h ^ (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)), 0x9e3779b1);
    h ^= h >>> 15;
  }
  for (; i < end; i++) h = Math.imul(h ^ bytes[i]!, 0x85ebca6b);
  return h ^ (h >>> 13);
}

function grown(array: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}
