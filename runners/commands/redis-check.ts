import type { Call } from './command.js';
import type { Finding } from './doctor.js';

/** Redis, where the environment names it: whether it answers and takes what is published. */
export async function redis({ redis: settings }: Call): Promise<Finding[]> {
  if (settings === undefined) return [];
  const { redisConnection } = await import('../../connectors/redis/redis-connection.js');
  const connection = redisConnection(settings);
  const key = `${settings.prefix}doctor`;
  try {
    await connection.redis.set(key, '1', 'PX', 1_000);
    const used = /maxmemory_policy:(\S+)/.exec(await connection.redis.info('memory'))?.[1];
    const at = `Redis at ${settings.host}:${settings.port}`;
    if (used !== undefined && used !== 'noeviction' && used.startsWith('allkeys')) {
      return [{ check: 'redis', status: 'warn', detail: `${at} forgets keys when its memory is full (${used})`, remedy: 'Features that it forgets come back with their next event only: give it enough memory, or noeviction.' }];
    }
    return [{ check: 'redis', status: 'ok', detail: `${at} answers and can be written` }];
  } catch (cause) {
    throw connection.failure(cause);
  } finally {
    await connection.close();
  }
}
