import { HeadraceError } from '../../dataflow/errors.js';
import { partitionOf } from '../../dataflow/partitioner.js';
import type { LogClient } from '../../dataflow/ports/log-client.js';
import type { SchemaRegistry } from '../../dataflow/ports/schema-registry.js';
import { BlockWriter, offsetAt, type RecordBlock } from '../../dataflow/record-block.js';
import type { TopicDefinition } from '../../dataflow/topic.js';
import { parseRecordSchema } from '../../schemas/avro-schema.js';
import { compileRowEncoder } from '../../schemas/encoder.js';
import { compileReader } from '../../schemas/reader.js';
import { schemaIdAt, wirePrefix, wirePrefixLength } from '../../schemas/wire.js';

/** A record of a topic as a test looks at it. */
export interface TopicRecord<T = unknown> {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Epoch ms. */
  readonly timestamp: number;
  readonly key: string | null;
  /** The record; the bytes themselves where they are not of a registered schema. */
  readonly value: T;
  readonly headers: Readonly<Record<string, string>>;
}

/** Records to put into a topic: in one list (by key to the partitions, as Kafka does), or a list a partition. Bytes are written as they are. */
export type InputRecords = readonly unknown[] | readonly (readonly unknown[])[];

/** Records by partition. */
export function byPartition(records: InputRecords, topic: TopicDefinition, partitions: number): unknown[][] {
  if (records.length > 0 && records.every((r) => Array.isArray(r))) return Array.from({ length: partitions }, (_, p) => [...((records as unknown[][])[p] ?? [])]);
  const lists: unknown[][] = Array.from({ length: partitions }, () => []);
  records.forEach((record, i) => {
    const key = keyOf(record, topic);
    lists[key === null ? i % partitions : partitionOf(key, 0, key.length, partitions)]!.push(record);
  });
  return lists;
}

/**
 * Records as a block of the topic. The timestamp is the topic's time field, else the record's `timestamp`, else 0.
 *
 * @throws SchemaError for a record that does not fit
 */
export function blockOfRecords(records: readonly unknown[], topic: TopicDefinition, schemaId: number): RecordBlock {
  const encoder = compileRowEncoder<unknown>(parseRecordSchema(topic.schema));
  const prefix = wirePrefix(schemaId);
  const writer = new BlockWriter();
  for (const record of records) {
    if (record instanceof Uint8Array) {
      writer.append(null, record, 0);
      continue;
    }
    const bytes = new Uint8Array(prefix.length + encoder.bound(record));
    bytes.set(prefix);
    const end = encoder.encode(record, bytes, prefix.length);
    const time = (record as Readonly<Record<string, unknown>>)[topic.time ?? 'timestamp'];
    writer.append(keyOf(record, topic), bytes.subarray(0, end), typeof time === 'number' ? time : 0);
  }
  return writer.take();
}

/** Everything in a topic, partition after partition. Values are read with the schemas that they were written with. */
export async function topicRecords(log: LogClient, registry: SchemaRegistry, topic: string): Promise<TopicRecord[]> {
  const info = (await log.topics()).find((t) => t.name === topic);
  if (info === undefined) throw new HeadraceError('HR_TOPIC_MISSING', `There is no topic ${topic}.`, { place: { topic } });
  const readers = new Map<number, (bytes: Uint8Array, start: number, end: number) => unknown>();
  const records: TopicRecord[] = [];
  for (let partition = 0; partition < info.partitions; partition++) {
    let next = (await log.bounds(topic, partition)).start;
    for (let block = await log.read(topic, partition, next); block !== undefined; block = await log.read(topic, partition, next)) {
      for (let i = 0; i < block.count; i++) {
        const [at, length] = [block.valueOffset[i]!, block.valueLength[i]!];
        const id = length < 0 ? -1 : schemaIdAt(block.bytes, at, length);
        if (id >= 0 && !readers.has(id)) {
          const text = await registry.schemaById(id);
          if (text !== undefined) readers.set(id, compileReader(parseRecordSchema(text), parseRecordSchema(text)));
        }
        const bytes = (from: number, n: number) => (n < 0 ? null : block!.bytes.slice(from, from + n));
        const key = bytes(block.keyOffset[i]!, block.keyLength[i]!);
        const headers = Object.fromEntries((block.headers?.get(i) ?? []).map((h) => [h.key, Buffer.from(h.value).toString()]));
        const isLetter = topic.endsWith('.dlq');
        const read = isLetter ? undefined : readers.get(id);
        const value = read === undefined ? bytes(at, length) : { ...(read(block.bytes, at + wirePrefixLength, at + length) as object) };
        records.push({ topic, partition, offset: offsetAt(block, i), timestamp: block.timestamps[i]!, key: key && Buffer.from(key).toString(), value, headers });
      }
      next = offsetAt(block, block.count - 1) + 1;
    }
  }
  return records;
}

function keyOf(record: unknown, topic: TopicDefinition): Buffer | null {
  if (topic.key === undefined || record instanceof Uint8Array) return null;
  const key = (record as Readonly<Record<string, unknown>>)[topic.key];
  return key === null || key === undefined ? null : Buffer.from(String(key));
}
