import { Redis } from 'ioredis';
import { HeadraceError } from '../../dataflow/errors.js';
import type { RedisSettings } from './redis-settings.js';

/** A connection that comes back by itself, and refuses commands as long as it is gone. */
export interface RedisConnection {
  readonly redis: Redis;
  /** What went wrong, in words and with the address. */
  failure(cause: unknown): HeadraceError;
  close(): Promise<void>;
}

const connectTimeoutMs = 5_000;
/** A command without an answer for so long has failed. */
const commandTimeoutMs = 5_000;

/** Opens a connection; it is made with the first command. */
export function redisConnection({ host, port, database, username, password, tls }: RedisSettings): RedisConnection {
  let last: Error | undefined;
  const redis = new Redis({
    host,
    port,
    db: database,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
    lazyConnect: true,
    connectTimeout: connectTimeoutMs,
    commandTimeout: commandTimeoutMs,
    maxRetriesPerRequest: 0,
    retryStrategy: (times) => Math.min(100 * 2 ** Math.min(times, 6), 3_000),
  });
  // Commands are told of it; without a listener it would be printed.
  redis.on('error', (error: Error) => (last = error));
  return {
    redis,
    failure(cause) {
      const said = cause instanceof Error && !/max retries|Connection is closed/i.test(cause.message) ? cause.message : (last?.message ?? String(cause));
      const message = said === '' ? String((last as NodeJS.ErrnoException | undefined)?.code ?? 'no answer') : said;
      return new HeadraceError('HR_FEATURE_STORE', `Redis at ${host}:${port}: ${message}.`, { cause });
    },
    async close() {
      redis.disconnect();
    },
  };
}
