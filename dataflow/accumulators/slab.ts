/** Rows of `stride` numbers in one typed array; remembers which rows changed since the last `takeDirty`. */
export class Slab {
  data: Float64Array;
  #size = 0;
  #dirty = new Uint8Array(4);
  #list = new Int32Array(4);
  #dirtyCount = 0;
  readonly #blank: boolean;

  /** @param identity the numbers of a fresh row */
  constructor(readonly identity: Float64Array) {
    this.data = new Float64Array(4 * identity.length);
    this.#blank = identity.every((x) => x === 0);
  }

  get stride(): number {
    return this.identity.length;
  }

  /** Rows in use. */
  get size(): number {
    return this.#size;
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#size * (this.stride * 8 + 1);
  }

  /** Makes rows 0..size-1 exist; new ones are fresh. */
  ensure(size: number): void {
    if (size <= this.#size) return;
    const stride = this.stride;
    if (size * stride > this.data.length || size > this.#dirty.length) {
      const capacity = Math.max(size, this.#dirty.length * 2);
      const data = new Float64Array(capacity * stride);
      data.set(this.data.subarray(0, this.#size * stride));
      this.data = data;
      const dirty = new Uint8Array(capacity);
      dirty.set(this.#dirty);
      this.#dirty = dirty;
      const list = new Int32Array(capacity);
      list.set(this.#list.subarray(0, this.#dirtyCount));
      this.#list = list;
    }
    if (!this.#blank) for (let row = this.#size; row < size; row++) this.data.set(this.identity, row * stride);
    this.#size = size;
  }

  /** Marks the rows `rows[0..n)` as changed; negative ones are passed over. */
  touch(rows: Int32Array, n: number): void {
    const dirty = this.#dirty;
    const list = this.#list;
    let count = this.#dirtyCount;
    for (let i = 0; i < n; i++) {
      const row = rows[i]!;
      if (row < 0 || dirty[row] === 1) continue;
      dirty[row] = 1;
      list[count++] = row;
    }
    this.#dirtyCount = count;
  }

  /** Forgets all rows and keeps the memory. */
  clear(): void {
    if (this.#blank) this.data.fill(0, 0, this.#size * this.stride);
    this.#dirty.fill(0, 0, this.#size);
    this.#dirtyCount = 0;
    this.#size = 0;
  }

  get dirtyCount(): number {
    return this.#dirtyCount;
  }

  /** Rows changed since the last call, in the order of their first change. */
  takeDirty(): Int32Array {
    const rows = this.#list.slice(0, this.#dirtyCount);
    for (const row of rows) this.#dirty[row] = 0;
    this.#dirtyCount = 0;
    return rows;
  }
}
