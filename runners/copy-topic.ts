import type { LogClient } from '../dataflow/ports/log-client.js';
import type { SchemaRegistry } from '../dataflow/ports/schema-registry.js';
import type { HeldTopic, Warehouse, WarehouseRecord } from '../dataflow/ports/warehouse.js';
import { HeadraceError } from '../dataflow/errors.js';
import { offsetAt, type RecordBlock } from '../dataflow/record-block.js';
import { valueReader } from '../dataflow/value-reader.js';
import { type AvroRecordSchema, parseRecordSchema, SchemaError } from '../schemas/avro-schema.js';

/** What a copy has done. */
export interface CopyResult {
  readonly records: number;
  /** Records that are no value of a registered schema; they stay in the topic only. */
  readonly unreadable: number;
}

/** Where a copy reads and writes. */
export interface CopySetting {
  readonly log: LogClient;
  readonly registry: SchemaRegistry;
  readonly warehouse: Warehouse;
  readonly topic: string;
  readonly table: string;
}

/** A topic on its way to a table. */
export interface TopicCopy {
  readonly partitions: number;
  /** Copies what is new in some partitions by one insert, as much as fits into it; `ended`: that was all. */
  some(partitions: Iterable<number>): Promise<CopyResult & { readonly ended: boolean }>;
  /** Looks up anew where to go on: others may have copied as well. */
  refresh(): Promise<void>;
}

/** An insert with so many records, or bytes, is large enough. */
const recordsAtOnce = 50_000;
const bytesAtOnce = 8 << 20;

/**
 * Prepares the table, and finds in it where to go on.
 *
 * @throws HR_TOPIC_MISSING; HR_ARGUMENT a topic without a registered schema; HR_WAREHOUSE_TABLE the table of another topic; HR_CLICKHOUSE_QUERY, HR_WAREHOUSE from the warehouse
 */
export async function openTopicCopy({ log, registry, warehouse, topic, table }: CopySetting): Promise<TopicCopy> {
  const info = (await log.topics()).find((t) => t.name === topic);
  if (info === undefined) throw new HeadraceError('HR_TOPIC_MISSING', `There is no topic "${topic}".`, { place: { topic } });
  const latest = await registry.latest(`${topic}-value`);
  if (latest === undefined) throw new HeadraceError('HR_ARGUMENT', `Topic ${topic} has no registered schema, so its records have no columns.`, { place: { topic } });
  const schema = parseRecordSchema(latest.schemaText);
  const held: HeldTopic = { topic, identity: (await log.identity?.(topic)) ?? '' };
  const before = await warehouse.prepare(table, schema);
  if (before === undefined) await warehouse.claim(table, held);
  else if (before.topic !== topic || (held.identity !== '' && before.identity !== '' && before.identity !== held.identity)) throw tableHolds(table, before);
  let next = new Map(await warehouse.positions(table));
  const read = valueReader<Readonly<Record<string, unknown>>>(registry, schema);
  return {
    partitions: info.partitions,
    async some(partitions) {
      const records: WarehouseRecord[] = [];
      const reached = new Map<number, number>();
      let [bytes, unreadable, ended] = [0, 0, true];
      for (const partition of partitions) {
        const { start, end } = await log.bounds(topic, partition);
        if ((next.get(partition) ?? 0) > end) throw tableHolds(table, held);
        let at = Math.max(start, next.get(partition) ?? start);
        while (at < end && records.length < recordsAtOnce && bytes < bytesAtOnce) {
          const block = await log.read(topic, partition, at);
          if (block === undefined || block.count === 0) {
            at = end;
            break;
          }
          const before = records.length;
          await readBlock(block, partition, read, records);
          unreadable += block.count - (records.length - before);
          bytes += block.bytes.length;
          at = offsetAt(block, block.count - 1) + 1;
        }
        reached.set(partition, at);
        ended &&= at >= end;
      }
      if (records.length > 0) await warehouse.insert(table, schema, records);
      for (const [partition, at] of reached) next.set(partition, at);
      return { records: records.length, unreadable, ended };
    },
    async refresh() {
      next = new Map(await warehouse.positions(table));
    },
  };
}

/**
 * Copies what a topic has behind what a table of the warehouse has, up to the ends as they are now. Where to go on is read from the table itself, so there is no state to lose: a copy that was
 * cut off goes on behind the last record that arrived, and none arrives twice for a reader with FINAL.
 *
 * @throws as `openTopicCopy`
 */
export async function copyTopic({ abort, onProgress, ...setting }: CopySetting & { readonly abort: AbortSignal; readonly onProgress?: (records: number) => void }): Promise<CopyResult> {
  const copy = await openTopicCopy(setting);
  const total = { records: 0, unreadable: 0 };
  for (let ended = false; !ended && !abort.aborted; ) {
    const done = await copy.some(Array.from({ length: copy.partitions }, (_, p) => p));
    total.records += done.records;
    total.unreadable += done.unreadable;
    ended = done.ended;
    onProgress?.(total.records);
  }
  return total;
}

/**
 * Whether the warehouse takes records of a topic, which need not be there yet.
 *
 * @throws HR_WAREHOUSE_TABLE, HR_CLICKHOUSE_QUERY, HR_WAREHOUSE
 */
export async function checkTable({ log, registry, warehouse, topic, table, schema }: CopySetting & { readonly schema: AvroRecordSchema }): Promise<void> {
  const isThere = (await log.topics()).some((t) => t.name === topic);
  if (isThere && (await registry.latest(`${topic}-value`)) !== undefined) return void (await openTopicCopy({ log, registry, warehouse, topic, table }));
  const held = await warehouse.prepare(table, schema);
  if (held !== undefined) throw tableHolds(table, held);
}

function tableHolds(table: string, { topic }: HeldTopic): HeadraceError {
  return new HeadraceError('HR_WAREHOUSE_TABLE', `The table ${table} holds records of a topic ${topic} that is not this one.`);
}

async function readBlock(block: RecordBlock, partition: number, read: ReturnType<typeof valueReader<Readonly<Record<string, unknown>>>>, into: WarehouseRecord[]): Promise<void> {
  for (let i = 0; i < block.count; i++) {
    if (block.valueLength[i]! < 0) continue;
    let value;
    try {
      const reading = read(block.bytes, block.valueOffset[i]!, block.valueLength[i]!);
      value = reading instanceof Promise ? await reading : reading;
    } catch (error) {
      if (!(error instanceof SchemaError)) throw error;
    }
    if (value === undefined) continue;
    const key = block.keyLength[i]! < 0 ? null : Buffer.from(block.bytes.buffer, block.bytes.byteOffset + block.keyOffset[i]!, block.keyLength[i]!).toString();
    into.push({ partition, offset: offsetAt(block, i), timestamp: block.timestamps[i]!, key, value });
  }
}
