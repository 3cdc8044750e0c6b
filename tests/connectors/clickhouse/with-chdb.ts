import { type Chdb, openChdb } from '../../../connectors/clickhouse/open-chdb.js';
import { HeadraceError } from '../../../dataflow/errors.js';

/** Whether ClickHouse runs in this process; where it cannot, its tests are skipped, but never in CI. */
export const hasChdb = await openChdb().then(
  async (chdb) => {
    await chdb.close();
    return true;
  },
  (error: unknown) => {
    if (process.env.CI === 'true' || !(error instanceof HeadraceError) || error.code !== 'HR_CHDB') throw error;
    return false;
  },
);

/** Opens ClickHouse, gives it to `use` and closes it. */
export async function withChdb<R>(use: (chdb: Chdb) => Promise<R>): Promise<R> {
  const chdb = await openChdb();
  try {
    return await use(chdb);
  } finally {
    await chdb.close();
  }
}
