import type { Header, RecordBlock } from '../../../dataflow/record-block.js';
import { batchChecksum } from './batch-checksum.js';
import { type Compression, compress, compressions } from './compression.js';
import { attribute, batchHead, field, sizeHead } from './record-batch.js';

/** Who writes: sequence numbers make a batch that is sent twice be written once. */
export interface BatchProducer {
  readonly id: bigint;
  readonly epoch: number;
  readonly transactional: boolean;
}

/** A batch to send. */
export interface EncodedBatch {
  readonly bytes: Uint8Array;
  readonly count: number;
}

/** How batches are made. */
export interface EncodeOptions {
  readonly producer: BatchProducer;
  /** Sequence number of the first record. */
  readonly sequence: number;
  readonly compression: Compression;
  /** Bytes of a batch before compression; one larger record still makes a batch. */
  readonly batchBytes: number;
  /** Gives at least so many bytes for a batch. @default fresh ones */
  readonly allocate?: (size: number) => Buffer;
}

/** Head of a record at most: size, attributes, timestamp, offset, key and value size, count of headers. */
const recordHead = 5 + 1 + 10 + 5 + 5 + 5 + 5;
/** Sequence numbers go on from 0 after this one. */
const lastSequence = 0x7fffffff;

/** The sequence number `count` records behind another. */
export function sequenceAfter(sequence: number, count: number): number {
  return sequence > lastSequence - count ? count - (lastSequence - sequence) - 1 : sequence + count;
}

/** All rows of the blocks, in order, as record batches, each made when it is asked for. Cost a record: its bytes are copied once. */
export function* encodeRecords(blocks: readonly RecordBlock[], options: EncodeOptions): Generator<EncodedBatch, undefined> {
  let { sequence } = options;
  let block = 0;
  let row = 0;
  while (block < blocks.length) {
    // how far one batch goes: up to `until` of the block `last`
    let size = batchHead;
    let count = 0;
    let last = block;
    let until = row;
    for (; last < blocks.length; last++, until = 0) {
      const current = blocks[last]!;
      for (; until < current.count; until++) {
        const more = recordHead + Math.max(current.keyLength[until]!, 0) + Math.max(current.valueLength[until]!, 0) + headersBound(current.headers?.get(until));
        if (count > 0 && size + more > options.batchBytes) break;
        size += more;
        count += 1;
      }
      if (until < current.count) break;
    }
    if (count > 0) {
      yield { bytes: writeBatch(blocks, { block, row }, count, size, sequence, options), count };
      sequence = sequenceAfter(sequence, count);
    }
    block = last;
    row = until;
  }
  return undefined;
}

function writeBatch(blocks: readonly RecordBlock[], first: { readonly block: number; readonly row: number }, count: number, bound: number, sequence: number, { producer, compression, allocate = Buffer.allocUnsafeSlow }: EncodeOptions): Uint8Array {
  const out = allocate(bound);
  let at = batchHead;
  let { block, row } = first;
  const timeAt = (b: RecordBlock, i: number): number => Math.trunc(b.timestamps[i]!);
  while (row >= blocks[block]!.count) {
    block += 1;
    row = 0;
  }
  const firstTimestamp = timeAt(blocks[block]!, row);
  let largest = firstTimestamp;
  for (let i = 0; i < count; ) {
    const { keyOffset, keyLength, valueOffset, valueLength, bytes, headers, ...current } = blocks[block]!;
    const end = Math.min(current.count, row + count - i);
    for (; row < end; row++, i++) {
      const time = Math.trunc(current.timestamps[row]!);
      if (time > largest) largest = time;
      const delta = time - firstTimestamp;
      const kl = keyLength[row]!;
      const vl = valueLength[row]!;
      const own = headers?.get(row);
      const size = 1 + longSize(delta) + intSize(i) + intSize(kl) + Math.max(kl, 0) + intSize(vl) + Math.max(vl, 0) + headersSize(own);
      at = writeUnsigned(out, at, size << 1);
      out[at++] = 0;
      at = writeLong(out, at, delta);
      at = writeUnsigned(out, at, i << 1);
      at = writeUnsigned(out, at, kl < 0 ? 1 : kl << 1);
      if (kl > 0) at = copy(bytes, keyOffset[row]!, kl, out, at);
      at = writeUnsigned(out, at, vl < 0 ? 1 : vl << 1);
      if (vl > 0) at = copy(bytes, valueOffset[row]!, vl, out, at);
      if (own === undefined) out[at++] = 0;
      else at = writeHeaders(out, at, own);
    }
    if (row === current.count) {
      block += 1;
      row = 0;
    }
  }
  let whole: Buffer = out.subarray(0, at);
  if (compression !== 'none') {
    const packed = compress(compression, out.subarray(batchHead, at));
    whole = Buffer.allocUnsafeSlow(batchHead + packed.length);
    whole.set(packed, batchHead);
  }
  whole.writeBigInt64BE(0n, field.baseOffset);
  whole.writeInt32BE(whole.length - sizeHead, field.size);
  whole.writeInt32BE(-1, field.leaderEpoch);
  whole[field.magic] = 2;
  whole.writeInt16BE(compressions.indexOf(compression) | (producer.transactional ? attribute.transactional : 0), field.attributes);
  whole.writeInt32BE(count - 1, field.lastOffset);
  whole.writeBigInt64BE(BigInt(firstTimestamp), field.firstTimestamp);
  whole.writeBigInt64BE(BigInt(largest), field.largestTimestamp);
  whole.writeBigInt64BE(producer.id, field.producerId);
  whole.writeInt16BE(producer.epoch, field.producerEpoch);
  whole.writeInt32BE(producer.id < 0n ? -1 : sequence, field.sequence);
  whole.writeInt32BE(count, field.count);
  whole.writeUInt32BE(batchChecksum(whole.subarray(field.attributes)), field.crc);
  return whole;
}

function copy(from: Uint8Array, start: number, size: number, to: Uint8Array, at: number): number {
  // a view costs more than a few dozen byte moves
  if (size > 64) to.set(from.subarray(start, start + size), at);
  else for (let i = 0; i < size; i++) to[at + i] = from[start + i]!;
  return at + size;
}

/** Size of a zigzag varint of 32 bits. */
function intSize(value: number): number {
  const z = value < 0 ? 1 : value * 2;
  return z < 128 ? 1 : z < 16_384 ? 2 : z < 2_097_152 ? 3 : z < 268_435_456 ? 4 : 5;
}

function longSize(value: number): number {
  let z = value < 0 ? -2 * value - 1 : 2 * value;
  let size = 1;
  for (; z > 127; z = Math.floor(z / 128)) size += 1;
  return size;
}

/** Varint of 32 bits. */
function writeUnsigned(out: Uint8Array, at: number, value: number): number {
  while (value > 127) {
    out[at++] = (value & 127) | 128;
    value >>>= 7;
  }
  out[at++] = value;
  return at;
}

/** Zigzag varint of any safe integer below 2^52. */
function writeLong(out: Uint8Array, at: number, value: number): number {
  let z = value < 0 ? -2 * value - 1 : 2 * value;
  for (; z > 127; z = Math.floor(z / 128)) out[at++] = (z % 128) | 128;
  out[at++] = z;
  return at;
}

function headersBound(headers: readonly Header[] | undefined): number {
  return headers === undefined ? 0 : headers.reduce((sum, h) => sum + 10 + h.key.length * 3 + h.value.length, 0);
}

function headersSize(headers: readonly Header[] | undefined): number {
  if (headers === undefined) return 1;
  let size = intSize(headers.length);
  for (const { key, value } of headers) {
    const k = Buffer.byteLength(key);
    size += intSize(k) + k + intSize(value.length) + value.length;
  }
  return size;
}

function writeHeaders(out: Buffer, at: number, headers: readonly Header[]): number {
  at = writeLong(out, at, headers.length);
  for (const { key, value } of headers) {
    at = writeLong(out, at, Buffer.byteLength(key));
    at += out.write(key, at);
    at = writeLong(out, at, value.length);
    out.set(value, at);
    at += value.length;
  }
  return at;
}
