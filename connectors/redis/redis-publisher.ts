import type { FeaturePublisher } from '../../dataflow/ports/feature-publisher.js';
import { entityKey, newestKey } from './redis-keys.js';
import { redisConnection } from './redis-connection.js';
import type { RedisSettings } from './redis-settings.js';

/**
 * Sets a value unless a later one is there: the first 8 bytes are the epoch, or the event time, as a big-endian number, which compare as text.
 * KEYS: the key. ARGV: stamp and value, time to live in ms.
 */
const setIfNewer = `
local old = redis.call('GETRANGE', KEYS[1], 0, 7)
if #old == 8 and old > string.sub(ARGV[1], 1, 8) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`;

/** Publishes features to Redis: one packed value an entity, which lives as long as the longest window; one round trip a batch. */
export function redisPublisher(settings: RedisSettings): FeaturePublisher {
  const connection = redisConnection(settings);
  const { redis } = connection;
  redis.defineCommand('setIfNewer', { numberOfKeys: 1, lua: setIfNewer });
  return {
    async publish(entities, { epoch, set, newest, ttlMs }) {
      const stamp = Buffer.alloc(8);
      stamp.writeBigUInt64BE(BigInt(epoch));
      // Each task tells its own: the newest of all stays. Offset, so that times order as bytes.
      const time = Buffer.alloc(16);
      time.writeBigUInt64BE(BigInt(newest) + (1n << 63n));
      time.writeDoubleLE(newest, 8);
      const commands: [string, ...(string | number | Buffer)[]][] = [
        ...entities.map(({ entity, value, ttlMs: ttl }): [string, Buffer, Buffer, number] => ['setIfNewer', entityKey(settings.prefix, set, entity), Buffer.concat([stamp, value]), ttl]),
        ['setIfNewer', newestKey(settings.prefix, set), time, ttlMs],
      ];
      let answers;
      try {
        answers = await redis.pipeline(commands).exec();
      } catch (cause) {
        throw connection.failure(cause);
      }
      for (const [error] of answers ?? [[new Error('no answer')]]) if (error !== null && error !== undefined) throw connection.failure(error);
    },
    close: () => connection.close(),
  };
}
