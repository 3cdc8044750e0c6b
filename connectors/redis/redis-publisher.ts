import type { FeaturePublisher, FoundMark } from '../../dataflow/ports/feature-publisher.js';
import { redisConnection } from './redis-connection.js';
import { entityPrefix, markKey, newestKey } from './redis-keys.js';
import type { RedisSettings } from './redis-settings.js';

/**
 * Sets values unless later ones are there: the first 8 bytes are the epoch, or the event time, as a big-endian number, which compare as text. One call for many costs both sides a fraction of a call each, and values in one argument
 * half as much to the client as one each.
 * KEYS: the keys. ARGV: the stamp of all, for each value its length and its time to live in ms as u32, and the values one after the other.
 */
const setIfNewer = `
local stamp, heads, values = ARGV[1], ARGV[2], ARGV[3]
local from = 1
for i, key in ipairs(KEYS) do
  local length, ttl = struct.unpack('<I4I4', heads, 8 * i - 7)
  local old = redis.call('GETRANGE', key, 0, 7)
  if #old < 8 or old <= stamp then redis.call('SET', key, stamp .. string.sub(values, from, from + length - 1), 'PX', ttl) end
  from = from + length
end
`;

/**
 * Leaves a mark where the one is that has to be there, or a later one of its line.
 * KEYS: the mark. ARGV: line, term and batch of the mark to leave; its time to live in ms; term and batch that have to be there, or none.
 */
const leaveMark = `
local line, term, batch, ttl = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
if #ARGV > 4 then
  local leastTerm, leastBatch = tonumber(ARGV[5]), tonumber(ARGV[6])
  local found = redis.call('HMGET', KEYS[1], 'line', 'term', 'batch')
  if found[1] ~= line then return 'lost' end
  local foundTerm, foundBatch = tonumber(found[2]), tonumber(found[3])
  if foundTerm > term or (foundTerm == term and foundBatch >= batch) then return 'replaced' end
  if foundTerm < leastTerm or (foundTerm == leastTerm and foundBatch < leastBatch) then return 'lost' end
end
redis.call('HSET', KEYS[1], 'line', line, 'term', ARGV[2], 'batch', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ttl)
return 'kept'
`;

/** Publishes features to Redis: one packed value an entity, which lives as long as the longest window; one round trip a batch. */
export function redisPublisher(settings: RedisSettings): FeaturePublisher {
  const connection = redisConnection(settings);
  const { redis } = connection;
  redis.defineCommand('setIfNewer', { lua: setIfNewer });
  redis.defineCommand('leaveMark', { lua: leaveMark, numberOfKeys: 1 });
  return {
    async publish(entities, { epoch, set, task, newest, ttlMs, mark, least }) {
      const commands: (string | number | Buffer)[][] = [];
      if (entities.length > 0) {
        const stamp = Buffer.alloc(8);
        stamp.writeBigUInt64BE(BigInt(epoch));
        const before = Buffer.from(entityPrefix(settings.prefix, set));
        const keys = entities.map(({ entity }) => {
          const key = Buffer.allocUnsafe(before.length + entity.length);
          key.set(before);
          key.set(entity, before.length);
          return key;
        });
        commands.push(['setIfNewer', keys.length, ...keys, stamp, ...together(entities)]);
      }
      if (newest !== undefined) {
        // Each task tells its own: the newest of all stays. Offset, so that times order as bytes.
        const order = Buffer.alloc(8);
        order.writeBigUInt64BE(BigInt(newest) + (1n << 63n));
        const time = Buffer.alloc(8);
        time.writeDoubleLE(newest);
        commands.push(['setIfNewer', 1, newestKey(settings.prefix, set), order, ...together([{ value: time, ttlMs }])]);
      }
      // Last: of what a server writes down, or sends to a replica, it may lose the end, and with that the mark goes first.
      commands.push(['leaveMark', markKey(settings.prefix, set, task), mark.line, mark.term, mark.batch, ttlMs, ...(least === undefined ? [] : [least.term, least.batch])]);
      let answers;
      try {
        answers = await redis.pipeline(commands).exec();
      } catch (cause) {
        throw connection.failure(cause);
      }
      for (const [error] of answers ?? [[new Error('no answer')]]) if (error !== null && error !== undefined) throw connection.failure(error);
      return answers!.at(-1)![1] as FoundMark;
    },
    close: () => connection.close(),
  };
}

/** Lengths and times to live of values, and the values. */
function together(entries: readonly { readonly value: Uint8Array; readonly ttlMs: number }[]): [Buffer, Buffer] {
  const heads = Buffer.alloc(8 * entries.length);
  entries.forEach(({ value, ttlMs }, i) => heads.writeUInt32LE(ttlMs, heads.writeUInt32LE(value.length, 8 * i)));
  return [heads, Buffer.concat(entries.map(({ value }) => value))];
}
