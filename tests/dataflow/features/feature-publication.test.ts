/*
 * What a store outside holds in the end is what look-ups in the state say, entity by entity: through outages of the store, losses of what it had, and restarts of the run.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { embeddedFeatures } from '../../../connectors/embedded/embedded-features.js';
import { count, sum } from '../../../dataflow/aggregates/index.js';
import { features, type FeatureSet, lookUpTime } from '../../../dataflow/features/features.js';
import { featuresAt, noTiles } from '../../../dataflow/features/feature-values.js';
import { unpackEntity } from '../../../dataflow/features/packed-entity.js';
import { pipeline } from '../../../dataflow/pipeline.js';
import { notePrefix } from '../../../dataflow/features/publication-notes.js';
import { topic } from '../../../dataflow/topic.js';
import { tiles } from '../../../operators/tiles.js';
import { toFeatureStore } from '../../../operators/to-feature-store.js';
import { type MemoryRuntime, runPipeline, virtualClock } from '../../../runners/testing/index.js';
import { type Fate, type ModelFeatureStore, modelFeatureStore } from './model-feature-store.js';

const plays = topic('plays', { key: 'user', time: 'time', value: { user: 'string', genre: 'string', ms: 'double', time: 'timestamp' } });
const listening = features('listening', { of: plays, key: plays.user, windows: ['15m', '2h', '24h', '48h'], values: { plays: count().by(plays.genre), ms: sum(plays.ms) } });
const job = pipeline('listening', ({ from }) => from(plays, { disorder: '10m' }).pipe(tiles(listening), toFeatureStore(listening)));

const start = 1_767_571_200_000;
const hourMs = 3_600_000;
const play = (user: string, hours: number) => ({ user, genre: 'jazz', ms: 3, time: start + hours * hourMs });
const someEvents = fc.array(fc.record({ user: fc.integer({ min: 0, max: 8 }), genre: fc.constantFrom('jazz', 'rock'), minute: fc.integer({ min: 0, max: 3_000 }), ms: fc.integer({ min: 0, max: 1_000 }) }), { minLength: 1, maxLength: 60 });
const inputsOf = (events: readonly { readonly user: number; readonly genre: string; readonly minute: number; readonly ms: number }[]) => ({
  plays: [...events].sort((a, b) => a.minute - b.minute).map(({ user, genre, minute, ms }) => ({ user: `u${user}`, genre, ms, time: start + minute * 60_000 })),
});
const someFates = fc.array(fc.constantFrom<Fate>('done', 'done', 'down', 'no answer', 'begun'), { maxLength: 20 });

/** A store whose first requests have these fates; what it has of an entity never gets older. */
function flakyStore(fates: readonly Fate[] = []): ModelFeatureStore {
  let requests = 0;
  const store = modelFeatureStore(
    () => fates[requests++] ?? 'done',
    (entities, { epoch }) => {
      for (const { entity } of entities) expect(epoch).toBeGreaterThanOrEqual(store.contents.values.get(Buffer.from(entity).toString())?.epoch ?? 0);
    },
  );
  return store;
}

/** The store has what look-ups in the state say. @param isWhole also of entities that no window has anything of any more */
function expectSame({ contents: { values, newest } }: ModelFeatureStore, { state }: MemoryRuntime, isWhole: boolean): void {
  const embedded = embeddedFeatures(state, 'listening');
  const users = [...embedded.entities(listening)];
  if (isWhole) expect([...values.keys()].sort()).toEqual(users);
  expect(lookUpTime(newest)).toBe(embedded.newest(listening));
  for (const user of users) {
    const known = values.get(user);
    const its = known === undefined ? noTiles : unpackEntity(listening, known.value)!;
    expect(featuresAt(listening as unknown as FeatureSet, its, lookUpTime(newest)), user).toEqual(embedded.get(listening, user).features);
  }
}

test('the store has what look-ups say, through outages and restarts', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        events: someEvents,
        partitions: fc.integer({ min: 1, max: 3 }),
        stepRows: fc.integer({ min: 1, max: 30 }),
        commitMs: fc.constantFrom(0, 1_000),
        restarts: fc.option(fc.record({ seed: fc.nat(), share: fc.constantFrom(0.2, 0.5) }), { nil: undefined }),
        fates: someFates,
      }),
      async ({ events, partitions, stepRows, commitMs, restarts, fates }) => {
        const store = flakyStore(fates);
        const { runtime, metric } = await runPipeline(job, { inputs: inputsOf(events), partitions, stepRows, commitMs, publisher: store.publisher, clock: virtualClock(), ...(restarts === undefined ? {} : { restarts }) });
        expectSame(store, runtime, true);
        // Nothing waits any more, and nothing was taken for lost.
        expect([...runtime.state.range('listening', 'features-listening', Buffer.of(notePrefix), Buffer.of(notePrefix + 1))]).toEqual([]);
        if (restarts === undefined) expect(metric('headrace_features_republished_total')).toBe(0);
      },
    ),
    { numRuns: 60 },
  );
});

test('a store that loses what it had gets all of it again, from a run that has nothing else to publish', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        runs: fc.array(someEvents, { minLength: 1, maxLength: 3 }),
        partitions: fc.integer({ min: 1, max: 3 }),
        restarts: fc.option(fc.record({ seed: fc.nat(), share: fc.constantFrom(0.2, 0.5) }), { nil: undefined }),
        fates: someFates,
        disasters: fc.array(fc.record({ at: fc.nat(40), to: fc.option(fc.nat(), { nil: undefined }) }), { minLength: 1, maxLength: 4 }),
      }),
      async ({ runs, partitions, restarts, fates, disasters }) => {
        const store = flakyStore(fates);
        let runtime: MemoryRuntime | undefined;
        let waits = 0;
        for (const [i, events] of runs.entries()) {
          const clock = virtualClock();
          const until = i === runs.length - 1 ? 100 : waits + 15;
          const run = await runPipeline(job, {
            ...{ inputs: inputsOf(events), partitions, stepRows: 7, commitMs: 0, publisher: store.publisher, clock, bounded: false, ...(restarts === undefined ? {} : { restarts }) },
            async onWait() {
              waits += 1;
              for (const { at, to } of disasters) {
                if (at !== waits) continue;
                if (to === undefined) store.empty();
                else store.goBack(to);
              }
              await clock.wait(1_000);
              return waits < until;
            },
            ...(runtime === undefined ? {} : { runtime }),
          });
          runtime = run.runtime;
        }
        expectSame(store, runtime!, false);
      },
    ),
    { numRuns: 80 },
  );
});

/** A run that is there for `seconds` beyond what it has to do. @param at what happens in which second */
async function liveRun(store: ModelFeatureStore, seconds: number, at: Readonly<Record<number, () => void>>, more: { readonly inputs?: { readonly plays: readonly unknown[] }; readonly partitions?: number; readonly runtime?: MemoryRuntime } = {}) {
  const clock = virtualClock();
  let second = 0;
  return runPipeline(job, {
    ...{ publisher: store.publisher, clock, bounded: false, commitMs: 0 },
    ...more,
    async onWait() {
      at[++second]?.();
      await clock.wait(1_000);
      return second < seconds;
    },
  });
}

test('it tells once for all tasks when the store has lost something and when it has all again, and how much that was', async () => {
  const store = flakyStore();
  const inputs = { plays: Array.from({ length: 20 }, (_, i) => play(`u${i}`, i)) };
  const { warnings, metric } = await liveRun(store, 40, { 10: () => store.empty(), 25: () => store.goBack(2) }, { inputs, partitions: 3 });
  const lost = 'The feature store has lost what was published of listening, or never had it: all its entities are published again, beside those that change.';
  expect(warnings).toEqual([lost, 'The feature store has all of listening again: 20 entities were published again.', lost, expect.stringMatching(/^The feature store has all of listening again: [1-9]/)]);
  expect(metric('headrace_features_republished_total', 'features-listening')).toBe(20 + Number(/\d+/.exec(warnings[3]!)![0]));
});

test('an idle run asks the store now and then, with one small request', async () => {
  let requests = 0;
  const store = modelFeatureStore(() => 'done', (entities) => void (requests += entities.length === 0 ? 1 : 0));
  await liveRun(store, 60, {}, { inputs: { plays: [play('u1', 0)] } });
  expect(requests).toBeGreaterThanOrEqual(10);
  expect(requests).toBeLessThanOrEqual(13);
});

test('what is published again lives as long as it would have, and what no window has is left out', async () => {
  const store = flakyStore();
  const fullMs = 49 * hourMs;
  await liveRun(store, 20, { 8: () => { store.empty(); store.published.length = 0; } }, { inputs: { plays: [play('gone', 0), play('old', 10), play('late', 45.5), play('new', 60)] } });
  const ttlOf = Object.fromEntries(store.published.map(({ entity, ttlMs }) => [Buffer.from(entity).toString(), ttlMs]));
  expect(ttlOf).toEqual({ late: fullMs - 14 * hourMs, new: fullMs });
});

test('what changed in a run without a store outside is published by the next one with it', async () => {
  const store = flakyStore();
  const { runtime } = await runPipeline(job, { inputs: { plays: [play('u1', 0), play('u2', 0)] }, publisher: store.publisher });
  await runPipeline(job, { inputs: { plays: [play('u1', 1)] }, runtime });
  await liveRun(store, 10, {}, { runtime });
  expectSame(store, runtime, true);
});

test('a store that is new to the state gets all of it, and another one later', async () => {
  const { runtime } = await runPipeline(job, { inputs: { plays: [play('u1', 0), play('', 0), play('nul \0', 1)] } });
  for (const store of [flakyStore(), flakyStore()]) {
    const { metric } = await liveRun(store, 10, {}, { runtime });
    expectSame(store, runtime, true);
    expect(metric('headrace_features_republished_total')).toBe(3);
    // It has all: a run after that one publishes nothing.
    const again = await liveRun(store, 10, {}, { runtime });
    expect(again.metric('headrace_features_republished_total')).toBe(0);
  }
});

test('a value of another layout is not taken for one', async () => {
  const store = flakyStore();
  await runPipeline(job, { inputs: { plays: [play('u1', 0)] }, publisher: store.publisher });
  const changed = features('listening', { of: plays, key: plays.user, windows: ['15m'], values: { plays: count() } });
  expect(unpackEntity(changed, store.contents.values.get('u1')!.value)).toBeUndefined();
});
