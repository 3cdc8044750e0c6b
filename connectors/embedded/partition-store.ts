import { HeadraceError } from '../../dataflow/errors.js';
import type { RecordBlock } from '../../dataflow/record-block.js';
import { decodeBlock, dropRows, encodeRows, payloadSize, peekBlock, type Rows } from './block-codec.js';
import type { Environment } from './environment.js';

/** One partition of a topic in the environment. */
export interface StoredPartition {
  readonly topic: string;
  readonly topicId: number;
  readonly partition: number;
}

/** Where a partition begins and ends, and its last block. */
interface Extent {
  /** Offset of the first record, and one past the last. */
  readonly start: number;
  readonly end: number;
  /** Largest timestamp that was ever written, epoch ms. */
  readonly newest: number;
  readonly tailBase: number;
  readonly tailCount: number;
  /** Key and value bytes in the last block. */
  readonly tailSize: number;
}

// a block is read and decoded as a whole, so it is neither tiny nor huge
const maxCount = 8_192;
const maxSize = 256 * 1_024;
// a last block below both is written anew together with what follows: at most 16 kB more per commit and partition
const smallCount = 64;
const smallSize = 16 * 1_024;

const empty: Extent = { start: 0, end: 0, newest: -Infinity, tailBase: 0, tailCount: 0, tailSize: 0 };

/** First offset and one past the last. */
export function extentOf(env: Environment, at: StoredPartition): Extent {
  const stored = env.meta.get(extentKey(at));
  if (stored === undefined) return empty;
  const [start, end, newest, tailBase, tailCount, tailSize] = new Float64Array(new Uint8Array(stored).buffer) as unknown as [number, number, number, number, number, number];
  return { start, end, newest, tailBase, tailCount, tailSize };
}

/** Appends the rows of all blocks, gives them their offsets, then deletes blocks that retention has passed. Only within `env.transact`. */
export function appendBlocks(env: Environment, at: StoredPartition, blocks: readonly RecordBlock[], retentionMs: number): void {
  if (blocks.every((block) => block.count === 0)) return;
  let extent = extentOf(env, at);
  let base = extent.end;
  let pieces: Rows[] = [];
  let count = 0;
  let size = 0;

  if (extent.tailCount > 0 && extent.tailCount < smallCount && extent.tailSize < smallSize) {
    base = extent.tailBase;
    count = extent.tailCount;
    size = extent.tailSize;
    const block = decodeBlock(storedBlock(env, at, base), base, { topic: at.topic, partition: at.partition, offset: base });
    pieces.push({ block, from: 0, to: count });
  }
  const flush = (): void => {
    const bytes = encodeRows(pieces, env.scratch);
    const { minTimestamp, maxTimestamp } = peekBlock(bytes);
    const key = blockKey(at, base);
    env.blocks.putSync(key, bytes);
    env.index.putSync(key, asBytes([count, minTimestamp, maxTimestamp]));
    extent = { start: extent.start, end: base + count, newest: Math.max(extent.newest, maxTimestamp), tailBase: base, tailCount: count, tailSize: size };
    base += count;
    pieces = [];
    count = 0;
    size = 0;
  };
  for (const block of blocks) {
    let from = 0;
    while (from < block.count) {
      const to = fitting(block, from, maxCount - count, maxSize - size, count === 0);
      if (to > from) {
        pieces.push({ block, from, to });
        count += to - from;
        size += payloadSize(block, from, to);
        from = to;
      }
      if (from < block.count) flush();
    }
  }
  if (count > 0) flush();
  if (retentionMs !== Infinity) extent = { ...extent, start: dropExpired(env, at, extent, extent.newest - retentionMs) };
  env.meta.putSync(extentKey(at), asBytes([extent.start, extent.end, extent.newest, extent.tailBase, extent.tailCount, extent.tailSize]));
}

/** The stored block that holds `offset`, its earlier rows cut off; undefined at the end. Errors: HR_OFFSET_GONE, HR_DECODE. */
export function readBlock(env: Environment, at: StoredPartition, offset: number): RecordBlock | undefined {
  const { start, end } = extentOf(env, at);
  if (offset === end) return undefined;
  const place = { topic: at.topic, partition: at.partition, offset };
  if (!(offset >= start && offset < end)) {
    throw new HeadraceError('HR_OFFSET_GONE', `${at.topic}/${at.partition} holds the offsets from ${start} to ${end}, and not ${offset}.`, { place });
  }
  // who reads on from the end of a block finds the next one by its key
  const next = env.blocks.get(blockKey(at, offset));
  if (next !== undefined) return decodeBlock(next, offset, place);
  for (const key of env.index.getKeys({ start: blockKey(at, offset), end: blockKey(at, 0), reverse: true, limit: 1, inclusiveEnd: true })) {
    const base = baseOffsetOf(key);
    return dropRows(decodeBlock(storedBlock(env, at, base), base, { ...place, offset: base }), offset - base);
  }
  throw new HeadraceError('HR_DECODE', `${at.topic}/${at.partition} has no block with offset ${offset}.`, { place });
}

/** Base offset of the first block with a timestamp at or after `time`, or the end offset; reads the index only. */
export function seekBlock(env: Environment, at: StoredPartition, time: number): number {
  const { start, end } = extentOf(env, at);
  for (const { key, value } of env.index.getRange({ start: blockKey(at, start), end: blockKey(at, end) })) {
    if (maxTimestampOf(value) >= time) return Math.max(start, baseOffsetOf(key));
  }
  return end;
}

/** Deletes a partition with all its blocks. Only within `env.transact`. */
export function deletePartition(env: Environment, at: StoredPartition): void {
  const keys = [...env.index.getKeys({ start: blockKey(at, 0), end: blockKey(at, extentOf(env, at).end) })];
  for (const key of keys) removeBlock(env, key);
  env.meta.removeSync(extentKey(at));
}

/** One past the last row from `from` on that fits into `count` rows and `size` bytes; at least one when the block is empty so far. */
function fitting(block: RecordBlock, from: number, count: number, size: number, atLeastOne: boolean): number {
  const last = Math.min(block.count, from + count);
  if (payloadSize(block, from, last) <= size) return last;
  let to = atLeastOne ? from + 1 : from;
  let left = size - payloadSize(block, from, to);
  while (to < last) {
    left -= payloadSize(block, to, to + 1);
    if (left < 0) break;
    to++;
  }
  return to;
}

/** Deletes the blocks at the start whose records are all older than `horizon`; returns the new start offset. */
function dropExpired(env: Environment, at: StoredPartition, extent: Extent, horizon: number): number {
  const expired: Uint8Array[] = [];
  let start = extent.start;
  for (const { key, value } of env.index.getRange({ start: blockKey(at, extent.start), end: blockKey(at, extent.end) })) {
    start = baseOffsetOf(key);
    // the block with the newest timestamp stops this at the latest, so the last block stays
    if (!(maxTimestampOf(value) < horizon)) break;
    expired.push(key);
  }
  for (const key of expired) removeBlock(env, key);
  return start;
}

function removeBlock(env: Environment, key: Uint8Array): void {
  env.blocks.removeSync(key);
  env.index.removeSync(key);
}

function storedBlock(env: Environment, at: StoredPartition, base: number): Uint8Array {
  const bytes = env.blocks.get(blockKey(at, base));
  if (bytes !== undefined) return bytes;
  const place = { topic: at.topic, partition: at.partition, offset: base };
  throw new HeadraceError('HR_DECODE', `${at.topic}/${at.partition} has no block at offset ${base}, though its index names one.`, { place });
}

/** Big-endian, so that keys sort by topic, partition and offset. */
function blockKey({ topicId, partition }: StoredPartition, offset: number): Buffer {
  const key = Buffer.allocUnsafe(16);
  key.writeUInt32BE(topicId, 0);
  key.writeUInt32BE(partition, 4);
  key.writeUInt32BE(Math.floor(offset / 2 ** 32), 8);
  key.writeUInt32BE(offset >>> 0, 12);
  return key;
}

function baseOffsetOf(key: Uint8Array): number {
  const view = new DataView(key.buffer, key.byteOffset, key.length);
  return view.getUint32(8) * 2 ** 32 + view.getUint32(12);
}

function maxTimestampOf(entry: Uint8Array): number {
  return new DataView(entry.buffer, entry.byteOffset, entry.length).getFloat64(16, true);
}

function extentKey({ topicId, partition }: StoredPartition): Buffer {
  return Buffer.from(`extent/${topicId}/${partition}`);
}

function asBytes(numbers: readonly number[]): Uint8Array {
  return new Uint8Array(Float64Array.from(numbers).buffer);
}
