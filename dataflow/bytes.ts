/** Writes little-endian numbers, bytes and typed arrays one after the other; grows by doubling. */
export interface ByteWriter {
  u32(value: number): void;
  i32(value: number): void;
  f64(value: number): void;
  /** Length, then the bytes. */
  bytes(value: Uint8Array): void;
  /** The elements, without a length. */
  array(value: Float64Array | Int32Array): void;
  /** Room for `size` more bytes: write them into `buffer` at the position that it gives, then call `commit` with their end. */
  reserve(size: number): number;
  readonly buffer: Buffer;
  commit(end: number): void;
  /** What was written; valid until `reset`. */
  finish(): Uint8Array;
  /** Begins anew in the same memory. */
  reset(): void;
}

/**
 * A writer that starts empty.
 *
 * @param size bytes to begin with; where they suffice, nothing is copied
 */
export function byteWriter(size = 1 << 10): ByteWriter {
  let buffer = Buffer.allocUnsafeSlow(size);
  let end = 0;
  const reserve = (n: number) => {
    if (end + n > buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(buffer.length * 2, end + n));
      buffer.copy(larger, 0, 0, end);
      buffer = larger;
    }
    return end;
  };
  const room = (n: number) => {
    end = reserve(n) + n;
    return end - n;
  };
  const copy = (value: Uint8Array) => {
    const at = room(value.length);
    buffer.set(value, at);
  };
  return {
    u32: (value) => {
      const at = room(4);
      buffer.writeUInt32LE(value, at);
    },
    i32: (value) => {
      const at = room(4);
      buffer.writeInt32LE(value, at);
    },
    f64: (value) => {
      const at = room(8);
      buffer.writeDoubleLE(value, at);
    },
    bytes(value) {
      this.u32(value.length);
      copy(value);
    },
    array: (value) => copy(new Uint8Array(value.buffer, value.byteOffset, value.byteLength)),
    reserve,
    get buffer() {
      return buffer;
    },
    commit(to) {
      end = to;
    },
    finish: () => buffer.subarray(0, end),
    reset() {
      end = 0;
    },
  };
}

/** Reads what a `ByteWriter` wrote. */
export interface ByteReader {
  readonly left: number;
  u32(): number;
  f64(): number;
  bytes(): Uint8Array;
  float64s(n: number): Float64Array;
  int32s(n: number): Int32Array;
}

/** A reader over `bytes`. Arrays are copied, since the bytes may lie at any address. */
export function byteReader(bytes: Uint8Array): ByteReader {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const move = (n: number) => {
    at += n;
    return at - n;
  };
  const copied = (n: number) => {
    const from = move(n);
    return buffer.buffer.slice(buffer.byteOffset + from, buffer.byteOffset + from + n) as ArrayBuffer;
  };
  return {
    get left() {
      return buffer.length - at;
    },
    u32: () => buffer.readUInt32LE(move(4)),
    f64: () => buffer.readDoubleLE(move(8)),
    bytes() {
      const n = this.u32();
      const from = move(n);
      return buffer.subarray(from, from + n);
    },
    float64s: (n) => new Float64Array(copied(n * 8)),
    int32s: (n) => new Int32Array(copied(n * 4)),
  };
}
