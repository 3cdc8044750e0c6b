import type { FeaturePublisher } from '../../dataflow/ports/feature-publisher.js';
import { entityPrefix, newestKey } from './redis-keys.js';
import { redisConnection } from './redis-connection.js';
import type { RedisSettings } from './redis-settings.js';

/**
 * Sets values unless later ones are there: the first 8 bytes are the epoch, or the event time, as a big-endian number, which compare as text. One call for many costs both sides a fraction of a call each.
 * KEYS: the keys. ARGV: the stamp of all, then for each key its value and time to live in ms.
 */
const setIfNewer = `
local stamp = ARGV[1]
for i, key in ipairs(KEYS) do
  local old = redis.call('GETRANGE', key, 0, 7)
  if #old < 8 or old <= stamp then redis.call('SET', key, stamp .. ARGV[2 * i], 'PX', ARGV[2 * i + 1]) end
end
`;

/** Publishes features to Redis: one packed value an entity, which lives as long as the longest window; one round trip a batch. */
export function redisPublisher(settings: RedisSettings): FeaturePublisher {
  const connection = redisConnection(settings);
  const { redis } = connection;
  redis.defineCommand('setIfNewer', { lua: setIfNewer });
  return {
    async publish(entities, { epoch, set, newest, ttlMs }) {
      const stamp = Buffer.alloc(8);
      stamp.writeBigUInt64BE(BigInt(epoch));
      // Each task tells its own: the newest of all stays. Offset, so that times order as bytes.
      const order = Buffer.alloc(8);
      order.writeBigUInt64BE(BigInt(newest) + (1n << 63n));
      const time = Buffer.alloc(8);
      time.writeDoubleLE(newest);
      const before = Buffer.from(entityPrefix(settings.prefix, set));
      const keys = entities.map(({ entity }) => Buffer.concat([before, entity]));
      const values = entities.flatMap(({ value, ttlMs: ttl }) => [asBuffer(value), ttl]);
      const commands = [
        ['setIfNewer', keys.length, ...keys, stamp, ...values],
        ['setIfNewer', 1, newestKey(settings.prefix, set), order, time, ttlMs],
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

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
