import type { RedisSettings } from '../connectors/redis/redis-settings.js';
import type { FeaturePublisher } from '../dataflow/ports/feature-publisher.js';

/** What brings features to Redis. Its library is loaded only by who uses it. */
export async function openPublisher(settings: RedisSettings): Promise<FeaturePublisher> {
  const { redisPublisher } = await import('../connectors/redis/redis-publisher.js');
  return redisPublisher(settings);
}
