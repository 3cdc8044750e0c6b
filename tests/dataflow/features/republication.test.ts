/*
 * Owners of a task come one after the other, those before live on for a while, the store is away, is emptied, or goes back to any moment of its past; in the end the last owner has brought all there is to it.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { count } from '../../../dataflow/aggregates/index.js';
import { entityBytes, bytesName, createStateTable, type StateTable } from '../../../dataflow/state/state-table.js';
import { features, type FeatureSet, hourKey } from '../../../dataflow/features/features.js';
import { createRepublication, entitiesAfter } from '../../../dataflow/features/republication.js';
import { topic } from '../../../dataflow/topic.js';
import { memoryRuntime } from '../../../runners/testing/memory-runtime.js';
import { type Fate, modelFeatureStore } from './model-feature-store.js';

const plays = topic('plays', { key: 'user', time: 'time', value: { user: 'string', time: 'timestamp' } });
const set = features('listening', { of: plays, key: plays.user, windows: ['1h'], values: { plays: count() } }) as unknown as FeatureSet;
const nameOf = (user: number) => bytesName(entityBytes(Buffer.from(`u${user}`)).subarray(0, -2));

/** What an epoch leaves: the version of each entity, those that no owner knows to be published, and what is written down beside. */
interface Epoch {
  readonly epoch: number;
  readonly versions: ReadonlyMap<string, number>;
  readonly notes: ReadonlySet<string>;
  readonly table: ReadonlyMap<string, Uint8Array>;
}

function world(fate: () => Fate) {
  let last: Epoch = { epoch: 0, versions: new Map(), notes: new Set(), table: new Map() };
  const store = modelFeatureStore(fate);
  let lines = 0;
  let incidents = 0;
  /** @param from number of the epoch before its first one, where it is not the last one's */
  const owner = (from = last.epoch) => {
    let mine = { ...last, epoch: from };
    const written = new Map(last.table);
    const table = {
      get: (key: Uint8Array) => written.get(bytesName(key)),
      put: (key: Uint8Array, value: Uint8Array) => void written.set(bytesName(key), value),
      delete: (key: Uint8Array) => void written.delete(bytesName(key)),
    } as unknown as StateTable;
    const tiles = { committed: (from: Uint8Array, to: Uint8Array) => [...mine.versions.keys()].sort().map((name) => ({ key: hourKey(Buffer.from(name, 'latin1'), 0), value: Buffer.of() })).filter(({ key }) => Buffer.compare(key, from) >= 0 && Buffer.compare(key, to) < 0) } as unknown as StateTable;
    const republication = createRepublication({ ...{ set, tiles, table, task: 0, tasks: 1 }, uniqueName: () => `line ${lines++}`, onLost: () => void (incidents += 1), onWhole: () => undefined });
    const waiting = new Set(last.notes);
    const published = new Set<string>();
    return {
      get isQuiet() {
        return waiting.size === 0 && !republication.isGoingOn;
      },
      /** Commits an epoch that changes these. */
      commit(users: readonly number[]) {
        const versions = new Map(mine.versions);
        for (const user of users) versions.set(nameOf(user), mine.epoch + 1);
        const notes = new Set([...mine.notes, ...waiting].filter((name) => !published.has(name) || waiting.has(name)));
        for (const user of users) notes.add(nameOf(user));
        published.clear();
        republication.mark();
        mine = last = { epoch: mine.epoch + 1, versions, notes, table: new Map(written) };
        for (const user of users) waiting.add(nameOf(user));
        republication.begin(mine.epoch);
      },
      async publish() {
        const some = [...waiting].slice(0, 2);
        const { names, mark, least } = republication.next(2);
        const entities = [...some, ...names].map((name) => ({ entity: Buffer.from(name, 'latin1'), value: Buffer.from(String(mine.versions.get(name))), ttlMs: 1 }));
        try {
          const found = await store.publisher.publish(entities, { epoch: mine.epoch, set: set.name, task: 0, newest: undefined, ttlMs: 1, mark, least });
          republication.settle(found, names.length);
          for (const name of some) {
            waiting.delete(name);
            published.add(name);
          }
        } catch {
          // it is tried again
        }
      },
    };
  };
  return { store, owner, versions: () => last.versions, incidents: () => incidents };
}

const step = fc.oneof(
  fc.record({ do: fc.constant('commit' as const), users: fc.array(fc.nat(5), { maxLength: 3 }) }),
  fc.record({ do: fc.constant('publish' as const) }),
  fc.record({ do: fc.constant('publish' as const) }),
  fc.record({ do: fc.constant('old owner publishes' as const), which: fc.nat() }),
  fc.record({ do: fc.constant('takeover' as const) }),
  fc.record({ do: fc.constant('empty' as const) }),
  fc.record({ do: fc.constant('go back' as const), to: fc.nat() }),
);
const someFates = fc.infiniteStream(fc.constantFrom<Fate>('done', 'done', 'done', 'down', 'no answer', 'begun'));

test('whatever befalls the store and the owners, the last owner brings all to it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30, size: 'max' }), someFates, async (steps, fates) => {
      let isOver = false;
      const { store, owner, versions } = world(() => (isOver ? 'done' : fates.next().value));
      const owners = [owner()];
      owners[0]!.commit([0, 1, 2, 3]);
      for (const now of steps) {
        const current = owners.at(-1)!;
        if (now.do === 'commit') current.commit(now.users);
        else if (now.do === 'publish') await current.publish();
        else if (now.do === 'old owner publishes') await owners[now.which % owners.length]!.publish();
        else if (now.do === 'empty') store.empty();
        else if (now.do === 'go back') store.goBack(now.to);
        else {
          owners.push(owner());
          owners.at(-1)!.commit([]);
        }
      }
      isOver = true;
      const current = owners.at(-1)!;
      await current.publish();
      for (let n = 0; !current.isQuiet; n++) {
        expect(n).toBeLessThan(40);
        await current.publish();
      }
      expect(new Map([...store.contents.values].map(([name, { value }]) => [name, Number(Buffer.from(value).toString())]))).toEqual(versions());
    }),
    { numRuns: 3_000 },
  );
});

test('nothing is published again when tasks move and requests fail', async () => {
  const quiet = fc.oneof(
    fc.record({ do: fc.constant('commit' as const), users: fc.array(fc.nat(5), { maxLength: 3 }) }),
    fc.record({ do: fc.constant('publish' as const) }),
    fc.record({ do: fc.constant('old owner publishes' as const), which: fc.nat() }),
    fc.record({ do: fc.constant('takeover' as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(quiet, { maxLength: 40, size: 'max' }), someFates, async (steps, fates) => {
      const { owner, incidents } = world(() => fates.next().value);
      const owners = [owner()];
      owners[0]!.commit([0, 1]);
      for (let i = 0; i < 20; i++) await owners[0]!.publish();
      owners[0]!.commit([]);
      for (const now of steps) {
        if (now.do === 'commit') owners.at(-1)!.commit(now.users);
        else if (now.do === 'publish') await owners.at(-1)!.publish();
        else if (now.do === 'old owner publishes') await owners[now.which % owners.length]!.publish();
        else {
          owners.push(owner());
          owners.at(-1)!.commit([]);
        }
      }
      expect(incidents()).toBe(0);
    }),
    { numRuns: 1_000 },
  );
});

test('state of another history, whose epochs are not behind those that it tells of, has all published again', async () => {
  const { owner, incidents, store } = world(() => 'done');
  const first = owner();
  for (let i = 0; i < 5; i++) first.commit([i]);
  await first.publish();
  first.commit([]);
  const second = owner();
  second.commit([]);
  for (let i = 0; i < 5; i++) await second.publish();
  second.commit([]);
  expect(incidents()).toBe(0);
  const planted = owner(1);
  planted.commit([]);
  expect(incidents()).toBe(1);
  store.empty();
  for (let i = 0; i < 5; i++) await planted.publish();
  expect(store.contents.values.size).toBe(5);
});

test('entities are gone through in pieces, each once, whatever bytes their names have', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes.map((b) => b % 3)).toString('latin1')), { maxLength: 20 }), fc.integer({ min: 1, max: 5 }), (texts, most) => {
      const runtime = memoryRuntime();
      const write = (entity: Buffer, hour: number) => ({ task: 0, step: 'tiles-listening', key: hourKey(entity, hour * 3_600_000), value: Buffer.of(1) });
      runtime.writeState('p', texts.flatMap((text) => [1, -5, 700_000].map((hour) => write(Buffer.from(text, 'latin1'), hour))));
      const tiles = createStateTable(runtime.state, 'p', 'tiles-listening');
      const found: string[] = [];
      for (let after: string | undefined, piece: string[] = []; ; after = piece.at(-1)) {
        piece = entitiesAfter(tiles, after, most);
        found.push(...piece);
        if (piece.length < most) break;
      }
      const names = texts.map((text) => bytesName(entityBytes(Buffer.from(text, 'latin1')).subarray(0, -2)));
      expect(found).toEqual(names.sort((a, b) => (`${a}\0\0` < `${b}\0\0` ? -1 : 1)));
    }),
    { numRuns: 300 },
  );
});
