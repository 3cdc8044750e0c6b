import { HeadraceError } from '../../dataflow/errors.js';
import { type FeatureSet, lookUpTime } from '../../dataflow/features/features.js';
import { type EntityTiles, featuresAt, featuresJson, noTiles } from '../../dataflow/features/feature-values.js';
import { unpackEntity } from '../../dataflow/features/packed-entity.js';
import type { FeatureReader } from '../../dataflow/ports/feature-reader.js';
import type { FeatureAnswer } from '../../dataflow/ports/feature-store.js';
import { maxKeyBytes } from '../../dataflow/ports/state-backend.js';
import { storedEntity } from '../../dataflow/state/state-table.js';
import { redisConnection } from './redis-connection.js';
import { entityPrefix, newestKey } from './redis-keys.js';
import type { RedisSettings } from './redis-settings.js';

/** Bytes of the epoch in front of every value. */
const stampBytes = 8;
/** Entities of so many characters are surely named by themselves. */
const shortEntity = maxKeyBytes / 8;

/** Reads features that `toFeatureStore` has published to Redis. */
export function redisFeatures(settings: RedisSettings): FeatureReader {
  const connection = redisConnection(settings);
  const read = async <F>(set: FeatureSet, entities: readonly string[], featuresOf: (set: FeatureSet, tiles: EntityTiles, at: number) => F): Promise<FeatureAnswer<F>[]> => {
    const before = entityPrefix(settings.prefix, set.name);
    // As texts: where one key is bytes, the client puts the command together piece by piece.
    const keys = [newestKey(settings.prefix, set.name), ...entities.map((entity) => (entity.length <= shortEntity ? before + entity : Buffer.concat([Buffer.from(before), storedEntity(Buffer.from(entity))])))];
    let found: (Buffer | null)[];
    try {
      found = await connection.redis.mgetBuffer(keys);
    } catch (cause) {
      throw connection.failure(cause);
    }
    const [newest, ...values] = found;
    if (newest === null || newest === undefined) {
      throw new HeadraceError('HR_FEATURE', `No run has published the features "${set.name}" to Redis at ${settings.host}:${settings.port} with the prefix "${settings.prefix}", or none within its longest window.`, {
        remedy: 'Run its pipeline with these REDIS_ variables set: what it computes from then on is published. Without REDIS_URL look-ups read the state.',
      });
    }
    const newestEvent = newest.readDoubleLE(stampBytes);
    const at = lookUpTime(newestEvent);
    return entities.map((entity, i) => {
      const packed = values[i];
      const tiles = packed === null || packed === undefined ? noTiles : unpackEntity(set, packed, stampBytes);
      if (tiles === undefined) throw new HeadraceError('HR_FEATURE', `The published features of ${set.name} ${entity} belong to other values than the set declares.`);
      return { entity, at, newestEvent, features: featuresOf(set, tiles, at) };
    });
  };
  return {
    get: (set, entities) => read(set as unknown as FeatureSet, entities, featuresAt),
    getJson: (set, entities) => read(set as unknown as FeatureSet, entities, featuresJson),
    close: () => connection.close(),
  };
}
