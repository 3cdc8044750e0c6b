import { HeadraceError, type Place } from '../../../dataflow/errors.js';
import type { Header, RecordBlock } from '../../../dataflow/record-block.js';
import { batchChecksum } from './batch-checksum.js';
import { type Compression, compressions, decompress } from './compression.js';
import { attribute, batchHead, field, sizeHead } from './record-batch.js';

/** A transaction that was aborted, as a fetch tells it: of this producer, from this offset on, up to its marker. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: number;
}

/** What to keep of fetched bytes. */
export interface DecodeOptions {
  /** Records before this offset are dropped. */
  readonly from: number;
  /** Records of these transactions are dropped. */
  readonly aborted?: readonly AbortedTransaction[];
  readonly place?: Place;
}

/** What was in fetched bytes. */
export interface DecodedRecords {
  /** Undefined when nothing was left of them. */
  readonly block: RecordBlock | undefined;
  /** Offset behind the last whole batch, or `from` when there was none. */
  readonly next: number;
}

interface Part {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly baseOffset: number;
  readonly firstTimestamp: number;
  /** The time of all records, where the broker sets it. */
  readonly appendTime: number | undefined;
  readonly count: number;
}

/** A record takes at least so many bytes: seven numbers of one. */
const smallestRecord = 7;
const utf8 = new TextDecoder();

/**
 * Record batches as columns: one block for all of them. Uncompressed batches are not copied, the columns point into `bytes`; so `bytes` must
 * stay as it is. A batch that is cut off at the end, as fetches end, is left for the next fetch. Control records, records of aborted
 * transactions and those before `from` are not in the block, so offsets may have gaps.
 *
 * @throws HR_DECODE when a batch is damaged or of a format before Kafka 0.11
 * @see KIP-98 for control records; `CompletedFetch` of Apache's consumer for the order in which aborts are taken
 */
export function decodeRecords(bytes: Uint8Array, options: DecodeOptions): DecodedRecords {
  const { from, place = {} } = options;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const aborted = [...(options.aborted ?? [])].sort((a, b) => a.firstOffset - b.firstOffset);
  const dropping = new Set<bigint>();
  const parts: Part[] = [];
  let nextAborted = 0;
  let total = 0;
  let next = from;
  for (let at = 0; at + sizeHead <= bytes.length; ) {
    const size = view.getInt32(at + field.size);
    const end = at + sizeHead + size;
    if (size >= 0 && end > bytes.length) break;
    const baseOffset = Number(view.getBigInt64(at + field.baseOffset));
    const damaged = (why: string): HeadraceError => new HeadraceError('HR_DECODE', `A record batch cannot be read: ${why}.`, { place: { ...place, offset: baseOffset } });
    if (size < batchHead - sizeHead) throw damaged('it is too short');
    const magic = bytes[at + field.magic]!;
    if (magic !== 2) throw damaged(`it has format ${magic}; formats before 2 (Kafka 0.11) are not read`);
    if (view.getUint32(at + field.crc) !== batchChecksum(bytes.subarray(at + field.attributes, end))) throw damaged('its checksum does not fit');
    const attributes = view.getInt16(at + field.attributes);
    const last = baseOffset + view.getInt32(at + field.lastOffset);
    const count = view.getInt32(at + field.count);
    const producerId = view.getBigInt64(at + field.producerId);
    next = Math.max(next, last + 1);
    for (; nextAborted < aborted.length && aborted[nextAborted]!.firstOffset <= last; nextAborted++) dropping.add(aborted[nextAborted]!.producerId);
    const start = at + batchHead;
    at = end;
    if ((attributes & attribute.control) !== 0) {
      if (isAbortMarker(bytes, start, end)) dropping.delete(producerId);
      continue;
    }
    if ((attributes & attribute.transactional) !== 0 && dropping.has(producerId)) continue;
    if (last < from || count === 0) continue;
    const kind = compressions[attributes & attribute.compression];
    if (kind === undefined) throw damaged(`its compression ${attributes & attribute.compression} is not known`);
    const records = unpack(kind, bytes, start, end, damaged);
    if (count < 0 || count > (records.end - records.start) / smallestRecord) throw damaged(`it cannot hold ${count} records`);
    const appendTime = (attributes & attribute.logAppendTime) === 0 ? undefined : Number(view.getBigInt64(start - batchHead + field.largestTimestamp));
    parts.push({ ...records, baseOffset, firstTimestamp: Number(view.getBigInt64(start - batchHead + field.firstTimestamp)), appendTime, count });
    total += count;
  }
  if (total === 0) return { block: undefined, next };
  return { block: readParts(parts, bytes, total, from, place), next };
}

/** The records of a batch: where they are in the fetched bytes, or in bytes of their own. */
function unpack(kind: Compression, bytes: Uint8Array, start: number, end: number, damaged: (why: string) => HeadraceError): { bytes: Uint8Array; start: number; end: number } {
  if (kind === 'none') return { bytes, start, end };
  try {
    const plain = decompress(kind, bytes.subarray(start, end));
    return { bytes: plain, start: 0, end: plain.length };
  } catch (error) {
    throw damaged(`its ${kind} does not unpack (${(error as Error).message})`);
  }
}

/** Key of a control record: i16 version, i16 type, where 0 is an abort and 1 a commit. */
function isAbortMarker(bytes: Uint8Array, start: number, end: number): boolean {
  // size, attributes, timestamp, offset and key size take one byte each
  return end >= start + 9 && bytes[start + 7] === 0 && bytes[start + 8] === 0;
}

/** Reads all parts into one set of columns. Cost a record: six varints and six stores. */
function readParts(parts: readonly Part[], fetched: Uint8Array, total: number, from: number, place: Place): RecordBlock | undefined {
  const bytes = gather(parts, fetched);
  const timestamps = new Float64Array(total);
  const offsets = new Float64Array(total);
  const keyOffset = new Int32Array(total);
  const keyLength = new Int32Array(total);
  const valueOffset = new Int32Array(total);
  const valueLength = new Int32Array(total);
  const headers = new Map<number, readonly Header[]>();
  let row = 0;
  let moved = 0;
  let at = 0;
  // zigzag varint of up to 32 bits; beyond the end a byte reads as undefined, which ends the loop
  const varint = (): number => {
    let value = bytes[at++]!;
    if (value > 127) {
      value &= 127;
      let shift = 7;
      let byte: number;
      do {
        byte = bytes[at++]!;
        value |= (byte & 127) << shift;
        shift += 7;
      } while (byte > 127 && shift < 35);
    }
    return (value >>> 1) ^ -(value & 1);
  };
  const varlong = (): number => {
    let value = 0;
    let scale = 1;
    let byte: number;
    let left = 10;
    do {
      byte = bytes[at++]! & 255;
      value += (byte & 127) * scale;
      scale *= 128;
      left -= 1;
    } while (byte > 127 && left > 0);
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  };
  for (const part of parts) {
    if (bytes !== fetched) {
      at = moved;
      moved += part.end - part.start;
    } else at = part.start;
    const end = at + part.end - part.start;
    const cut = (offset: number): HeadraceError => new HeadraceError('HR_DECODE', 'A record batch cannot be read: its records are not as long as they say.', { place: { ...place, offset } });
    for (let i = 0; i < part.count; i++) {
      const size = varint();
      const recordEnd = at + size;
      if (!(size >= 0 && recordEnd <= end)) throw cut(part.baseOffset + i);
      at += 1;
      const delta = bytes[at]! > 127 ? varlong() : varint();
      const offset = part.baseOffset + varint();
      const kl = varint();
      const k = at;
      if (kl > 0) at += kl;
      if (at > recordEnd) throw cut(offset);
      const vl = varint();
      const v = at;
      if (vl > 0) at += vl;
      if (at > recordEnd) throw cut(offset);
      const count = varint();
      const own = count > 0 && offset >= from ? ([] as Header[]) : undefined;
      for (let h = 0; h < count && at <= recordEnd; h++) {
        const nameSize = varint();
        const name = at;
        if (nameSize > 0) at += nameSize;
        const size = varint();
        const value = at;
        if (size > 0) at += size;
        if (at <= recordEnd) own?.push({ key: utf8.decode(bytes.subarray(name, name + Math.max(nameSize, 0))), value: bytes.subarray(value, value + Math.max(size, 0)) });
      }
      if (at !== recordEnd || count < 0) throw cut(offset);
      if (offset < from) continue;
      timestamps[row] = part.appendTime ?? part.firstTimestamp + delta;
      offsets[row] = offset;
      keyOffset[row] = k;
      keyLength[row] = kl < 0 ? -1 : kl;
      valueOffset[row] = v;
      valueLength[row] = vl < 0 ? -1 : vl;
      if (own !== undefined) headers.set(row, own);
      row += 1;
    }
    if (at !== end) throw cut(part.baseOffset);
  }
  if (row === 0) return undefined;
  const all = row === total;
  const isDense = row - 1 === offsets[row - 1]! - offsets[0]!;
  const column = <C extends Float64Array | Int32Array>(of: C): C => (all ? of : of.subarray(0, row)) as C;
  return {
    count: row,
    baseOffset: offsets[0]!,
    offsets: isDense ? undefined : column(offsets),
    timestamps: column(timestamps),
    bytes,
    keyOffset: column(keyOffset),
    keyLength: column(keyLength),
    valueOffset: column(valueOffset),
    valueLength: column(valueLength),
    headers: headers.size === 0 ? undefined : headers,
  };
}

/** One array with the records of all parts: the fetched one when nothing was compressed. */
function gather(parts: readonly Part[], fetched: Uint8Array): Uint8Array {
  if (parts.every((p) => p.bytes === fetched)) return fetched;
  if (parts.length === 1) return parts[0]!.bytes;
  const size = parts.reduce((sum, p) => sum + p.end - p.start, 0);
  const out = new Uint8Array(size);
  let at = 0;
  for (const { bytes, start, end } of parts) {
    out.set(bytes.subarray(start, end), at);
    at += end - start;
  }
  return out;
}
