import type { BatchRows } from './batch.js';

/** One header of a record. */
export interface Header {
  readonly key: string;
  readonly value: Uint8Array;
}

/**
 * Consecutive records of one partition as columns: what a `LogClient` reads and writes. Keys and values lie in `bytes`;
 * a length of -1 is a null key or a tombstone. Nothing is allocated per record.
 */
export interface RecordBlock {
  readonly count: number;
  /** Offset of row 0. Row `i` has offset `offsets[i]`, or `baseOffset + i` where `offsets` is absent. */
  readonly baseOffset: number;
  readonly offsets?: Float64Array | undefined;
  /** Record timestamps, epoch milliseconds. */
  readonly timestamps: Float64Array;
  readonly bytes: Uint8Array;
  readonly keyOffset: Int32Array;
  readonly keyLength: Int32Array;
  readonly valueOffset: Int32Array;
  readonly valueLength: Int32Array;
  /** Row number to headers, for the rows that have any. */
  readonly headers?: ReadonlyMap<number, readonly Header[]> | undefined;
  /** The values, where a log makes its records as columns instead of keeping bytes; the other columns of the block but `timestamps` are empty then. */
  readonly rows?: BatchRows | undefined;
}

/** Offset of row `i`. */
export function offsetAt(block: RecordBlock, i: number): number {
  return block.offsets ? block.offsets[i]! : block.baseOffset + i;
}

/** Collects records for one partition; `take()` hands them over as a block and starts anew. Grows by doubling. */
export class BlockWriter {
  #bytes: Uint8Array = new Uint8Array(1 << 10);
  #end = 0;
  #count = 0;
  #timestamps = new Float64Array(16);
  #keyLength = new Int32Array(16);
  #valueLength = new Int32Array(16);
  #headers: Map<number, readonly Header[]> | undefined;

  get count(): number {
    return this.#count;
  }

  /** Bytes of keys and values held. */
  get size(): number {
    return this.#end;
  }

  /** Appends a record; `key` null is a record without key, `value` null a tombstone. */
  append(key: Uint8Array | null, value: Uint8Array | null, timestamp: number, headers?: readonly Header[]): void {
    const kl = key === null ? 0 : key.length;
    const vl = value === null ? 0 : value.length;
    const at = this.reserve(kl + vl);
    if (key !== null) this.#bytes.set(key, at);
    if (value !== null) this.#bytes.set(value, at + kl);
    this.commit(key === null ? -1 : kl, value === null ? -1 : vl, timestamp, headers);
  }

  /** Room for `size` more bytes; write them into `buffer` at the returned position, then call `commit`. No copy on the hot path. */
  reserve(size: number): number {
    if (this.#end + size > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#end + size));
      grown.set(this.#bytes.subarray(0, this.#end));
      this.#bytes = grown;
    }
    return this.#end;
  }

  get buffer(): Uint8Array {
    return this.#bytes;
  }

  /** Ends the record whose key (first) and value were written at the reserved position. */
  commit(keyLength: number, valueLength: number, timestamp: number, headers?: readonly Header[]): void {
    const n = this.#count;
    if (n === this.#timestamps.length) this.#growRows();
    this.#timestamps[n] = timestamp;
    this.#keyLength[n] = keyLength;
    this.#valueLength[n] = valueLength;
    if (headers !== undefined && headers.length > 0) (this.#headers ??= new Map()).set(n, headers);
    this.#end += Math.max(keyLength, 0) + Math.max(valueLength, 0);
    this.#count = n + 1;
  }

  /** The block so far, with `baseOffset` 0: the log gives real offsets at commit. */
  take(): RecordBlock {
    const count = this.#count;
    const keyOffset = new Int32Array(count);
    const valueOffset = new Int32Array(count);
    let at = 0;
    for (let i = 0; i < count; i++) {
      keyOffset[i] = at;
      at += Math.max(this.#keyLength[i]!, 0);
      valueOffset[i] = at;
      at += Math.max(this.#valueLength[i]!, 0);
    }
    const block: RecordBlock = {
      count,
      baseOffset: 0,
      timestamps: this.#timestamps.slice(0, count),
      bytes: this.#bytes.slice(0, this.#end),
      keyOffset,
      keyLength: this.#keyLength.slice(0, count),
      valueOffset,
      valueLength: this.#valueLength.slice(0, count),
      headers: this.#headers,
    };
    this.#end = 0;
    this.#count = 0;
    this.#headers = undefined;
    return block;
  }

  #growRows(): void {
    const size = this.#timestamps.length * 2;
    const timestamps = new Float64Array(size);
    timestamps.set(this.#timestamps);
    this.#timestamps = timestamps;
    const keyLength = new Int32Array(size);
    keyLength.set(this.#keyLength);
    this.#keyLength = keyLength;
    const valueLength = new Int32Array(size);
    valueLength.set(this.#valueLength);
    this.#valueLength = valueLength;
  }
}
