/*
 * What a store outside holds in the end is what look-ups in the state say, entity by entity, through outages of the store and restarts of the run.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { embeddedFeatures } from '../../connectors/embedded/embedded-features.js';
import { count, sum } from '../../dataflow/aggregates/index.js';
import { HeadraceError } from '../../dataflow/errors.js';
import { features, type FeatureSet, lookUpTime } from '../../dataflow/features.js';
import { featuresAt } from '../../dataflow/feature-values.js';
import { unpackEntity } from '../../dataflow/packed-entity.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { notePrefix } from '../../dataflow/publication-notes.js';
import type { FeaturePublisher } from '../../dataflow/ports/feature-publisher.js';
import { topic } from '../../dataflow/topic.js';
import { tiles } from '../../operators/tiles.js';
import { toFeatureStore } from '../../operators/to-feature-store.js';
import { runPipeline, virtualClock } from '../../runners/testing/index.js';

const plays = topic('plays', { key: 'user', time: 'time', value: { user: 'string', genre: 'string', ms: 'double', time: 'timestamp' } });
const listening = features('listening', { of: plays, key: plays.user, windows: ['15m', '2h', '24h', '48h'], values: { plays: count().by(plays.genre), ms: sum(plays.ms) } });
const job = pipeline('listening', ({ from }) => from(plays, { disorder: '10m' }).pipe(tiles(listening), toFeatureStore(listening)));

/** A store in memory that is down for some of the calls. */
function flakyStore(isUp: () => boolean) {
  const values = new Map<string, { readonly epoch: number; readonly value: Uint8Array }>();
  let newest = Number.NEGATIVE_INFINITY;
  const publisher: FeaturePublisher = {
    async publish(entities, at) {
      if (!isUp()) throw new HeadraceError('HR_FEATURE_STORE', 'It is down.');
      for (const { entity, value } of entities) {
        const name = Buffer.from(entity).toString();
        expect(at.epoch).toBeGreaterThanOrEqual(values.get(name)?.epoch ?? 0);
        values.set(name, { epoch: at.epoch, value });
      }
      newest = Math.max(newest, at.newest);
    },
    close: async () => undefined,
  };
  return { publisher, values, newest: () => newest };
}

test('the store has what look-ups say, through outages and restarts', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        events: fc.array(fc.record({ user: fc.integer({ min: 0, max: 8 }), genre: fc.constantFrom('jazz', 'rock'), minute: fc.integer({ min: 0, max: 3_000 }), ms: fc.integer({ min: 0, max: 1_000 }) }), { minLength: 1, maxLength: 60 }),
        partitions: fc.integer({ min: 1, max: 3 }),
        stepRows: fc.integer({ min: 1, max: 30 }),
        commitMs: fc.constantFrom(0, 1_000),
        restarts: fc.option(fc.record({ seed: fc.nat(), share: fc.constantFrom(0.2, 0.5) }), { nil: undefined }),
        up: fc.infiniteStream(fc.boolean()),
      }),
      async ({ events, partitions, stepRows, commitMs, restarts, up }) => {
        const store = flakyStore(() => up.next().value);
        const inputs = { plays: [...events].sort((a, b) => a.minute - b.minute).map(({ user, genre, minute, ms }) => ({ user: `u${user}`, genre, ms, time: 1_767_571_200_000 + minute * 60_000 })) };
        const { runtime } = await runPipeline(job, { inputs, partitions, stepRows, commitMs, publisher: store.publisher, clock: virtualClock(), ...(restarts === undefined ? {} : { restarts }) });
        const embedded = embeddedFeatures(runtime.state, 'listening');
        const users = [...embedded.entities(listening)];
        expect([...store.values.keys()].sort()).toEqual(users);
        expect(lookUpTime(store.newest())).toBe(embedded.newest(listening));
        for (const user of users) {
          const unpacked = unpackEntity(listening, store.values.get(user)!.value)!;
          expect(featuresAt(listening as unknown as FeatureSet, unpacked, lookUpTime(store.newest()))).toEqual(embedded.get(listening, user).features);
        }
        // Nothing waits any more.
        expect([...runtime.state.range('listening', 'features-listening', Buffer.of(notePrefix), Buffer.of(notePrefix + 1))]).toEqual([]);
      },
    ),
    { numRuns: 60 },
  );
});

test('a value of another layout is not taken for one', async () => {
  const store = flakyStore(() => true);
  await runPipeline(job, { inputs: { plays: [{ user: 'u1', genre: 'jazz', ms: 3, time: 1_767_571_200_000 }] }, publisher: store.publisher });
  const changed = features('listening', { of: plays, key: plays.user, windows: ['15m'], values: { plays: count() } });
  expect(unpackEntity(changed, store.values.get('u1')!.value)).toBeUndefined();
});
