import { HeadraceError } from '../dataflow/errors.js';
import { definition, type AnyTopic, type WritableTopic } from '../dataflow/topic.js';
import type { RowStepOptions } from './map.js';
import type { Operator } from './operate.js';
import { writeTo } from './to.js';

/** Settings of `toWarehouse`. */
export interface ToWarehouseOptions extends RowStepOptions {
  /** Name of the table. @default that of the topic, with _ for what is no letter or digit */
  readonly table?: string;
}

/**
 * Writes the records to a topic, as `to` does, and brings them from there to a table of the warehouse.
 *
 * *When to use*: for what people query by SQL. *Details*: where `CLICKHOUSE_URL` names a ClickHouse server (or `chdb:`, ClickHouse in the process), the run makes the table and copies what the topic has and the
 * table lacks, behind the epochs and at most once a second; records that were in the topic before are copied as well. Without it the step is `to`. A row has the partition and offset of its record, so that one which is sent twice is one row for `SELECT … FINAL`. While the warehouse is away the
 * pipeline goes on: rows wait in the topic, for as long as it keeps them. A replay copies nothing. *State*: none; where to go on is read from the table. *Errors*: as `to`; HR_WAREHOUSE_TABLE and HR_CLICKHOUSE_QUERY at the start,
 * when the table cannot be had.
 *
 * @example from(clicks).pipe(filter(clicks.watchMs.over(0)), toWarehouse(watched, { table: 'watched_clicks' }))
 * @see to, toFeatureStore
 */
export function toWarehouse<T, R extends T, K, S extends string = string>(topic: WritableTopic<T>, options: ToWarehouseOptions = {}): Operator<R, R, K, K, S> {
  const { table, ...rest } = options;
  const { name } = (topic as Partial<AnyTopic>)?.[definition] ?? {};
  if (name === undefined) throw new HeadraceError('HR_ARGUMENT', 'toWarehouse(…) takes a topic made by topic(…).');
  if (table === '') throw new HeadraceError('HR_ARGUMENT', `toWarehouse(${name}): a table needs a name.`);
  return writeTo('toWarehouse', topic, { ...rest, table: table ?? tableOf(name) });
}

/** The table of a topic, where none is given. */
export function tableOf(topic: string): string {
  return topic.replaceAll(/[^A-Za-z0-9_]/g, '_');
}
