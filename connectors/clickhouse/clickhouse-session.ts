import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { HeadraceError } from '../../dataflow/errors.js';
import type { ClickHouseSettings } from './clickhouse-settings.js';
import type { SqlSession } from './sql-warehouse.js';

/** A request without an answer for so long has failed. */
const requestTimeoutMs = 60_000;

/** A ClickHouse server. */
export function clickHouseSession(settings: ClickHouseSettings): SqlSession {
  const client = createClient({
    url: settings.url,
    username: settings.user,
    password: settings.password,
    database: settings.database,
    request_timeout: requestTimeoutMs,
    // failures are thrown and told by whoever knows what they stopped
    log: { level: ClickHouseLogLevel.OFF },
    ...(settings.ca === undefined ? {} : { tls: { ca_cert: settings.ca } }),
  });
  const guarded = async <R>(work: () => Promise<R>): Promise<R> => {
    try {
      return await work();
    } catch (cause) {
      const { code, type, message } = cause as { code?: string; type?: string; message: string };
      // The server's own errors have a number and a name.
      if (type !== undefined && /^\d+$/.test(code ?? '')) throw new HeadraceError('HR_CLICKHOUSE_QUERY', `ClickHouse says ${type}: ${message.split('\n')[0]!.slice(0, 300)}`, { cause });
      throw new HeadraceError('HR_WAREHOUSE', `ClickHouse at ${settings.url} does not answer: ${message === '' ? (code ?? 'no reason given') : message}.`, { cause });
    }
  };
  return {
    rows: (sql) => guarded(async () => (await client.query({ query: sql, format: 'JSONEachRow' })).json<Record<string, unknown>>()),
    run: (sql) => guarded(async () => void (await client.command({ query: sql }))),
    close: () => client.close(),
  };
}
