import type { FeaturePublisher } from '../../dataflow/ports/feature-publisher.js';
import { entityPrefix, newestKey } from './redis-keys.js';
import { redisConnection } from './redis-connection.js';
import type { RedisSettings } from './redis-settings.js';

/**
 * Sets values unless later ones are there: the first 8 bytes are the epoch, or the event time, as a big-endian number, which compare as text. One call for many costs both sides a fraction of a call each, and values in one argument
 * half as much to the client as one each.
 * KEYS: the keys. ARGV: the stamp of all, their time to live in ms, the lengths of the values as u32, and the values one after the other.
 */
const setIfNewer = `
local stamp, ttl, lengths, values = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local from = 1
for i, key in ipairs(KEYS) do
  local to = from + struct.unpack('<I4', lengths, 4 * i - 3)
  local old = redis.call('GETRANGE', key, 0, 7)
  if #old < 8 or old <= stamp then redis.call('SET', key, stamp .. string.sub(values, from, to - 1), 'PX', ttl) end
  from = to
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
      const keys = entities.map(({ entity }) => {
        const key = Buffer.allocUnsafe(before.length + entity.length);
        key.set(before);
        key.set(entity, before.length);
        return key;
      });
      const commands = [
        ['setIfNewer', keys.length, ...keys, stamp, ttlMs, ...together(entities.map(({ value }) => value))],
        ['setIfNewer', 1, newestKey(settings.prefix, set), order, ttlMs, ...together([time])],
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

/** The lengths of values, and the values. */
function together(values: readonly Uint8Array[]): [Buffer, Buffer] {
  const lengths = Buffer.alloc(4 * values.length);
  values.forEach(({ length }, i) => lengths.writeUInt32LE(length, 4 * i));
  return [lengths, Buffer.concat(values)];
}
