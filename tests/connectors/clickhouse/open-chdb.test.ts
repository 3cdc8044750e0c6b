import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openChdb } from '../../../connectors/clickhouse/open-chdb.js';
import { stringColumn } from '../../../schemas/column.js';
import { sqlName, sqlString } from '../../../dataflow/sql/sql-text.js';
import { temporaryDirectory } from '../embedded/temporary-directory.js';
import { hasChdb, withChdb } from './with-chdb.js';

describe.skipIf(!hasChdb)('ClickHouse in the process', () => {
  test('columns come back as they were loaded', async () => {
    await withChdb(async (chdb) => {
      const strings = ['a', null, 'ö\u0000\n\'"`\\', 'x'.repeat(200)];
      await chdb.load('all kinds', {
        double: Float64Array.of(0.1, -1e300, Number.MIN_VALUE, 3),
        int: Int32Array.of(1, -2_147_483_648, 3, 4),
        maybe: { kind: 'number', data: Float64Array.of(1, 2, 3, 4), nulls: Uint8Array.of(0, 1, 0, 0) },
        text: stringColumn(strings),
        name: { kind: 'enum', symbols: ['A', 'B'], data: Int32Array.of(0, 1, 1, 0) },
        yes: { kind: 'boolean', data: Uint8Array.of(0, 1, 0, 1) },
        vector: { kind: 'vector', width: 2, data: Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
      });
      expect(await chdb.query('SELECT * FROM `all kinds`')).toEqual([
        { double: 0.1, int: 1, maybe: 1, text: 'a', name: 'A', yes: false, vector: [1, 2] },
        { double: -1e300, int: -2_147_483_648, maybe: null, text: null, name: 'B', yes: true, vector: [3, 4] },
        { double: Number.MIN_VALUE, int: 3, maybe: 3, text: strings[2], name: 'B', yes: false, vector: [5, 6] },
        { double: 3, int: 4, maybe: 4, text: strings[3], name: 'A', yes: true, vector: [7, 8] },
      ]);
    });
  });

  test('random columns in blocks come back as they were appended', async () => {
    const record = fc.record({ x: fc.double(), n: fc.option(fc.integer()), t: fc.integer({ min: -1e12, max: 1e13 }), s: fc.option(fc.string({ unit: 'binary' })) });
    await withChdb(async (chdb) => {
      let made = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(fc.array(record, { maxLength: 30 }), { maxLength: 4 }), async (blocks) => {
          made += 1;
          const table = await chdb.createTable(`t${made}`, { x: 'Float64', n: 'Nullable(Int32)', t: "DateTime64(3, 'UTC')", s: 'Nullable(String)' });
          for (const block of blocks) {
            await table.append(
              {
                x: Float64Array.from(block, (r) => r.x),
                n: { kind: 'number', data: Int32Array.from(block, (r) => r.n ?? 0), nulls: Uint8Array.from(block, (r) => (r.n === null ? 1 : 0)) },
                t: Float64Array.from(block, (r) => r.t),
                s: stringColumn(block.map((r) => r.s)),
              },
              block.length,
            );
          }
          await table.finish();
          const rows = await chdb.query(`SELECT x, n, toUnixTimestamp64Milli(t) AS t, s FROM t${made}`);
          expect(rows).toEqual(blocks.flat());
        }),
        { numRuns: 30 },
      );
    });
  });

  test('parameters, names and texts cannot break out of the query', async () => {
    await withChdb(async (chdb) => {
      const nasty = fc.string({ unit: fc.constantFrom("'", '"', '`', '\\', '\0', '\n', '{', '}', ';', '-', 'a', '\u00e9', ' ') , minLength: 1 });
      await fc.assert(
        fc.asyncProperty(nasty, nasty, async (name, value) => {
          expect(await chdb.query(`SELECT ${sqlString(value)} AS ${sqlName(name)}`)).toEqual([{ [name]: value }]);
          expect(await chdb.query('SELECT {v:String} AS v, {xs:Array(String)} AS xs', { v: value, xs: [value, 'b'] })).toEqual([{ v: value, xs: [value, 'b'] }]);
        }),
        { numRuns: 60 },
      );
    });
  });

  test('floats that JSON has no word for, and whole numbers of 64 bits', async () => {
    await withChdb(async (chdb) => {
      expect(await chdb.query("SELECT nan AS a, inf AS b, -inf AS c, toUInt64(9007199254740991) AS d, CAST(NULL AS Nullable(Float64)) AS e, 'inf' AS f")).toEqual([
        { a: Number.NaN, b: Number.POSITIVE_INFINITY, c: Number.NEGATIVE_INFINITY, d: 9007199254740991, e: null, f: 'inf' },
      ]);
    });
  });

  test('a refused query says what ClickHouse says', async () => {
    await withChdb(async (chdb) => {
      await expect(chdb.query('SELECT nothing_there')).rejects.toMatchObject({ code: 'HR_CLICKHOUSE_QUERY', message: expect.stringContaining('nothing_there') });
      const halfWay = chdb.query('SELECT throwIf(number = 100000) AS failed FROM numbers(1000000) SETTINGS max_block_size = 10');
      const next = chdb.query('SELECT 2 AS two');
      await expect(halfWay).rejects.toMatchObject({ code: 'HR_CLICKHOUSE_QUERY' });
      expect(await next).toEqual([{ two: 2 }]);
      await expect(chdb.load('t', { a: Float64Array.of(1), b: Float64Array.of(1, 2) })).rejects.toMatchObject({ code: 'HR_COLUMN' });
      await expect(chdb.load('t', { a: { kind: 'object', data: [{}] } })).rejects.toMatchObject({ code: 'HR_COLUMN' });
    });
  });

  test('one is open at a time, and its files go when it is closed', async () => {
    const directory = temporaryDirectory();
    const chdb = await openChdb({ directory });
    await chdb.load('t', { a: Float64Array.of(1) });
    await expect(openChdb()).rejects.toMatchObject({ code: 'HR_CHDB' });
    expect(existsSync(directory) && readdirSync(directory).length).toBe(1);
    await chdb.close();
    await chdb.close();
    expect(readdirSync(directory)).toEqual([]);
    await withChdb(async (next) => expect(await next.query('SELECT 1 AS one')).toEqual([{ one: 1 }]));
  });
});

const dist = resolve(import.meta.dirname, '../../../dist');

test.skipIf(!existsSync(join(dist, 'connectors/clickhouse')))('without the package, and in a worker thread, an error says what to do', () => {
  // A copy from where no package can be found.
  const folder = temporaryDirectory();
  for (const room of ['connectors/clickhouse', 'dataflow', 'schemas']) cpSync(join(dist, room), join(folder, room), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(
    join(folder, 'try.js'),
    `import { isMainThread, Worker } from 'node:worker_threads';
     import { openChdb } from './connectors/clickhouse/open-chdb.js';
     await openChdb().catch((error) => console.log(isMainThread ? error.format() : error.message));
     if (isMainThread) new Worker(new URL(import.meta.url));`,
  );
  const printed = execFileSync(process.execPath, ['try.js'], { cwd: folder, encoding: 'utf8' });
  expect(printed).toMatch(/^HR_CHDB {2}The package chdb, which runs ClickHouse in the process, is not installed\.\n(?: .*\n)* +Install it beside Headrace: npm install chdb/);
  expect(printed).toMatch(/\nClickHouse in the process runs in the main thread only\.\n$/);
});
