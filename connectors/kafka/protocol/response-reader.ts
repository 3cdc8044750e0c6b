/**
 * Reads a response of Kafka's protocol in its flexible encoding (KIP-482): compact sizes, and tagged fields that are stepped over
 * unless they are asked for.
 */
export class ResponseReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  boolean(): boolean {
    return this.int8() !== 0;
  }

  int8(): number {
    return this.#bytes.readInt8(this.#move(1));
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#move(2));
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#move(4));
  }

  int64(): bigint {
    return this.#bytes.readBigInt64BE(this.#move(8));
  }

  /** An int64 that is an offset or a time. */
  long(): number {
    return Number(this.int64());
  }

  uuid(): string {
    return this.#bytes.toString('hex', this.#move(16), this.#at);
  }

  /** The text, or undefined for null. */
  text(): string | undefined {
    const size = this.#unsigned() - 1;
    return size < 0 ? undefined : this.#bytes.toString('utf8', this.#move(size), this.#at);
  }

  /** A view of the bytes; empty for null. */
  bytes(): Uint8Array {
    const size = Math.max(0, this.#unsigned() - 1);
    return this.#bytes.subarray(this.#move(size), this.#at);
  }

  /** The elements; none for null. */
  array<T>(read: (reader: this) => T): T[] {
    const size = this.#unsigned() - 1;
    const items: T[] = [];
    for (let i = 0; i < size; i++) items.push(read(this));
    return items;
  }

  /** Tagged fields: each that is known is read by its number, the others are stepped over. */
  tags(known: Readonly<Record<number, (reader: this) => void>> = {}): void {
    for (let left = this.#unsigned(); left > 0; left--) {
      const tag = this.#unsigned();
      const end = this.#unsigned() + this.#at;
      known[tag]?.(this);
      this.#at = end;
    }
  }

  #unsigned(): number {
    let value = 0;
    let shift = 0;
    let byte: number;
    do {
      byte = this.#bytes.readUInt8(this.#move(1));
      value |= (byte & 127) << shift;
      shift += 7;
    } while (byte > 127 && shift < 35);
    return value >>> 0;
  }

  /** Gives the position and moves on. @throws RangeError at the end of the bytes */
  #move(by: number): number {
    if (this.#at + by > this.#bytes.length) throw new RangeError('the response is cut off');
    this.#at += by;
    return this.#at - by;
  }
}
