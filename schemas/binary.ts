/** Longest Avro int and long in bytes. */
export const intBytes = 5;
export const longBytes = 10;

/** Largest long that Avro readers in JavaScript take, by magnitude. */
export const maxLong = Number.MAX_SAFE_INTEGER - 1;

const low27 = 2 ** 27;

/** Writes an Avro int at `at`, where 5 bytes are free; gives the end. */
export function writeInt(target: Uint8Array, at: number, value: number): number {
  let z = ((value << 1) ^ (value >> 31)) >>> 0;
  while (z > 127) {
    target[at++] = (z & 127) | 128;
    z >>>= 7;
  }
  target[at++] = z;
  return at;
}

/** Writes an Avro long of at most 2^53 by magnitude at `at`, where 10 bytes are free; gives the end. */
export function writeLong(target: Uint8Array, at: number, value: number): number {
  if ((value | 0) === value) return writeInt(target, at, value);
  // zigzag in two parts, 28 bits and the rest, since 2 * value + 1 is no longer exact
  const magnitude = value >= 0 ? value : -value - 1;
  const high = Math.floor(magnitude / low27);
  let z = (magnitude - high * low27) * 2 + (value < 0 ? 1 : 0);
  for (let k = 0; k < 4; k++) {
    target[at++] = (z & 127) | 128;
    z >>>= 7;
  }
  z = high;
  while (z > 127) {
    target[at++] = (z & 127) | 128;
    z >>>= 7;
  }
  target[at++] = z;
  return at;
}

/** Writes length and bytes of `from[offset .. offset + length)` at `at`; gives the end. */
export function writeBytes(target: Uint8Array, at: number, from: Uint8Array, offset: number, length: number): number {
  at = writeInt(target, at, length);
  // a copy in native code pays from about here
  if (length > 48) target.set(from.subarray(offset, offset + length), at);
  else for (let k = 0; k < length; k++) target[at + k] = from[offset + k]!;
  return at + length;
}

/** Writes a string as Avro does, where 5 bytes and 3 per UTF-16 unit are free; gives the end. */
export function writeString(target: Uint8Array, at: number, text: string): number {
  const length = text.length;
  if (length > 48) return writeUtf8(target, at, text);
  const p = writeInt(target, at, length);
  for (let k = 0; k < length; k++) {
    const unit = text.charCodeAt(k);
    if (unit > 127) return writeUtf8(target, at, text);
    target[p + k] = unit;
  }
  return p + length;
}

function writeUtf8(target: Uint8Array, at: number, text: string): number {
  const length = Buffer.byteLength(text);
  const p = writeInt(target, at, length);
  return p + Buffer.prototype.write.call(viewOf(target), text, p, length, 'utf8');
}

function viewOf(target: Uint8Array): Buffer {
  return Buffer.isBuffer(target) ? target : Buffer.from(target.buffer, target.byteOffset, target.byteLength);
}

const scratch = new DataView(new ArrayBuffer(8));

/** Writes an Avro float; gives the end. */
export function writeFloat(target: Uint8Array, at: number, value: number): number {
  scratch.setFloat32(0, value, true);
  for (let k = 0; k < 4; k++) target[at + k] = scratch.getUint8(k);
  return at + 4;
}

/** Writes an Avro double; gives the end. */
export function writeDouble(target: Uint8Array, at: number, value: number): number {
  scratch.setFloat64(0, value, true);
  for (let k = 0; k < 8; k++) target[at + k] = scratch.getUint8(k);
  return at + 8;
}

type Numbers = ArrayLike<number>;

/** Writes an array of int, long, float or double as one block: count, items, 0. The items are checked by the caller. */
export function writeNumbers(target: Uint8Array, at: number, values: Numbers, item: 'int' | 'long' | 'float' | 'double'): number {
  const n = values.length;
  if (n > 0) {
    at = writeInt(target, at, n);
    if (item === 'int' || item === 'long') for (let k = 0; k < n; k++) at = writeLong(target, at, values[k]!);
    else if (item === 'float') for (let k = 0; k < n; k++) at = writeFloat(target, at, values[k]!);
    else for (let k = 0; k < n; k++) at = writeDouble(target, at, values[k]!);
  }
  target[at++] = 0;
  return at;
}
