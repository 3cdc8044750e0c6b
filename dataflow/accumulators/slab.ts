/** Beyond so many rows a slab grows by half, before by doubling. */
const manyRows = 4_096;

/** Numbers of a slab. */
export type Cells = Float64Array | Int32Array | Int16Array;

/** What the elements of each kind of array can hold, either way: the next wider one follows. */
const widths = [
  { array: Int16Array, limit: 2 ** 15 - 1 },
  { array: Int32Array, limit: 2 ** 31 - 1 },
  { array: Float64Array, limit: Number.POSITIVE_INFINITY },
] as const;

/**
 * Rows of `stride` numbers in one typed array; remembers which rows changed since the last `takeDirty`. Where all of them are counts they may be narrow: 2 bytes each as long as they are small. Who adds to them
 * looks whether the sum is beyond `limit`, and widens first.
 */
export class Slab {
  data: Cells;
  /** Largest number that a cell can hold, either way. */
  limit: number;
  #size = 0;
  #capacity = 4;
  #dirty = new Uint8Array(4);
  #list = new Int32Array(4);
  #dirtyCount = 0;
  readonly #blank: boolean;

  /**
   * @param identity the numbers of a fresh row
   * @param remembers false where something else knows what changed
   * @param isNarrow its numbers are counts, and are kept narrow
   */
  constructor(
    readonly identity: Float64Array,
    readonly remembers = true,
    isNarrow = false,
  ) {
    const { array, limit } = isNarrow ? widths[0] : widths[2];
    this.data = new array(4 * identity.length);
    this.limit = limit;
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
    const data = this.#cells(capacity * this.stride);
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

  /** Makes room for larger numbers. Cost: a copy, twice at most. */
  widen(): void {
    const had = this.data;
    this.limit = widths[this.limit === widths[0].limit ? 1 : 2].limit;
    this.data = this.#cells(had.length);
    this.data.set(had);
  }

  /** The numbers, as wide as they can be: for those that are no counts. */
  floats(): Float64Array {
    while (this.limit !== Number.POSITIVE_INFINITY) this.widen();
    return this.data as Float64Array;
  }

  /** Adds to a cell. */
  add(cell: number, x: number): void {
    const sum = this.data[cell]! + x;
    while (Math.abs(sum) > this.limit) this.widen();
    this.data[cell] = sum;
  }

  #cells(length: number): Cells {
    return new (widths.find(({ limit }) => limit === this.limit)!.array)(length);
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
