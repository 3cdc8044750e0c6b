import { deserialize, serialize } from 'node:v8';

/*
 * Plain data as bytes: what steps keep for their users is mostly a small record of numbers, and V8's serializer takes several microseconds to begin. First byte 1, then a value:
 *    64 to 255: a whole number from 0 to 191; else a tag: null, undefined, true, false; number: f64; text: length, latin-1 bytes; wide text: length, UTF-16;
 *    list: count, values; record: bytes of its names, count of names and each as text, then the values in their order
 * Counts and lengths are varints, numbers little-endian.
 * Anything else goes to V8's serializer as a whole, whose first byte is 255.
 */
const mark = 1;
const tag = { null: 0, undefined: 1, true: 2, false: 3, number: 4, text: 5, wideText: 6, list: 7, record: 8 } as const;
const firstSmall = 64;
const smallest = 256 - firstSmall;
/** Lists and records in one value at most: more of them, and those that occur twice, are left to V8's serializer, which keeps what is one object one. */
const mostParts = 16;
/** Bytes of a tag and a count at most. */
const headBytes = 6;

/** The names of a record, and their bytes: records of one step have the same ones. */
interface Shape {
  readonly names: readonly string[];
  readonly bytes: Uint8Array;
}

let out = Buffer.allocUnsafeSlow(1 << 10);
let end = 0;
const parts: object[] = [];
let lastShape: Shape | undefined;
const shapes = new Map<string, readonly string[]>();
/** Shapes that are known at once: a step with records of ever other names must not fill the memory. */
const mostShapes = 1_000;
let at = 0;

/** The bytes of a value: of what `structuredClone` takes. Cost: one step a field; nothing but the bytes is allocated for records of the names of the one before. */
export function packPlain(value: unknown): Uint8Array {
  end = 0;
  room(1);
  out[end++] = mark;
  parts.length = 0;
  const isPlain = put(value);
  parts.length = 0;
  if (!isPlain) return serialize(value);
  const bytes = Buffer.allocUnsafe(end);
  out.copy(bytes, 0, 0, end);
  return bytes;
}

/** The value that `packPlain` packed. */
export function unpackPlain(bytes: Uint8Array): unknown {
  if (bytes[0] !== mark) return deserialize(bytes);
  at = 1;
  return take(Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
}

/** Whether a value could be put. */
function put(value: unknown): boolean {
  room(9);
  switch (typeof value) {
    case 'number':
      if (value >= 0 && value < smallest && Number.isInteger(value) && !Object.is(value, -0)) out[end++] = firstSmall + value;
      else {
        out[end] = tag.number;
        end = out.writeDoubleLE(value, end + 1);
      }
      return true;
    case 'string':
      return putText(value);
    case 'boolean':
      out[end++] = value ? tag.true : tag.false;
      return true;
    case 'undefined':
      out[end++] = tag.undefined;
      return true;
    case 'object':
      if (value !== null) return putParts(value);
      out[end++] = tag.null;
      return true;
    default:
      return false;
  }
}

function putParts(value: object): boolean {
  if (parts.length === mostParts || parts.includes(value)) return false;
  parts.push(value);
  const kind: unknown = Object.getPrototypeOf(value);
  const names = Object.keys(value);
  if (kind === Array.prototype) {
    const list = value as unknown[];
    // with holes, or names beside the numbers
    if (names.length !== list.length || (list.length > 0 && names.at(-1) !== String(list.length - 1))) return false;
    out[end++] = tag.list;
    putCount(list.length);
    return list.every(put);
  }
  if (kind !== Object.prototype) return false;
  const shape = shapeOf(names);
  if (shape === undefined) return false;
  room(headBytes + shape.bytes.length);
  out[end++] = tag.record;
  putCount(shape.bytes.length);
  out.set(shape.bytes, end);
  end += shape.bytes.length;
  for (const name of names) if (!put((value as Readonly<Record<string, unknown>>)[name])) return false;
  return true;
}

/** Undefined: the names cannot be those of a record here. */
function shapeOf(names: readonly string[]): Shape | undefined {
  const known = lastShape?.names;
  if (known?.length === names.length && names.every((name, i) => name === known[i])) return lastShape;
  // as a property it would be taken for the prototype
  if (names.includes('__proto__')) return undefined;
  const before = end;
  room(headBytes);
  putCount(names.length);
  names.forEach(putText);
  const bytes = Uint8Array.from(out.subarray(before, end));
  end = before;
  lastShape = { names, bytes };
  return lastShape;
}

function putText(text: string): boolean {
  const { length } = text;
  room(headBytes + 2 * length);
  const start = end;
  out[end++] = tag.text;
  putCount(length);
  const first = end;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 255) {
      out[start] = tag.wideText;
      end = first + out.write(text, first, 'utf16le');
      return true;
    }
    out[end++] = unit;
  }
  return true;
}

function take(bytes: Buffer): unknown {
  const first = bytes[at++]!;
  if (first >= firstSmall) return first - firstSmall;
  switch (first) {
    case tag.null:
      return null;
    case tag.undefined:
      return undefined;
    case tag.true:
      return true;
    case tag.false:
      return false;
    case tag.number:
      at += 8;
      return bytes.readDoubleLE(at - 8);
    case tag.list:
      return Array.from({ length: takeCount(bytes) }, () => take(bytes));
    case tag.record: {
      const record: Record<string, unknown> = {};
      for (const name of takeNames(bytes)) record[name] = take(bytes);
      return record;
    }
    default:
      return takeText(bytes, first);
  }
}

function takeText(bytes: Buffer, kind: number): string {
  const length = takeCount(bytes) * (kind === tag.wideText ? 2 : 1);
  const from = at;
  at += length;
  return kind === tag.wideText ? bytes.toString('utf16le', from, at) : bytes.toString('latin1', from, at);
}

function takeNames(bytes: Buffer): readonly string[] {
  const length = takeCount(bytes);
  const from = at;
  const to = from + length;
  const key = bytes.toString('latin1', from, to);
  let names = shapes.get(key);
  if (names === undefined) {
    names = Array.from({ length: takeCount(bytes) }, () => takeText(bytes, bytes[at++]!));
    if (shapes.size === mostShapes) shapes.clear();
    shapes.set(key, names);
  }
  at = to;
  return names;
}

function putCount(count: number): void {
  for (; count > 127; count >>>= 7) out[end++] = 128 | (count & 127);
  out[end++] = count;
}

function takeCount(bytes: Buffer): number {
  let count = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]!;
    count |= (byte & 127) << shift;
    if (byte < 128) return count;
  }
}

function room(n: number): void {
  if (end + n <= out.length) return;
  const larger = Buffer.allocUnsafeSlow(Math.max(2 * out.length, end + n));
  out.copy(larger, 0, 0, end);
  out = larger;
}
