import { createHash } from 'node:crypto';
import { HeadraceError } from '../../dataflow/errors.js';
import type { LogClient, Position } from '../../dataflow/ports/log-client.js';
import { offsetAt, type RecordBlock } from '../../dataflow/record-block.js';

/** A record by what it holds: the same in every log that it is copied to. */
export interface RecordMark {
  /** Epoch ms. */
  readonly timestamp: number;
  /** SHA-256 of key and value, without the schema id, which another registry gives otherwise. */
  readonly digest: string;
}

/** A position that can be found again in another log: the offset, and the records before it. */
export interface PlaceInLog extends Position {
  /** The last records before it, at most `marksKept`; none when nothing is before it. */
  readonly before: readonly RecordMark[];
  /** Nothing is before it because nothing was read, and not because retention has deleted it. */
  readonly isStart: boolean;
}

/** Records that name a place: one could be there twice. */
const marksKept = 4;
/** Offsets before a position that are looked through at first; behind transactions some have no record. */
const firstSpan = 64;

/** The place of a position. */
export async function placeOf(log: LogClient, position: Position): Promise<PlaceInLog> {
  const { topic, partition, offset } = position;
  const { start } = await log.bounds(topic, partition);
  for (let span = firstSpan; ; span *= 4) {
    const from = Math.max(start, offset - span);
    const before = from >= offset ? [] : await marksBetween(log, position, from);
    if (before.length >= marksKept || from <= start) return { ...position, before: before.slice(-marksKept), isStart: before.length === 0 && offset <= start };
  }
}

/**
 * The offset of a place in this log: behind the same records.
 *
 * @throws HR_SAVEPOINT they are not here, or more than once
 */
export async function findPlace(log: LogClient, place: PlaceInLog): Promise<number> {
  const { topic, partition, offset, before, isStart } = place;
  const { start, end } = await log.bounds(topic, partition);
  if (before.length === 0) {
    if (isStart) return start;
    throw lost(place, 'retention had deleted the records before it when the savepoint was taken, so they cannot be looked for');
  }
  // the same log, or one with the same offsets
  if (offset <= end && offset > start) {
    const here = await placeOf(log, { topic, partition, offset });
    if (same(here.before.slice(-before.length), before)) return offset;
  }
  const from = Math.max(start, await log.seek(topic, partition, Math.min(...before.map((mark) => mark.timestamp))));
  const last: { mark: RecordMark; offset: number }[] = [];
  let found: number | undefined;
  for await (const block of blocks(log, topic, partition, from)) {
    for (let row = 0; row < block.count; row++) {
      last.push({ mark: markOf(block, row), offset: offsetAt(block, row) });
      if (last.length > before.length) last.shift();
      if (last.length < before.length || !same(last.map((l) => l.mark), before)) continue;
      if (found !== undefined) throw lost(place, 'the records before it are there more than once');
      found = offsetAt(block, row) + 1;
    }
  }
  if (found === undefined) throw lost(place, 'the records before it are not there');
  return found;
}

function lost({ topic, partition, offset }: PlaceInLog, why: string): HeadraceError {
  return new HeadraceError('HR_SAVEPOINT', `The position ${topic}/${partition}@${offset} of the savepoint cannot be found here: ${why}.`, {
    place: { topic, partition, offset },
    remedy: 'Copy the input topic first, with its keys, values, timestamps and order, into as many partitions.',
  });
}

async function marksBetween(log: LogClient, { topic, partition, offset }: Position, from: number): Promise<RecordMark[]> {
  const marks: RecordMark[] = [];
  for await (const block of blocks(log, topic, partition, from)) {
    for (let row = 0; row < block.count; row++) {
      if (offsetAt(block, row) >= offset) return marks;
      marks.push(markOf(block, row));
      if (marks.length > marksKept) marks.shift();
    }
  }
  return marks;
}

async function* blocks(log: LogClient, topic: string, partition: number, from: number): AsyncIterable<RecordBlock> {
  for (let at = from; ; ) {
    const block = await log.read(topic, partition, at);
    if (block === undefined || block.count === 0) return;
    yield block;
    at = offsetAt(block, block.count - 1) + 1;
  }
}

function same(a: readonly RecordMark[], b: readonly RecordMark[]): boolean {
  return a.length === b.length && a.every(({ timestamp, digest }, i) => timestamp === b[i]!.timestamp && digest === b[i]!.digest);
}

function markOf(block: RecordBlock, row: number): RecordMark {
  const key = part(block.bytes, block.keyOffset[row]!, block.keyLength[row]!);
  const value = part(block.bytes, block.valueOffset[row]!, block.valueLength[row]!);
  const hash = createHash('sha256').update(JSON.stringify([key?.length ?? null, value === undefined]));
  if (key !== undefined) hash.update(key);
  // behind the magic byte 0 the wire format has the id of a schema
  if (value !== undefined) hash.update(value.length > 5 && value[0] === 0 ? value.subarray(5) : value);
  return { timestamp: block.timestamps[row]!, digest: hash.digest('hex').slice(0, 32) };
}

/** A key or value; undefined for null. */
function part(bytes: Uint8Array, offset: number, length: number): Uint8Array | undefined {
  return length < 0 ? undefined : bytes.subarray(offset, offset + length);
}
