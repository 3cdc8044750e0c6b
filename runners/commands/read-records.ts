import { isUtf8 } from 'node:buffer';
import type { LogClient } from '../../dataflow/ports/log-client.js';
import type { SchemaRegistry } from '../../dataflow/ports/schema-registry.js';
import { HeadraceError } from '../../dataflow/errors.js';
import { offsetAt, type RecordBlock } from '../../dataflow/record-block.js';
import { parseRecordSchema } from '../../schemas/avro-schema.js';
import { compileReader } from '../../schemas/reader.js';
import { schemaIdAt, wirePrefixLength } from '../../schemas/wire.js';

/** Bytes that are no text or no record. */
export interface RawBytes {
  readonly base64: string;
}

/** A record as `headrace topic read` prints it. */
export interface ReadRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly key: string | RawBytes | null;
  readonly headers: Readonly<Record<string, string | RawBytes>>;
  /** Null for a tombstone; bytes that cannot be decoded as they are. */
  readonly value: unknown;
}

/** Which records are read. */
export interface ReadOptions {
  readonly topic: string;
  readonly partitions: readonly number[];
  /** Timestamps of the records, epoch ms: from included, to not. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
}

/**
 * The records that are committed now, decoded through the registry: those of a partition in order of offset, partitions merged by
 * timestamp. Holds a block a partition. Records that retention deletes meanwhile are passed over.
 */
export async function* readRecords({ log, registry }: { readonly log: LogClient; readonly registry: SchemaRegistry }, options: ReadOptions): AsyncGenerator<ReadRecord> {
  const { topic, from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = options;
  const decode = valueDecoder(registry);
  const cursors = await Promise.all(options.partitions.map((partition) => openCursor(log, topic, partition, from, to)));
  for (;;) {
    let first: Cursor | undefined;
    for (const cursor of cursors) if (cursor.block !== undefined && (first === undefined || cursor.timestamp < first.timestamp)) first = cursor;
    if (first === undefined) return;
    const { block, row, partition, timestamp } = first;
    const part = (offset: number, length: number) => (length < 0 ? null : block!.bytes.subarray(offset, offset + length));
    const key = part(block!.keyOffset[row]!, block!.keyLength[row]!);
    const headers = Object.fromEntries((block!.headers?.get(row) ?? []).map((h) => [h.key, textOf(h.value)]));
    const value = await decode(part(block!.valueOffset[row]!, block!.valueLength[row]!));
    yield { topic, partition, offset: offsetAt(block!, row), timestamp, key: key && textOf(key), headers, value };
    await first.next();
  }
}

interface Cursor {
  readonly partition: number;
  /** Undefined behind the last record. */
  readonly block: RecordBlock | undefined;
  readonly row: number;
  readonly timestamp: number;
  next(): Promise<void>;
}

async function openCursor(log: LogClient, topic: string, partition: number, from: number, to: number): Promise<Cursor> {
  const { start, end } = await log.bounds(topic, partition);
  let offset = from === Number.NEGATIVE_INFINITY ? start : await log.seek(topic, partition, from);
  let block: RecordBlock | undefined;
  let row = -1;
  const load = async (): Promise<RecordBlock | undefined> => {
    if (offset >= end) return undefined;
    try {
      return await log.read(topic, partition, offset);
    } catch (error) {
      if (!(error instanceof HeadraceError) || error.code !== 'HR_OFFSET_GONE') throw error;
      offset = (await log.bounds(topic, partition)).start;
      return offset >= end ? undefined : log.read(topic, partition, offset);
    }
  };
  const cursor: Cursor = {
    partition,
    get block() {
      return block;
    },
    get row() {
      return row;
    },
    get timestamp() {
      return block!.timestamps[row]!;
    },
    async next() {
      for (;;) {
        row += 1;
        if (block === undefined || row >= block.count) {
          block = await load();
          row = 0;
          if (block === undefined) return;
        }
        offset = offsetAt(block, row) + 1;
        if (offset > end) {
          block = undefined;
          return;
        }
        const t = block.timestamps[row]!;
        if (t >= from && t < to) return;
      }
    },
  };
  await cursor.next();
  return cursor;
}

function textOf(bytes: Uint8Array): string | RawBytes {
  return isUtf8(bytes) ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString() : raw(bytes);
}

function raw(bytes: Uint8Array): RawBytes {
  return { base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64') };
}

/** Decodes values by the schema id that they carry. */
function valueDecoder(registry: SchemaRegistry) {
  const readers = new Map<number, ((bytes: Uint8Array) => unknown) | undefined>();
  const readerOf = async (id: number) => {
    const text = await registry.schemaById(id);
    if (text === undefined) return undefined;
    try {
      const schema = parseRecordSchema(text);
      const read = compileReader(schema, schema);
      const holdsBytes = /"(bytes|fixed)"/.test(text);
      return (bytes: Uint8Array) => (holdsBytes ? withoutBuffers(read(bytes, wirePrefixLength, bytes.length)) : read(bytes, wirePrefixLength, bytes.length));
    } catch {
      // the registry holds something that is no record schema: the bytes are shown as they are
      return undefined;
    }
  };
  return async (bytes: Uint8Array | null): Promise<unknown> => {
    if (bytes === null) return null;
    const id = schemaIdAt(bytes, 0, bytes.length);
    if (id >= 0 && !readers.has(id)) readers.set(id, await readerOf(id));
    try {
      return readers.get(id)?.(bytes) ?? raw(bytes);
    } catch {
      // not a value of its schema: the same
      return raw(bytes);
    }
  };
}

function withoutBuffers(value: unknown): unknown {
  if (value instanceof Uint8Array) return raw(value);
  if (Array.isArray(value)) return value.map(withoutBuffers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, withoutBuffers(part)]));
}
