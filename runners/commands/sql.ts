import { openClickHouse } from '../open-warehouse.js';
import { type Cell, table } from '../terminal/table.js';
import { usageError } from './arguments.js';
import { type Command, exitCodes } from './command.js';

/** `headrace sql`: a query to the tables that topics were copied to. */
export const sql: Command = {
  name: 'sql',
  usage: ['sql QUERY'],
  about:
    'Sends one query to ClickHouse (CLICKHOUSE_URL) and prints its rows: a table, or with --json an object a row. With CLICKHOUSE_URL=chdb: it is ClickHouse\n' +
    'in the process over the tables in the data directory, which one process at a time can have open. Tables of topics are read with FINAL.',
  options: {},
  operands: [1, 1],
  async run(call) {
    if (call.clickHouse === undefined) throw usageError(call.command, 'Say which ClickHouse: CLICKHOUSE_URL=http://HOST:8123, or CLICKHOUSE_URL=chdb: for tables in the data directory.');
    const session = await openClickHouse(call.clickHouse, call.dataDir);
    try {
      const rows = await session.rows(call.operands[0]!);
      const names = Object.keys(rows[0] ?? {});
      const align = names.map((name) => (rows.every((row) => typeof row[name] === 'number') ? 'right' : 'left'));
      if (call.json) for (const row of rows) await call.output.print(row, () => '');
      else if (rows.length > 0) await call.output.print(rows, () => table(names, rows.map((row) => names.map((name) => cellOf(row[name]))), { align }).trimEnd());
    } finally {
      await session.close();
    }
    return exitCodes.done;
  },
};

function cellOf(value: unknown): Cell {
  if (typeof value === 'number') return Number.isInteger(value) ? value : String(value);
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : (value as Cell);
}
