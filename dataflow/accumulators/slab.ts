/** Beyond so many rows a slab grows by half, before by doubling. */
const manyRows = 4_096;

/** Rows of `stride` numbers in one typed array; remembers which rows changed since the last `takeDirty`. */
export class Slab {
  data: Float64Array;
  #size = 0;
  #capacity = 4;
  #dirty = new Uint8Array(4);
  #list = new Int32Array(4);
  #dirtyCount = 0;
  readonly #blank: boolean;

  /**
   * @param identity the numbers of a fresh row
   * @param remembers false where something else knows what changed
   */
  constructor(
    readonly identity: Float64Array,
    readonly remembers = true,
  ) {
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

  /** Makes rows 0..size-1 exist; new ones are fresh. */
  ensure(size: number): void {
    if (size <= this.#size) return;
    const stride = this.stride;
    if (size > this.#capacity) this.reserve(Math.max(size, Math.ceil(this.#capacity * (this.#capacity < manyRows ? 2 : 1.5))));
    if (!this.#blank) for (let row = this.#size; row < size; row++) this.data.set(this.identity, row * stride);
    this.#size = size;
  }

  /** Makes room for so many rows, which do not exist yet. */
  reserve(capacity: number): void {
    if (capacity <= this.#capacity) return;
    this.#capacity = capacity;
    const data = new Float64Array(capacity * this.stride);
    data.set(this.data.subarray(0, this.#size * this.stride));
    this.data = data;
    if (!this.remembers) return;
    const dirty = new Uint8Array(capacity);
    dirty.set(this.#dirty);
    this.#dirty = dirty;
    const list = new Int32Array(capacity);
    list.set(this.#list.subarray(0, this.#dirtyCount));
    this.#list = list;
  }

  /** Marks the rows `rows[0..n)` as changed; negative ones are passed over. */
  touch(rows: Int32Array, n: number): void {
    if (!this.remembers) return;
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
