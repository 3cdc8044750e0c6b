import { openChdb } from './open-chdb.js';
import type { SqlSession } from './sql-warehouse.js';

/** ClickHouse in this process, with tables that stay in `directory`. One process at a time can have it open. Errors: as `openChdb`. */
export async function chdbSession(directory: string): Promise<SqlSession> {
  const chdb = await openChdb({ keepIn: directory });
  return {
    rows: (sql) => chdb.query(sql),
    run: async (sql) => void (await chdb.query(sql)),
    close: () => chdb.close(),
  };
}
