import type { HeldTopic, Warehouse } from '../../dataflow/ports/warehouse.js';
import { sqlName, sqlString } from '../../dataflow/sql/sql-text.js';
import type { AvroRecordSchema } from '../../schemas/avro-schema.js';
import { tableColumns } from './avro-columns.js';

/** ClickHouse, as tables are kept in it: a server, or the one in the process. Errors: HR_CLICKHOUSE_QUERY, HR_WAREHOUSE. */
export interface SqlSession {
  /** Rows of a query; 64-bit integers may be text. */
  rows(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  run(sql: string): Promise<void>;
  close(): Promise<void>;
}

/** One block is one part: all of its rows or none. */
const wholeInsert = "SETTINGS date_time_input_format = 'best_effort', input_format_parallel_parsing = 0, async_insert = 0, min_insert_block_size_rows = 0, min_insert_block_size_bytes = 0";

/**
 * Tables in ClickHouse, one a topic: its columns, and where each record was (`_partition`, `_offset`), its time and key. They are ReplacingMergeTree tables in the order of partition and offset, so a record that was
 * written twice is one row for `SELECT … FINAL`, at once, and for every query after the next merge. Which topic a table holds stands in its comment.
 */
export function sqlWarehouse(session: SqlSession): Warehouse {
  const known = new Map<AvroRecordSchema, ReturnType<typeof tableColumns>>();
  const columnsOf = (schema: AvroRecordSchema) => {
    let columns = known.get(schema);
    if (columns === undefined) known.set(schema, (columns = tableColumns(schema)));
    return columns;
  };
  return {
    async prepare(table, schema) {
      const own = ['_partition UInt32', '_offset UInt64', "_time DateTime64(3, 'UTC')", '_key Nullable(String)'];
      const columns = columnsOf(schema).map(({ name, type }) => ({ name, text: `${sqlName(name)} ${type}` }));
      await session.run(`CREATE TABLE IF NOT EXISTS ${sqlName(table)} (${[...own, ...columns.map(({ text }) => text)].join(', ')}) ENGINE = ReplacingMergeTree ORDER BY (_partition, _offset)`);
      const there = new Set((await session.rows(`SELECT name FROM system.columns WHERE database = currentDatabase() AND table = ${sqlString(table)}`)).map(({ name }) => name));
      for (const { name, text } of columns) if (!there.has(name)) await session.run(`ALTER TABLE ${sqlName(table)} ADD COLUMN IF NOT EXISTS ${text}`);
      const [row] = await session.rows(`SELECT comment FROM system.tables WHERE database = currentDatabase() AND name = ${sqlString(table)}`);
      return heldTopic(String(row?.['comment'] ?? ''));
    },
    claim: (table, { topic, identity }) => session.run(`ALTER TABLE ${sqlName(table)} MODIFY COMMENT ${sqlString(`Headrace topic ${topic} ${identity}`.trim())}`),
    async positions(table) {
      const rows = await session.rows(`SELECT _partition AS partition, toString(max(_offset) + 1) AS next FROM ${sqlName(table)} GROUP BY _partition`);
      return new Map(rows.map(({ partition, next }) => [Number(partition), Number(next)]));
    },
    async insert(table, schema, records) {
      const columns = columnsOf(schema);
      const lines = records.map(({ partition, offset, timestamp, key, value }) =>
        JSON.stringify({ _partition: partition, _offset: offset, _time: new Date(timestamp).toISOString(), _key: key, ...Object.fromEntries(columns.map(({ name, toJson }) => [name, toJson(value[name])])) }),
      );
      await session.run(`INSERT INTO ${sqlName(table)} ${wholeInsert} FORMAT JSONEachRow\n${lines.join('\n')}`);
    },
    close: () => session.close(),
  };
}

function heldTopic(comment: string): HeldTopic | undefined {
  const [, topic, identity] = /^Headrace topic (\S+) ?(\S*)$/.exec(comment) ?? [];
  return topic === undefined ? undefined : { topic, identity: identity! };
}
