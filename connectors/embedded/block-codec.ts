import { HeadraceError, type Place } from '../../dataflow/errors.js';
import type { Header, RecordBlock } from '../../dataflow/record-block.js';
import { crc32 } from './crc32.js';

/*
 * A stored block, little-endian. Its offset is not in it: that is its key in the log.
 *
 *    0 u32 magic "HRBK"      4 u16 version      6 u16 reserved
 *    8 u32 CRC-32 of everything from byte 12 on
 *   12 u32 count
 *   16 f64 smallest timestamp                  24 f64 largest timestamp
 *   32 u32 size of keys and values             36 u32 size of headers
 *   40 f64 timestamps[count], i32 keyLength[count], i32 valueLength[count]
 *      keys and values: key 0, value 0, key 1, value 1, …
 *      headers: for each header u32 row, u32 key size, u32 value size, key, value
 */
const magic = 0x4b425248;
const version = 1;
const headSize = 40;
const rowSize = 16;

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Rows `from` to `to` (exclusive) of a block. */
export interface Rows {
  readonly block: RecordBlock;
  readonly from: number;
  readonly to: number;
}

/** What the head of a stored block says. */
export interface BlockHead {
  readonly count: number;
  /** Smallest and largest record timestamp, epoch ms; Infinity and -Infinity when no row has one. */
  readonly minTimestamp: number;
  readonly maxTimestamp: number;
}

/** A block as bytes to store. Its offsets are not kept: the log gives them. */
export function encodeBlock(block: RecordBlock): Uint8Array {
  return encodeRows([{ block, from: 0, to: block.count }]);
}

/**
 * Rows of several blocks, one after the other, as one block to store.
 *
 * @param allocate gives at least so many bytes at the start of an ArrayBuffer; they may hold anything
 */
export function encodeRows(pieces: readonly Rows[], allocate: (size: number) => ArrayBuffer = (size) => new ArrayBuffer(size)): Uint8Array {
  let count = 0;
  let dataSize = 0;
  let headersSize = 0;
  for (const { block, from, to } of pieces) {
    count += to - from;
    dataSize += payloadSize(block, from, to);
    headersSize += sizeOfHeaders(block, from, to);
  }
  const size = headSize + count * rowSize + dataSize + headersSize;
  const out = new Uint8Array(allocate(size), 0, size);
  const view = new DataView(out.buffer);
  const timestamps = new Float64Array(out.buffer, headSize, count);
  const keyLength = new Int32Array(out.buffer, headSize + count * 8, count);
  const valueLength = new Int32Array(out.buffer, headSize + count * 12, count);

  let row = 0;
  let at = headSize + count * rowSize;
  let headerAt = at + dataSize;
  for (const { block, from, to } of pieces) {
    timestamps.set(block.timestamps.subarray(from, to), row);
    keyLength.set(block.keyLength.subarray(from, to), row);
    valueLength.set(block.valueLength.subarray(from, to), row);
    at = copyPayload(block, from, to, out, at);
    headerAt = writeHeaders(block, from, to, row, out, view, headerAt);
    row += to - from;
  }

  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < count; i++) {
    const t = timestamps[i]!;
    if (t < min) min = t;
    if (t > max) max = t;
  }
  view.setUint32(0, magic, true);
  view.setUint16(4, version, true);
  view.setUint16(6, 0, true);
  view.setUint32(12, count, true);
  view.setFloat64(16, min, true);
  view.setFloat64(24, max, true);
  view.setUint32(32, dataSize, true);
  view.setUint32(36, headersSize, true);
  view.setUint32(8, crc32(out.subarray(12)), true);
  return out;
}

/**
 * A stored block as columns. They are views of `bytes` (copied once where it is not aligned to 8), so `bytes` must stay as it is.
 *
 * @param baseOffset offset of the first record
 * @param place named in the error
 * Errors: HR_DECODE when the bytes are not a block, or not as they were written.
 */
export function decodeBlock(bytes: Uint8Array, baseOffset: number, place: Place = {}): RecordBlock {
  const { count } = peekBlock(bytes, place);
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
  const buffer = aligned.buffer as ArrayBuffer;
  const start = aligned.byteOffset;
  const view = new DataView(buffer, start, aligned.length);
  const dataSize = view.getUint32(32, true);
  const headersSize = view.getUint32(36, true);
  const dataStart = headSize + count * rowSize;
  if (aligned.length !== dataStart + dataSize + headersSize) throw damaged('its size is not the one in its head', place);
  if (view.getUint32(8, true) !== crc32(aligned.subarray(12))) throw damaged('its checksum does not fit', place);

  const timestamps = new Float64Array(buffer, start + headSize, count);
  const keyLength = new Int32Array(buffer, start + headSize + count * 8, count);
  const valueLength = new Int32Array(buffer, start + headSize + count * 12, count);
  const keyOffset = new Int32Array(count);
  const valueOffset = new Int32Array(count);
  let at = 0;
  for (let i = 0; i < count; i++) {
    keyOffset[i] = at;
    const kl = keyLength[i]!;
    if (kl > 0) at += kl;
    valueOffset[i] = at;
    const vl = valueLength[i]!;
    if (vl > 0) at += vl;
  }
  if (at !== dataSize) throw damaged('its lengths do not add up', place);
  return {
    count,
    baseOffset,
    timestamps,
    bytes: aligned.subarray(dataStart, dataStart + dataSize),
    keyOffset,
    keyLength,
    valueOffset,
    valueLength,
    headers: headersSize === 0 ? undefined : readHeaders(aligned, view, dataStart + dataSize),
  };
}

/** Number of records and time bounds of a stored block; nothing else is looked at. Errors: HR_DECODE when it is not a block. */
export function peekBlock(bytes: Uint8Array, place: Place = {}): BlockHead {
  if (bytes.length < headSize) throw damaged('it is too short', place);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0, true) !== magic) throw damaged('it does not begin as one', place);
  if (view.getUint16(4, true) !== version) throw damaged(`it has version ${view.getUint16(4, true)}, and this is for version ${version}`, place);
  return { count: view.getUint32(12, true), minTimestamp: view.getFloat64(16, true), maxTimestamp: view.getFloat64(24, true) };
}

/** The rows of a block from `row` on, as a block: views, nothing is copied. */
export function dropRows(block: RecordBlock, row: number): RecordBlock {
  if (row <= 0) return block;
  const headers = new Map<number, readonly Header[]>();
  if (block.headers) for (const [r, h] of block.headers) if (r >= row) headers.set(r - row, h);
  return {
    count: block.count - row,
    baseOffset: block.offsets ? block.offsets[row]! : block.baseOffset + row,
    offsets: block.offsets?.subarray(row),
    timestamps: block.timestamps.subarray(row),
    bytes: block.bytes,
    keyOffset: block.keyOffset.subarray(row),
    keyLength: block.keyLength.subarray(row),
    valueOffset: block.valueOffset.subarray(row),
    valueLength: block.valueLength.subarray(row),
    headers: headers.size === 0 ? undefined : headers,
  };
}

/** Bytes of keys and values in rows [from, to). */
export function payloadSize(block: RecordBlock, from: number, to: number): number {
  const { keyLength, valueLength } = block;
  let size = 0;
  for (let i = from; i < to; i++) {
    const kl = keyLength[i]!;
    const vl = valueLength[i]!;
    size += (kl > 0 ? kl : 0) + (vl > 0 ? vl : 0);
  }
  return size;
}

/** Copies keys and values in row order, in as few runs as the source allows; returns the position after them. */
function copyPayload(block: RecordBlock, from: number, to: number, out: Uint8Array, at: number): number {
  const { bytes, keyOffset, keyLength, valueOffset, valueLength } = block;
  let runStart = 0;
  let runEnd = 0;
  for (let i = from; i < to; i++) {
    const kl = keyLength[i]!;
    if (kl > 0) {
      const k = keyOffset[i]!;
      if (k !== runEnd) {
        at = copyRun(bytes, runStart, runEnd, out, at);
        runStart = k;
      }
      runEnd = k + kl;
    }
    const vl = valueLength[i]!;
    if (vl > 0) {
      const v = valueOffset[i]!;
      if (v !== runEnd) {
        at = copyRun(bytes, runStart, runEnd, out, at);
        runStart = v;
      }
      runEnd = v + vl;
    }
  }
  return copyRun(bytes, runStart, runEnd, out, at);
}

function copyRun(bytes: Uint8Array, from: number, to: number, out: Uint8Array, at: number): number {
  const size = to - from;
  // a view costs more than a few dozen byte moves
  if (size > 64) out.set(bytes.subarray(from, to), at);
  else for (let i = 0; i < size; i++) out[at + i] = bytes[from + i]!;
  return at + size;
}

function sizeOfHeaders(block: RecordBlock, from: number, to: number): number {
  if (!block.headers) return 0;
  let size = 0;
  for (const [row, headers] of block.headers) {
    if (row < from || row >= to) continue;
    for (const h of headers) size += 12 + Buffer.byteLength(h.key) + h.value.length;
  }
  return size;
}

function writeHeaders(block: RecordBlock, from: number, to: number, firstRow: number, out: Uint8Array, view: DataView, at: number): number {
  if (!block.headers) return at;
  const text = Buffer.from(out.buffer);
  for (const [row, headers] of block.headers) {
    if (row < from || row >= to) continue;
    for (const h of headers) {
      const keySize = text.write(h.key, at + 12);
      view.setUint32(at, firstRow + row - from, true);
      view.setUint32(at + 4, keySize, true);
      view.setUint32(at + 8, h.value.length, true);
      out.set(h.value, at + 12 + keySize);
      at += 12 + keySize + h.value.length;
    }
  }
  return at;
}

function readHeaders(bytes: Uint8Array, view: DataView, at: number): ReadonlyMap<number, readonly Header[]> {
  const headers = new Map<number, Header[]>();
  while (at < bytes.length) {
    const row = view.getUint32(at, true);
    const keyEnd = at + 12 + view.getUint32(at + 4, true);
    const valueEnd = keyEnd + view.getUint32(at + 8, true);
    const header = { key: utf8.decode(bytes.subarray(at + 12, keyEnd)), value: bytes.subarray(keyEnd, valueEnd) };
    const list = headers.get(row);
    if (list) list.push(header);
    else headers.set(row, [header]);
    at = valueEnd;
  }
  return headers;
}

function damaged(why: string, place: Place): HeadraceError {
  return new HeadraceError('HR_DECODE', `A stored block of records cannot be read: ${why}.`, {
    place,
    remedy: 'The data directory was damaged outside of Headrace; restore it from a copy, or import the topic anew.',
  });
}
