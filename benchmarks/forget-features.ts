import { redisConnection } from '../connectors/redis/redis-connection.js';
import type { RedisSettings } from '../connectors/redis/redis-settings.js';

/** Takes out of Redis what was published for a measurement: all keys with its prefix. */
export async function forgetFeatures(settings: RedisSettings): Promise<void> {
  const { redis, close } = redisConnection(settings);
  for await (const keys of redis.scanStream({ match: `${settings.prefix}*`, count: 1_000 }) as AsyncIterable<string[]>) if (keys.length > 0) await redis.unlink(keys);
  await close();
}
