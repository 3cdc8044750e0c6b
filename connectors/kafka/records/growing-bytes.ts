/** Bytes that a decompressor writes: grow by doubling, never beyond a limit. */
export class GrowingBytes {
  #bytes: Uint8Array;
  #end = 0;
  readonly #limit: number;

  /**
   * @param size what to begin with
   * @param limit most bytes
   */
  constructor(size: number, limit: number) {
    this.#bytes = new Uint8Array(Math.max(64, size));
    this.#limit = limit;
  }

  /** Bytes [from, to) of another array. */
  append(source: Uint8Array, from: number, to: number): void {
    const size = to - from;
    this.#reserve(size);
    if (size > 32) this.#bytes.set(source.subarray(from, to), this.#end);
    else for (let i = 0; i < size; i++) this.#bytes[this.#end + i] = source[from + i]!;
    this.#end += size;
  }

  /** Repeats `size` bytes that begin `back` bytes before the end; they may run into themselves. @throws Error when there are not so many */
  repeat(back: number, size: number): void {
    if (back === 0 || back > this.#end) throw new Error('a match begins before the data');
    this.#reserve(size);
    const bytes = this.#bytes;
    const to = this.#end;
    if (size <= back && size > 16) bytes.copyWithin(to, to - back, to - back + size);
    else for (let i = 0; i < size; i++) bytes[to + i] = bytes[to - back + i]!;
    this.#end += size;
  }

  /** All of them. */
  take(): Uint8Array {
    return this.#bytes.subarray(0, this.#end);
  }

  #reserve(size: number): void {
    const needed = this.#end + size;
    if (needed > this.#limit) throw new Error(`it becomes more than ${this.#limit} bytes`);
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.min(this.#limit, Math.max(needed, this.#bytes.length * 2)));
    grown.set(this.#bytes.subarray(0, this.#end));
    this.#bytes = grown;
  }
}
