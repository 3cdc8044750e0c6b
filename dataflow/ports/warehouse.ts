import type { AvroRecordSchema } from '../../schemas/avro-schema.js';

/** A record of a topic for the warehouse. */
export interface WarehouseRecord {
  readonly partition: number;
  readonly offset: number;
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly key: string | null;
  readonly value: Readonly<Record<string, unknown>>;
}

/** The topic whose records a table holds; `identity` tells it from later ones of the same name, and is empty where the log has none. */
export interface HeldTopic {
  readonly topic: string;
  readonly identity: string;
}

/** Tables that hold the records of topics, each once. */
export interface Warehouse {
  /** Makes the table for records of a schema where it is missing, adds columns that it lacks, and tells which topic it holds, if that is known. Errors: HR_CLICKHOUSE_QUERY, HR_WAREHOUSE. */
  prepare(table: string, schema: AvroRecordSchema): Promise<HeldTopic | undefined>;
  /** Notes which topic a table holds. */
  claim(table: string, held: HeldTopic): Promise<void>;
  /** By partition, the offset behind the last record that the table has. */
  positions(table: string): Promise<ReadonlyMap<number, number>>;
  /** Adds records, all or none; the same ones again change nothing. Errors: HR_CLICKHOUSE_QUERY, HR_WAREHOUSE out of reach. */
  insert(table: string, schema: AvroRecordSchema, records: readonly WarehouseRecord[]): Promise<void>;
  close(): Promise<void>;
}
