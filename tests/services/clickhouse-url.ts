import { clickhouse } from './clickhouse.js';
import { start } from './service.js';

/** ClickHouse for a test file, started once and shared: each uses tables of its own. Undefined where it cannot be started and this is not CI: such tests are skipped, and the reason is printed. */
export async function clickHouseUrl(): Promise<string | undefined> {
  try {
    return clickhouse.variable((await start(clickhouse)).port).value;
  } catch (error) {
    if (process.env['CI'] !== undefined) throw error;
    process.stderr.write(`Tests that need ClickHouse are skipped: ${(error as Error).message}\n`);
    return undefined;
  }
}
