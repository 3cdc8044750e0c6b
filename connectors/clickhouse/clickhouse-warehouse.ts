import { createClient } from '@clickhouse/client';
import { HeadraceError } from '../../dataflow/errors.js';
import type { Warehouse } from '../../dataflow/ports/warehouse.js';
import { sqlName } from '../../dataflow/sql-text.js';
import type { AvroRecordSchema } from '../../schemas/avro-schema.js';
import { tableColumns } from './avro-columns.js';
import type { ClickHouseSettings } from './clickhouse-settings.js';

/** A request without an answer for so long has failed. */
const requestTimeoutMs = 60_000;

/**
 * Tables in a ClickHouse server, one a topic: its columns, and where each record was (`_partition`, `_offset`), its time and key. They are ReplacingMergeTree tables in the order of partition and offset, so a record that was
 * written twice is one row for `SELECT … FINAL`, at once, and for every query after the next merge.
 */
export function clickHouseWarehouse(settings: ClickHouseSettings): Warehouse {
  const client = createClient({
    url: settings.url,
    username: settings.user,
    password: settings.password,
    database: settings.database,
    request_timeout: requestTimeoutMs,
    ...(settings.ca === undefined ? {} : { tls: { ca_cert: settings.ca } }),
  });
  const known = new Map<AvroRecordSchema, ReturnType<typeof tableColumns>>();
  const columnsOf = (schema: AvroRecordSchema) => {
    let columns = known.get(schema);
    if (columns === undefined) known.set(schema, (columns = tableColumns(schema)));
    return columns;
  };
  const guarded = async <R>(work: () => Promise<R>): Promise<R> => {
    try {
      return await work();
    } catch (cause) {
      const { code, type, message } = cause as { code?: string; type?: string; message: string };
      // The server's own errors have a number and a name.
      if (type !== undefined && /^\d+$/.test(code ?? '')) throw new HeadraceError('HR_CLICKHOUSE_QUERY', `ClickHouse says ${type}: ${message.split('\n')[0]!.slice(0, 300)}`, { cause });
      throw new HeadraceError('HR_WAREHOUSE', `ClickHouse at ${settings.url} does not answer: ${message === '' ? (code ?? 'no reason given') : message}.`, { cause });
    }
  };
  return {
    async prepare(table, schema) {
      const own = ['_partition UInt32', '_offset UInt64', "_time DateTime64(3, 'UTC')", '_key Nullable(String)'];
      const columns = columnsOf(schema).map(({ name, type }) => `${sqlName(name)} ${type}`);
      await guarded(() => client.command({ query: `CREATE TABLE IF NOT EXISTS ${sqlName(table)} (${[...own, ...columns].join(', ')}) ENGINE = ReplacingMergeTree ORDER BY (_partition, _offset)` }));
      for (const column of columns) await guarded(() => client.command({ query: `ALTER TABLE ${sqlName(table)} ADD COLUMN IF NOT EXISTS ${column}` }));
    },
    async positions(table) {
      const rows = await guarded(async () => (await client.query({ query: `SELECT _partition AS partition, toString(max(_offset) + 1) AS next FROM ${sqlName(table)} GROUP BY _partition`, format: 'JSONEachRow' })).json<{ partition: number; next: string }>());
      return new Map(rows.map(({ partition, next }) => [partition, Number(next)]));
    },
    async insert(table, schema, partition, records) {
      const columns = columnsOf(schema);
      const values = records.map(({ offset, timestamp, key, value }) => ({
        _partition: partition,
        _offset: offset,
        _time: new Date(timestamp).toISOString(),
        _key: key,
        ...Object.fromEntries(columns.map(({ name, toJson }) => [name, toJson(value[name])])),
      }));
      // One block is one part: all of its rows or none.
      await guarded(() => client.insert({ table: sqlName(table), values, format: 'JSONEachRow', clickhouse_settings: { date_time_input_format: 'best_effort', input_format_parallel_parsing: 0, async_insert: 0, min_insert_block_size_rows: '0', min_insert_block_size_bytes: '0' } }));
    },
    close: () => client.close(),
  };
}
