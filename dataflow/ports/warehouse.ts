import type { AvroRecordSchema } from '../../schemas/avro-schema.js';

/** A record of a topic for the warehouse. */
export interface WarehouseRecord {
  readonly offset: number;
  /** Epoch milliseconds. */
  readonly timestamp: number;
  readonly key: string | null;
  readonly value: Readonly<Record<string, unknown>>;
}

/** Tables that hold the records of topics, each once. */
export interface Warehouse {
  /** Makes the table for records of a schema where it is missing, and adds columns that it lacks. Errors: HR_CLICKHOUSE_QUERY. */
  prepare(table: string, schema: AvroRecordSchema): Promise<void>;
  /** By partition, the offset behind the last record that the table has. */
  positions(table: string): Promise<ReadonlyMap<number, number>>;
  /** Adds records of one partition, all or none; the same ones again change nothing. Errors: HR_CLICKHOUSE_QUERY, HR_WAREHOUSE out of reach. */
  insert(table: string, schema: AvroRecordSchema, partition: number, records: readonly WarehouseRecord[]): Promise<void>;
  close(): Promise<void>;
}
