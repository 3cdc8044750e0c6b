import type { LogClient } from '../dataflow/ports/log-client.js';
import type { SchemaRegistry } from '../dataflow/ports/schema-registry.js';
import type { Warehouse, WarehouseRecord } from '../dataflow/ports/warehouse.js';
import { HeadraceError } from '../dataflow/errors.js';
import { offsetAt } from '../dataflow/record-block.js';
import { valueReader } from '../dataflow/value-reader.js';
import { parseRecordSchema, SchemaError } from '../schemas/avro-schema.js';

/** What a copy has done. */
export interface CopyResult {
  readonly records: number;
  /** Records that are no value of a registered schema; they stay in the topic only. */
  readonly unreadable: number;
}

/**
 * Copies what a topic has behind what a table of the warehouse has, up to the ends as they are now. Where to go on is read from the table itself, so there is no state to lose: a copy that was
 * cut off goes on behind the last record that arrived, and none arrives twice for a reader with FINAL.
 *
 * @throws HR_TOPIC_MISSING; HR_ARGUMENT a topic without a registered schema; HR_CLICKHOUSE_QUERY, HR_WAREHOUSE from the warehouse
 */
export async function copyTopic(options: {
  readonly log: LogClient;
  readonly registry: SchemaRegistry;
  readonly warehouse: Warehouse;
  readonly topic: string;
  readonly table: string;
  readonly abort: AbortSignal;
  readonly onProgress?: (records: number) => void;
}): Promise<CopyResult> {
  const { log, registry, warehouse, topic, table, abort } = options;
  const info = (await log.topics()).find((t) => t.name === topic);
  if (info === undefined) throw new HeadraceError('HR_TOPIC_MISSING', `There is no topic "${topic}".`, { place: { topic } });
  const latest = await registry.latest(`${topic}-value`);
  if (latest === undefined) throw new HeadraceError('HR_ARGUMENT', `Topic ${topic} has no registered schema, so its records have no columns.`, { place: { topic } });
  const schema = parseRecordSchema(latest.schemaText);
  await warehouse.prepare(table, schema);
  const positions = await warehouse.positions(table);
  const read = valueReader<Readonly<Record<string, unknown>>>(registry, schema);
  const total = { records: 0, unreadable: 0 };
  for (let partition = 0; partition < info.partitions && !abort.aborted; partition++) {
    const { start, end } = await log.bounds(topic, partition);
    let next = Math.max(start, positions.get(partition) ?? start);
    while (next < end && !abort.aborted) {
      const block = await log.read(topic, partition, next);
      if (block === undefined || block.count === 0) break;
      const records: WarehouseRecord[] = [];
      for (let i = 0; i < block.count; i++) {
        const [at, length] = [block.valueOffset[i]!, block.valueLength[i]!];
        const value = length < 0 ? undefined : await readable(read(block.bytes, at, length));
        if (value === undefined) total.unreadable += 1;
        else records.push({ offset: offsetAt(block, i), timestamp: block.timestamps[i]!, key: block.keyLength[i]! < 0 ? null : Buffer.from(block.bytes.subarray(block.keyOffset[i]!, block.keyOffset[i]! + block.keyLength[i]!)).toString(), value });
      }
      if (records.length > 0) await warehouse.insert(table, schema, partition, records);
      total.records += records.length;
      options.onProgress?.(total.records);
      next = offsetAt(block, block.count - 1) + 1;
    }
  }
  return total;
}

/** The value, or undefined for bytes that are none. */
async function readable<T>(reading: Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof SchemaError) return undefined;
    throw error;
  }
}
