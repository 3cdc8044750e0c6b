/**
 * (row, group) to a dense slot, in the order of first sight, with the slots of a row linked: the cells of `count().by(column)` where
 * the groups are not known beforehand. Memory follows the pairs that occur.
 */
export class Pairs {
  #table = new Int32Array(16);
  #row = new Int32Array(8);
  #group = new Int32Array(8);
  #next = new Int32Array(8);
  #head = new Int32Array(8).fill(-1);
  #tail = new Int32Array(8).fill(-1);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Forgets all pairs and keeps the memory. */
  clear(): void {
    this.#table.fill(0);
    this.#head.fill(-1);
    this.#tail.fill(-1);
    this.#size = 0;
  }

  rowOf(slot: number): number {
    return this.#row[slot]!;
  }

  groupOf(slot: number): number {
    return this.#group[slot]!;
  }

  /** First slot of a row, -1 when it has none. */
  first(row: number): number {
    return row < this.#head.length ? this.#head[row]! : -1;
  }

  /** The slot after `slot` of the same row, -1 at the end. */
  next(slot: number): number {
    return this.#next[slot]!;
  }

  /** The slot of a pair; a new pair gets the next one. Cost: one hash and about one probe. */
  slot(row: number, group: number): number {
    const h = hash(row, group);
    let mask = this.#table.length - 1;
    let at = h & mask;
    for (let found = this.#table[at]!; found !== 0; found = this.#table[at]!) {
      if (this.#row[found - 1] === row && this.#group[found - 1] === group) return found - 1;
      at = (at + 1) & mask;
    }
    const slot = this.#size++;
    if (slot === this.#row.length) {
      this.#row = grown(this.#row, slot * 2, 0);
      this.#group = grown(this.#group, slot * 2, 0);
      this.#next = grown(this.#next, slot * 2, 0);
    }
    if (row >= this.#head.length) {
      const size = Math.max(row + 1, this.#head.length * 2);
      this.#head = grown(this.#head, size, -1);
      this.#tail = grown(this.#tail, size, -1);
    }
    this.#row[slot] = row;
    this.#group[slot] = group;
    this.#next[slot] = -1;
    if (this.#head[row] === -1) this.#head[row] = slot;
    else this.#next[this.#tail[row]!] = slot;
    this.#tail[row] = slot;
    this.#table[at] = slot + 1;
    if (this.#size * 2 > this.#table.length) {
      const table = new Int32Array(this.#table.length * 2);
      mask = table.length - 1;
      for (let s = 0; s < this.#size; s++) {
        let to = hash(this.#row[s]!, this.#group[s]!) & mask;
        while (table[to] !== 0) to = (to + 1) & mask;
        table[to] = s + 1;
      }
      this.#table = table;
    }
    return slot;
  }
}

function hash(row: number, group: number): number {
  let h = Math.imul(row, 0x9e3779b1) ^ Math.imul(group, 0x85ebca6b);
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  return h ^ (h >>> 13);
}

function grown(array: Int32Array, size: number, fill: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(size);
  larger.set(array);
  if (fill !== 0) larger.fill(fill, array.length);
  return larger;
}
