import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { HeadraceError } from '../../dataflow/errors.js';
import { sqlName, sqlString } from '../../dataflow/sql/sql-text.js';
import { type Column, slice } from '../../schemas/column.js';
import { type ColumnType, type ColumnValues, nativeBlock } from './native-block.js';

/** A value for a `{name:Type}` in a query. */
export type QueryParameter = string | number | bigint | boolean | null | Date | readonly QueryParameter[];

/** A row of a result, by column name. 64-bit integers are numbers, exact to 2^53; dates are text, maps are objects. */
export type ResultRow = Readonly<Record<string, unknown>>;

/** A table that is being written. */
export interface TableWriter {
  /** Adds rows: a column for each of the table's. They may be changed once it has returned. */
  append(columns: Readonly<Record<string, ColumnValues>>, rows: number): Promise<void>;
  /** Makes the table visible to queries, with what was appended. */
  finish(): Promise<void>;
}

/** ClickHouse inside this process, with tables of its own that go when it is closed. */
export interface Chdb {
  /**
   * The rows of a query; queries run one after the other. Values go in as parameters (`WHERE userId = {user:String}`), never into the text.
   *
   * @throws HR_CLICKHOUSE_QUERY with ClickHouse's message
   */
  query<Row extends ResultRow = ResultRow>(sql: string, parameters?: Readonly<Record<string, QueryParameter>>): Promise<readonly Row[]>;
  /**
   * Begins a table of the given column types; one of that name is replaced when it is finished. Its rows are in a temporary file in ClickHouse's Native format, and are read from there by every query:
   * memory does not grow with them.
   */
  createTable(name: string, types: Readonly<Record<string, ColumnType>>): Promise<TableWriter>;
  /** A table of whole columns, all of one length: numbers as Float64 or Int32, null where a column has nulls, text, booleans, arrays of numbers. @throws HR_COLUMN */
  load(name: string, columns: Readonly<Record<string, ColumnValues>>): Promise<void>;
  /** Ends it and removes its files. */
  close(): Promise<void>;
}

/** Settings of `openChdb`. */
export interface ChdbOptions {
  /** Where tables lie until it is closed. @default the system's temporary directory */
  readonly directory?: string;
  /** Where tables that queries make stay for good. @default they go when it is closed */
  readonly keepIn?: string;
}

/** What of the package is used; it need not be installed where this is compiled. */
interface ChdbModule {
  readonly Session: new (path: string, options: { readonly connectionArgs: readonly string[] }) => ChdbSession;
}

interface ChdbSession {
  queryBindAsync(sql: string, parameters: object, options: { readonly format: string }): Promise<{ text(): string }>;
  close(): void;
}

let isOpen = false;

/** Rows that `load` writes at once. */
const rowsABlock = 65_536;

/**
 * Opens ClickHouse in this process: the optional package `chdb`, loaded on the first call.
 *
 * *When to use*: to run the SQL of a cluster on a laptop or in a test, over columns or the records of topics. *Details*: a process can have one open at a time, and only in its main
 * thread: chdb has one data directory a process, and ends the process when a worker thread that used it stops. It has threads of its own, does not keep the
 * process from ending, and takes about 250 MiB.
 *
 * @throws HR_CHDB when the package is missing, has no build for this platform, or is open already
 * @example
 * const chdb = await openChdb();
 * await chdb.load('points', { x: Float64Array.of(1, 2), y: Float64Array.of(0.5, 4) });
 * const [row] = await chdb.query('SELECT sum(x * y) AS s FROM points WHERE x > {least:Float64}', { least: 1 });
 * await chdb.close();
 */
export async function openChdb(options: ChdbOptions = {}): Promise<Chdb> {
  if (!isMainThread) throw new HeadraceError('HR_CHDB', 'ClickHouse in the process runs in the main thread only.', { remedy: 'Call it from the main thread.' });
  const { Session } = await loadChdb();
  if (isOpen) throw new HeadraceError('HR_CHDB', 'ClickHouse is open in this process already.', { remedy: 'Use the one that is open, or close it first.' });
  isOpen = true;
  const directory = mkdtempSync(join(options.directory ?? tmpdir(), 'headrace-chdb-'));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  process.once('exit', remove);
  const { keepIn } = options;
  let session: ChdbSession;
  try {
    if (keepIn !== undefined) mkdirSync(keepIn, { recursive: true });
    session = new Session(keepIn ?? join(directory, 'session'), { connectionArgs: ['--output_format_json_quote_64bit_integers=0', '--output_format_json_quote_denormals=1'] });
  } catch (cause) {
    isOpen = false;
    process.off('exit', remove);
    remove();
    throw new HeadraceError('HR_CHDB', `The tables in ${keepIn ?? directory} cannot be opened: ${(cause as Error).message.trim()}.`, { cause, remedy: 'One process at a time can have them open: wait for the run that copies to them, or stop it.' });
  }
  const ask = async (sql: string, parameters: object): Promise<string> => (await session.queryBindAsync(sql, parameters, { format: 'JSONCompactEachRowWithNamesAndTypes' })).text();
  const runAlone = async (sql: string, parameters: object): Promise<string> => {
    try {
      return await ask(sql, parameters);
    } catch (error) {
      // What a query had written before it failed comes with the answer to the next one: chdb 3.4.
      await ask('SELECT 1', {});
      throw new HeadraceError('HR_CLICKHOUSE_QUERY', error instanceof Error ? error.message.replace(/^Code: \d+\. DB::Exception: /, '') : String(error), { cause: error });
    }
  };
  let last: Promise<unknown> = Promise.resolve();
  const run = (sql: string, parameters: object = {}): Promise<string> => {
    const next = last.then(() => runAlone(sql, parameters));
    last = next.catch(() => undefined);
    return next;
  };
  let files = 0;
  let closed = false;
  const createTable = async (name: string, types: Readonly<Record<string, ColumnType>>): Promise<TableWriter> => {
    files += 1;
    const path = join(directory, `${files}.native`);
    const file = await open(path, 'wx');
    return {
      append: async (columns, rows) => {
        if (rows > 0) await file.writeFile(Buffer.concat(nativeBlock(types, columns, rows))).catch(failedWrite);
      },
      async finish() {
        await file.close();
        const structure = Object.entries(types).map(([column, type]) => `${sqlName(column)} ${type}`);
        await run(`CREATE OR REPLACE VIEW ${sqlName(name)} AS SELECT * FROM file(${sqlString(path)}, 'Native', ${sqlString(structure.join(', '))})`);
      },
    };
  };
  return {
    async query<Row extends ResultRow>(sql: string, parameters?: Readonly<Record<string, QueryParameter>>) {
      return rowsOf(await run(sql, parameters)) as readonly Row[];
    },
    createTable,
    async load(name, columns) {
      const lengths = Object.entries(columns).map(([column, values]) => [column, rowCount(values)] as const);
      const [, rows] = lengths[0] ?? ['', 0];
      const other = lengths.find(([, n]) => n !== rows);
      if (other !== undefined) throw new HeadraceError('HR_COLUMN', `The columns of ${name} have different lengths: ${lengths[0]![0]} has ${rows}, ${other[0]} has ${other[1]}.`);
      const table = await createTable(name, Object.fromEntries(Object.entries(columns).map(([column, values]) => [column, typeOf(column, values)])));
      for (let from = 0; from < rows; from += rowsABlock) {
        const to = Math.min(rows, from + rowsABlock);
        const block = Object.entries(columns).map(([column, values]) => [column, values instanceof Float64Array || values instanceof Int32Array ? values.subarray(from, to) : slice(values, from, to)]);
        await table.append(Object.fromEntries(block) as typeof columns, to - from);
      }
      await table.finish();
    },
    async close() {
      if (closed) return;
      closed = true;
      await last;
      session.close();
      isOpen = false;
      process.off('exit', remove);
      remove();
    },
  };
}

function failedWrite(error: NodeJS.ErrnoException): never {
  throw new HeadraceError(error.code === 'ENOSPC' ? 'HR_DISK_FULL' : 'HR_DATA_DIR', `A temporary table cannot be written: ${error.message}.`, { cause: error, remedy: 'Free some space, or set TMPDIR to a folder on a larger disk.' });
}

async function loadChdb(): Promise<ChdbModule> {
  const name = 'chdb';
  try {
    return (await import(name)) as ChdbModule;
  } catch (error) {
    const missing = (error as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND';
    throw new HeadraceError('HR_CHDB', missing ? 'The package chdb, which runs ClickHouse in the process, is not installed.' : 'The package chdb cannot be loaded here.', { cause: error });
  }
}

/** The first two lines are names and types; infinite and not-a-number floats are quoted. */
function rowsOf(text: string): ResultRow[] {
  const lines = text.split('\n').filter((line) => line !== '');
  if (lines.length < 2) return [];
  const names = JSON.parse(lines[0]!) as string[];
  const floats = (JSON.parse(lines[1]!) as string[]).map((type) => /^(Nullable\()?Float/.test(type));
  return lines.slice(2).map((line) => {
    const values = JSON.parse(line) as unknown[];
    return Object.fromEntries(names.map((name, i) => [name, floats[i] && typeof values[i] === 'string' ? Number(values[i].replace('inf', 'Infinity')) : values[i]]));
  });
}

function rowCount(values: ColumnValues): number {
  if (values instanceof Float64Array || values instanceof Int32Array) return values.length;
  return values.kind === 'string' ? values.length.length : values.kind === 'vector' ? values.data.length / values.width : values.data.length;
}

function typeOf(name: string, values: ColumnValues): ColumnType {
  if (values instanceof Float64Array) return 'Float64';
  if (values instanceof Int32Array) return 'Int32';
  const type = ({ number: (values as { data?: unknown }).data instanceof Int32Array ? 'Int32' : 'Float64', boolean: 'Bool', enum: 'String', string: 'String', vector: 'Array(Float64)', object: undefined } as const)[values.kind];
  if (type === undefined) throw new HeadraceError('HR_COLUMN', `The column ${name} holds values that are neither numbers, text nor booleans.`);
  return type !== 'Array(Float64)' && hasNulls(values) ? `Nullable(${type})` : type;
}

function hasNulls(column: Column): boolean {
  if (column.kind === 'string') return column.length.some((n) => n < 0);
  return column.kind !== 'vector' && column.kind !== 'object' && column.nulls !== undefined && column.nulls.includes(1);
}
