import { expect, test } from 'vitest';
import { hasChdb } from '../connectors/clickhouse/with-chdb.js';
import { clickHouseUrl } from '../services/clickhouse-url.js';
import { headrace, workplace } from './commands/headrace-process.js';

const url = await clickHouseUrl();

async function answer(sql: string): Promise<unknown> {
  const response = await fetch(`${url}/`, { method: 'POST', body: `${sql} FORMAT JSONCompactEachRow` });
  expect(response.ok).toBe(true);
  return JSON.parse(await response.text());
}

test.skipIf(url === undefined)('the command copies a topic of a data directory', async () => {
  const cwd = workplace();
  await headrace(['simulate', '--events', '2000'], { cwd });
  const table = `clicks_${process.pid}`;
  const copied = await headrace(['copy', 'clicks', '--table', table, '--json'], { cwd, env: { CLICKHOUSE_URL: url! } });
  expect(copied.json()).toEqual([{ topic: 'clicks', table, records: 2_000, unreadable: 0 }]);
  expect(await answer(`SELECT toInt32(uniqExact(eventId)) FROM ${table} FINAL`)).toEqual([2_000]);
});

test.skipIf(!hasChdb)('the command copies to tables in the data directory', async () => {
  const cwd = workplace();
  await headrace(['simulate', '--events', '2000'], { cwd });
  const env = { CLICKHOUSE_URL: 'chdb:' };
  expect((await headrace(['copy', 'clicks', '--json'], { cwd, env })).json()).toEqual([{ topic: 'clicks', table: 'clicks', records: 2_000, unreadable: 0 }]);
  expect((await headrace(['copy', 'clicks', '--json'], { cwd, env })).json()).toEqual([{ topic: 'clicks', table: 'clicks', records: 0, unreadable: 0 }]);
});

test.each([
  [{}, 'Say where to: CLICKHOUSE_URL'],
  [{ CLICKHOUSE_URL: 'ftp://x' }, 'HR_CLICKHOUSE_SETTINGS'],
  [{ CLICKHOUSE_URL: 'http://127.0.0.1:1' }, 'ClickHouse at http://127.0.0.1:1 does not answer'],
])('copy with %o is refused', async (env, message) => {
  const cwd = workplace();
  await headrace(['simulate', '--events', '200'], { cwd });
  const ended = await headrace(['copy', 'clicks'], { cwd, env: { CLICKHOUSE_URL: '', ...env } });
  expect(ended.stderr).toContain(message);
  expect(ended.code).not.toBe(0);
});
