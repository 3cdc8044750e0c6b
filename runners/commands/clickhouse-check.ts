import { openClickHouse } from '../open-warehouse.js';
import { formatDuration } from '../terminal/number-format.js';
import type { Call } from './command.js';
import type { Finding } from './doctor.js';

/** ClickHouse, where the environment names it: whether it answers, lets this user in, and has the database. */
export async function clickhouse({ clickHouse: settings, dataDir }: Call): Promise<Finding[]> {
  if (settings === undefined) return [];
  const started = performance.now();
  const session = await openClickHouse(settings, dataDir);
  try {
    const [row] = await session.rows('SELECT version() AS version, currentDatabase() AS database, currentUser() AS user');
    return [{ check: 'clickhouse', status: 'ok', detail: `ClickHouse ${String(row!['version'])} at ${settings.url} has answered in ${formatDuration(performance.now() - started)}; database ${String(row!['database'])}, user ${String(row!['user'])}` }];
  } finally {
    await session.close();
  }
}
