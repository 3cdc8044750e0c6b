import { parseRecordSchema } from '../schemas/avro-schema.js';
import { compileRowEncoder } from '../schemas/encoder.js';
import { wirePrefix } from '../schemas/wire.js';
import { HeadraceError } from './errors.js';
import { partitionOf } from './partitioner.js';
import type { LogClient } from './ports/log-client.js';
import type { SchemaRegistry } from './ports/schema-registry.js';
import { BlockWriter, type RecordBlock } from './record-block.js';
import { definition, type WritableTopic } from './topic.js';

/** Longer keys get a buffer of their own. */
const longestShortKey = 4_096;

/** Rows as records of a topic, held until they are taken; each in the partition of its key. */
export interface TopicEncoder<In> {
  /** Rows held. */
  readonly count: number;
  /** Bytes held. */
  readonly size: number;
  readonly partitions: number;
  /** Errors: SchemaError for a row that does not fit; nothing of it is held then. */
  add(row: In): void;
  /** What is held, for `append`; nothing is held afterwards. */
  take(): { readonly topic: string; readonly partition: number; readonly block: RecordBlock }[];
}

/**
 * Creates a topic where it is not there, registers its schema, and gives an encoder for its rows.
 *
 * *When to use*: to write a topic outside of a pipeline (importers, services). *Details*: the topic has a key and an event time. Cost: one generated encoder call a row.
 *
 * @param partitions when the topic is created. @default those it has, or 4
 * @throws HR_TOPIC_EXISTS it is there with other settings; HR_ARGUMENT a topic without key or time
 */
export async function openTopicEncoder<In>(topic: WritableTopic<In>, options: { readonly log: LogClient; readonly registry: SchemaRegistry; readonly partitions?: number | undefined }): Promise<TopicEncoder<In>> {
  const { name, schema, key, time, retentionMs, partitions: declared } = topic[definition];
  if (key === undefined || time === undefined) throw new HeadraceError('HR_ARGUMENT', `Topic ${name} has no ${key === undefined ? 'key' : 'time'}, and cannot be written by rows.`);
  const existing = (await options.log.topics()).find((t) => t.name === name)?.partitions;
  const partitions = options.partitions ?? existing ?? declared ?? 4;
  await options.log.createTopic(name, { partitions, retentionMs });
  const prefix = wirePrefix(await options.registry.register(`${name}-value`, JSON.stringify(schema)));
  const encoder = compileRowEncoder<In>(parseRecordSchema(schema));
  const writers = Array.from({ length: partitions }, () => new BlockWriter());
  const shortKey = Buffer.alloc(longestShortKey);
  let count = 0;
  return {
    get count() {
      return count;
    },
    get size() {
      return writers.reduce((sum, w) => sum + w.size, 0);
    },
    partitions,
    add(row) {
      const text = String(row[key as keyof In]);
      const isShort = text.length * 3 <= longestShortKey;
      const bytes = isShort ? shortKey : Buffer.from(text);
      const keyLength = isShort ? shortKey.write(text) : bytes.length;
      const writer = writers[partitionOf(bytes, 0, keyLength, partitions)]!;
      const at = writer.reserve(keyLength + prefix.length + encoder.bound(row));
      const { buffer } = writer;
      for (let i = 0; i < keyLength; i++) buffer[at + i] = bytes[i]!;
      buffer.set(prefix, at + keyLength);
      const end = encoder.encode(row, buffer, at + keyLength + prefix.length);
      writer.commit(keyLength, end - at - keyLength, row[time as keyof In] as number);
      count++;
    },
    take() {
      count = 0;
      return writers.flatMap((writer, partition) => (writer.count > 0 ? [{ topic: name, partition, block: writer.take() }] : []));
    },
  };
}
