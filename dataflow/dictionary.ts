import type { StringColumn } from '../schemas/column.js';

/**
 * Key bytes to dense ids 0, 1, 2, … in the order of first sight. Keys lie in one pool; look-up is open addressing over typed arrays,
 * so a million keys are five arrays. Cost of a look-up: one hash over the key and about one probe.
 */
export class Dictionary {
  #table = new Int32Array(1 << 8);
  #hash = new Int32Array(1 << 7);
  #offset = new Int32Array(1 << 7);
  #length = new Int32Array(1 << 7);
  #pool = new Uint8Array(1 << 11);
  #end = 0;
  #size = 0;

  /** Number of keys. */
  get size(): number {
    return this.#size;
  }

  /** Forgets all keys and keeps the memory; columns from `keys` stay valid, those from `key` do not. */
  clear(): void {
    this.#table.fill(0);
    this.#size = 0;
    this.#end = 0;
  }

  /** Ids of the keys of rows 0..n-1 into `ids`; new keys get the next ids. A null key counts as empty. */
  internAll(keys: StringColumn, n: number, ids: Int32Array): void {
    const { bytes, offset, length } = keys;
    for (let i = 0; i < n; i++) {
      const l = length[i]!;
      ids[i] = this.intern(bytes, offset[i]!, l < 0 ? 0 : l);
    }
  }

  /** Id of the key at `bytes[offset .. offset + length)`; a new key gets the next id. */
  intern(bytes: Uint8Array, offset: number, length: number): number {
    return this.#lookUp(bytes, offset, length, true);
  }

  /** Id of a key, or -1 when it is not there. */
  find(bytes: Uint8Array, offset: number, length: number): number {
    return this.#lookUp(bytes, offset, length, false);
  }

  #lookUp(bytes: Uint8Array, offset: number, length: number, insert: boolean): number {
    const end = offset + length;
    let h = length | 0;
    let i = offset;
    for (; i + 4 <= end; i += 4) {
      h = Math.imul(h ^ (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)), 0x9e3779b1);
      h ^= h >>> 15;
    }
    for (; i < end; i++) h = Math.imul(h ^ bytes[i]!, 0x85ebca6b);
    h ^= h >>> 13;
    const table = this.#table;
    const mask = table.length - 1;
    let slot = h & mask;
    for (let id = table[slot]!; id !== 0; id = table[slot]!) {
      if (this.#hash[id - 1] === h && this.#length[id - 1] === length) {
        let at = this.#offset[id - 1]!;
        let j = offset;
        while (j < end && this.#pool[at] === bytes[j]) {
          at++;
          j++;
        }
        if (j === end) return id - 1;
      }
      slot = (slot + 1) & mask;
    }
    return insert ? this.#insert(bytes, offset, length, h, slot) : -1;
  }

  /** The keys of ids [from, to) as a column of its own. */
  keys(from = 0, to = this.#size): StringColumn {
    return { kind: 'string', bytes: this.#pool.slice(0, this.#end), offset: this.#offset.slice(from, to), length: this.#length.slice(from, to) };
  }

  /** The key of an id, as bytes of the pool. */
  key(id: number): Uint8Array {
    return this.#pool.subarray(this.#offset[id]!, this.#offset[id]! + this.#length[id]!);
  }

  #insert(bytes: Uint8Array, offset: number, length: number, h: number, slot: number): number {
    const id = this.#size++;
    if (id === this.#hash.length) {
      this.#hash = grown(this.#hash);
      this.#offset = grown(this.#offset);
      this.#length = grown(this.#length);
    }
    if (this.#end + length > this.#pool.length) {
      const pool = new Uint8Array(Math.max(this.#pool.length * 2, this.#end + length));
      pool.set(this.#pool.subarray(0, this.#end));
      this.#pool = pool;
    }
    this.#pool.set(bytes.subarray(offset, offset + length), this.#end);
    this.#offset[id] = this.#end;
    this.#length[id] = length;
    this.#hash[id] = h;
    this.#end += length;
    this.#table[slot] = id + 1;
    if (this.#size * 2 > this.#table.length) this.#rehash();
    return id;
  }

  #rehash(): void {
    const table = new Int32Array(this.#table.length * 2);
    const mask = table.length - 1;
    for (let id = 0; id < this.#size; id++) {
      let slot = this.#hash[id]! & mask;
      while (table[slot] !== 0) slot = (slot + 1) & mask;
      table[slot] = id + 1;
    }
    this.#table = table;
  }
}

function grown(array: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}
