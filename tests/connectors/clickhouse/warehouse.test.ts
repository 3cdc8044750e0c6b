import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { chdbSession } from '../../../connectors/clickhouse/chdb-session.js';
import { clickHouseSession } from '../../../connectors/clickhouse/clickhouse-session.js';
import { clickHouseSettings } from '../../../connectors/clickhouse/clickhouse-settings.js';
import { warehouseContract } from '../../contracts/warehouse-contract.js';
import { clickHouseUrl } from '../../services/clickhouse-url.js';
import { hasChdb } from './with-chdb.js';

const url = await clickHouseUrl();
const home = mkdtempSync(join(tmpdir(), 'headrace-warehouse-'));
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe.skipIf(url === undefined)('topics in a ClickHouse server', () => warehouseContract('a server', async () => clickHouseSession(clickHouseSettings({ CLICKHOUSE_URL: url! })!)));

describe.skipIf(!hasChdb)('topics in ClickHouse in the process', () => {
  warehouseContract('chdb', () => chdbSession(join(home, 'warehouse')));

  test('tables stay when it is closed', async () => {
    const first = await chdbSession(join(home, 'kept'));
    await first.run('CREATE TABLE t (x Int32) ENGINE = MergeTree ORDER BY x');
    await first.run('INSERT INTO t FORMAT JSONEachRow\n{"x":4}');
    await first.close();
    const second = await chdbSession(join(home, 'kept'));
    expect(await second.rows('SELECT x FROM t')).toEqual([{ x: 4 }]);
    await second.close();
  });
});

test('a server that is not there', async () => {
  const session = clickHouseSession(clickHouseSettings({ CLICKHOUSE_URL: 'http://127.0.0.1:1' })!);
  await expect(session.run('SELECT 1')).rejects.toMatchObject({ code: 'HR_WAREHOUSE', message: expect.stringContaining('ClickHouse at http://127.0.0.1:1 does not answer') as string });
  await session.close();
});
