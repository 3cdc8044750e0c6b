import { join } from 'node:path';
import { type ClickHouseSettings, inProcess } from '../connectors/clickhouse/clickhouse-settings.js';
import type { SqlSession } from '../connectors/clickhouse/sql-warehouse.js';
import { sqlWarehouse } from '../connectors/clickhouse/sql-warehouse.js';
import type { Warehouse } from '../dataflow/ports/warehouse.js';

/** Folder of a data directory with the tables of ClickHouse in the process. */
const folder = 'warehouse';

/** ClickHouse as settings say: a server, or in this process over tables in the data directory. Its library is loaded only by who uses it. Errors: HR_CHDB. */
export async function openClickHouse(settings: ClickHouseSettings, dataDir: string): Promise<SqlSession> {
  if (settings.url === inProcess) return (await import('../connectors/clickhouse/chdb-session.js')).chdbSession(join(dataDir, folder));
  return (await import('../connectors/clickhouse/clickhouse-session.js')).clickHouseSession(settings);
}

/** The tables of topics there. Errors: HR_CHDB. */
export async function openWarehouse(settings: ClickHouseSettings, dataDir: string): Promise<Warehouse> {
  return sqlWarehouse(await openClickHouse(settings, dataDir));
}
