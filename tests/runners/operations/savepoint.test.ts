/*
 * A savepoint is taken on one runtime and started from on another; the judge is the run that was never interrupted.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openEmbedded } from '../../../connectors/embedded/embedded-runtime.js';
import { openKafka } from '../../../connectors/kafka/kafka-runtime.js';
import { kafkaSettings } from '../../../connectors/kafka/kafka-settings.js';
import { count, last, sum } from '../../../dataflow/aggregates/index.js';
import { openTopicEncoder } from '../../../dataflow/topic-encoder.js';
import { keyBy, latest, pipeline, process, to, topic, window } from '../../../index.js';
import type { Runtime } from '../../../runners/engine/job.js';
import type { OpenRuntime } from '../../../runners/open-runtime.js';
import { openSavepoint } from '../../../runners/operations/savepoint-file.js';
import { routeWrite } from '../../../runners/engine/route-state.js';
import { startSavepoint, takeSavepoint } from '../../../runners/operations/savepoint.js';
import { runEmbedded } from '../../../runners/run-embedded.js';
import { runOnKafka } from '../../../runners/run-on-kafka.js';
import { memoryRuntime } from '../../../runners/testing/memory-runtime.js';
import { topicRecords } from '../../../runners/testing/topic-records.js';
import { temporaryDirectory } from '../../connectors/embedded/temporary-directory.js';
import { deleteTopics } from '../../connectors/kafka/delete-topics.js';
import { kafkaBrokers } from '../../services/kafka-brokers.js';

const name = 'savepoint-job';
const views = topic(`${name}-views`, { key: 'user', time: 'time', value: { user: 'string', item: 'string', ms: 'int', time: 'timestamp' } });
const counts = topic(`${name}-counts`, { key: 'user', value: { user: 'string', n: 'int', ms: 'long', item: 'string', windowEnd: 'timestamp' } });
const newest = topic(`${name}-newest`, { key: 'user', value: { user: 'string', item: 'string', ms: 'int', time: 'timestamp' } });
const gaps = topic(`${name}-gaps`, { key: 'user', value: { user: 'string', gap: 'long' } });
const outputs = [counts, newest, gaps].map((_, i) => `${name}-${['counts', 'newest', 'gaps'][i]}`);

const job = pipeline(name, ({ from }) => {
  const byUser = from(views, { disorder: '2s', idleness: '1h' }).pipe(keyBy(views.user));
  return [
    byUser.pipe(window('per-ten', { every: '10s' }, { n: count(), ms: sum(views.ms), item: last(views.item) }), to(counts as never)),
    byUser.pipe(latest('newest'), to(newest)),
    byUser.pipe(
      process('gaps', {
        init: () => ({ seen: 0 }),
        onRecord(view: { user: string; time: number }, state: { seen: number }, { emit }: { emit(row: { user: string; gap: number }): void }) {
          if (state.seen > 0) emit({ user: view.user, gap: view.time - state.seen });
          state.seen = view.time;
        },
      }),
      to(gaps as never),
    ),
  ];
});

async function plant(runtime: Pick<Runtime, 'log' | 'registry'>, n: number, from = 0): Promise<void> {
  const encoder = await openTopicEncoder(views, { ...runtime, partitions: 2 });
  for (let i = from; i < from + n; i++) encoder.add({ user: `u${i % 16}`, item: `i${i % 7}`, ms: i, time: 1_700_000_000_000 + i * 500 - (i % 3) * 400 });
  await runtime.log.append(encoder.take());
}

/** A place where the job can run, and be looked at. */
interface Place {
  open(mode: 'read' | 'write'): Promise<OpenRuntime>;
  /** Runs live until all records are taken. */
  run(): Promise<void>;
}

const untilCaughtUp = () => {
  const over = new AbortController();
  return { abort: over.signal, commitMs: 1, wait: async () => over.abort() };
};

function embedded(dataDir = temporaryDirectory()): Place {
  return {
    open: async (mode) => openEmbedded({ dataDir, mode }),
    run: async () => void (await runEmbedded(job, { dataDir, ...untilCaughtUp() })),
  };
}

async function within<R>(place: Place, mode: 'read' | 'write', use: (runtime: OpenRuntime) => Promise<R>): Promise<R> {
  const runtime = await place.open(mode);
  try {
    return await use(runtime);
  } finally {
    await runtime.close();
  }
}

const take = (place: Place, path: string) => within(place, 'read', (runtime) => takeSavepoint(runtime, { pipeline: name, path, now: 1, version: 'test' }));
const start = (place: Place, path: string, replace = false) => within(place, 'write', (runtime) => startSavepoint(runtime, { path, replace }));

/** What the job has written, by topic; partitions apart, since the order is that of a partition. */
async function written(place: Place): Promise<unknown[]> {
  return within(place, 'read', async ({ log, registry }) => {
    const there = new Set((await log.topics()).map((t) => t.name));
    const all = [];
    for (const topic of outputs) {
      const records = there.has(topic) ? await topicRecords(log, registry, topic) : [];
      for (const partition of [0, 1]) all.push(records.filter((r) => r.partition === partition).map((r) => r.value));
    }
    return all;
  });
}

/** What a run that is never interrupted writes, up to record `cut`, and from there. */
async function oracle(cut: number, all: number): Promise<{ before: unknown[]; after: unknown[] }> {
  const place = embedded();
  await within(place, 'write', (runtime) => plant(runtime, cut));
  await place.run();
  const before = await written(place);
  await within(place, 'write', (runtime) => plant(runtime, all - cut, cut));
  await place.run();
  const after = (await written(place)).map((records, i) => (records as unknown[]).slice((before[i] as unknown[]).length));
  return { before, after };
}

test('embedded to embedded: the run goes on as if it had never been interrupted', async () => {
  const [from, to, path] = [embedded(), embedded(), join(temporaryDirectory(), 'job.savepoint')];
  await within(from, 'write', (runtime) => plant(runtime, 300));
  await from.run();
  const manifest = await take(from, path);
  expect(manifest).toMatchObject({ pipeline: name, tasks: 2, version: 'test', forms: { 'per-ten': { kind: 'window' }, newest: { kind: 'latest' }, gaps: { kind: 'process' } } });
  await within(to, 'write', (runtime) => plant(runtime, 500));
  await start(to, path);
  await to.run();
  const { after } = await oracle(300, 500);
  expect(after.every((records) => (records as unknown[]).length > 0)).toBe(true);
  expect(await written(to)).toEqual(after);
  // and from there on it is like any other pipeline
  await within(to, 'write', (runtime) => plant(runtime, 10, 500));
  await to.run();
});

test('while records are on their way from task to task there is none', async () => {
  const place = embedded();
  await within(place, 'write', (runtime) => plant(runtime, 20));
  await place.run();
  const [far, near] = [{ entry: 3, phase: 1, tick: 20 }, { entry: 3, phase: 1, tick: 10 }];
  const stages = [{ stage: 2, isLocal: false }];
  const route = async (drained: readonly (typeof far)[]) =>
    within(place, 'write', async ({ log }) => {
      const { epoch } = (await log.committed(name))!;
      const state = drained.map((at, task) => routeWrite(task, stages, { come: far, drained: [at], told: [[far, far]], readFrom: 7 }));
      await log.commit({ pipeline: name, epoch: epoch + 1, outputs: [], state, positions: [], journal: [] });
    });
  await route([far, near]);
  await expect(take(place, join(temporaryDirectory(), 'job.savepoint'))).rejects.toMatchObject({ code: 'HR_SAVEPOINT', message: expect.stringContaining('on their way') as unknown });
  await route([far, far]);
  const path = join(temporaryDirectory(), 'job.savepoint');
  await take(place, path);
  const elsewhere = embedded();
  await within(elsewhere, 'write', (runtime) => plant(runtime, 20));
  await start(elsewhere, path);
  expect(await within(elsewhere, 'read', async ({ state }) => state.steps(name))).not.toContain('~exchanges');
});

test('a savepoint of the same moment has the same id, and is the same when it is read again', async () => {
  const [from, to, home] = [embedded(), embedded(), temporaryDirectory()];
  for (const place of [from, to]) await within(place, 'write', (runtime) => plant(runtime, 100));
  await from.run();
  const [a, b] = [await take(from, join(home, 'a')), await take(from, join(home, 'b'))];
  expect(b.id).toBe(a.id);
  await start(to, join(home, 'a'));
  const again = await take(to, join(home, 'c'));
  expect(again.forms).toEqual(a.forms);
  expect(again.positions).toEqual(a.positions);
  const entries = (file: string) => [...openSavepoint(join(home, file)).entries()].filter((e) => !e.step.startsWith('~')).map((e) => `${e.step} ${Buffer.from(e.key).toString('hex')} ${Buffer.from(e.value).toString('hex')}`);
  expect(entries('c')).toEqual(entries('a'));
});

test('started over what has run: only with replace, and then it goes back to the savepoint', async () => {
  const [place, path] = [embedded(), join(temporaryDirectory(), 'job.savepoint')];
  await within(place, 'write', (runtime) => plant(runtime, 300));
  await place.run();
  await take(place, path);
  await within(place, 'write', (runtime) => plant(runtime, 200, 300));
  await place.run();
  const once = await written(place);
  await expect(start(place, path)).rejects.toMatchObject({ code: 'HR_SAVEPOINT', message: expect.stringContaining('has run here') as unknown });
  await place.run();
  expect(await written(place)).toEqual(once);
  await start(place, path, true);
  await place.run();
  const { after } = await oracle(300, 500);
  expect((await written(place)).map((records, i) => (records as unknown[]).slice((once[i] as unknown[]).length))).toEqual(after);
});

test('one that is interrupted while it is planted is refused by a run, and can be started again', async () => {
  const [from, path] = [embedded(), join(temporaryDirectory(), 'job.savepoint')];
  await within(from, 'write', (runtime) => plant(runtime, 300));
  await from.run();
  await take(from, path);
  const dataDir = temporaryDirectory();
  const to = embedded(dataDir);
  await within(to, 'write', (runtime) => plant(runtime, 500));
  // after the mark, and after the state but before the positions
  for (const stopAt of [1, 2]) {
    const interrupted = within(to, 'write', (runtime) => {
      let commits = 0;
      const log = { ...runtime.log, commit: async (epoch: never) => ((commits += 1) >= stopAt + 1 ? Promise.reject(new Error('pulled the plug')) : runtime.log.commit(epoch)) };
      return startSavepoint({ ...runtime, log }, { path });
    });
    await expect(interrupted).rejects.toThrow('pulled the plug');
    await expect(to.run()).rejects.toMatchObject({ code: 'HR_SAVEPOINT', message: expect.stringContaining('half planted') as unknown });
    await expect(take(to, join(dataDir, 'no'))).rejects.toMatchObject({ code: 'HR_SAVEPOINT' });
  }
  await start(to, path);
  await to.run();
  expect(await written(to)).toEqual((await oracle(300, 500)).after);
});

test('what does not fit is refused, and nothing is changed', async () => {
  const [from, home] = [embedded(), temporaryDirectory()];
  const path = join(home, 'job.savepoint');
  await expect(take(from, path)).rejects.toThrow();
  await within(from, 'write', (runtime) => plant(runtime, 200));
  await expect(take(from, path)).rejects.toMatchObject({ code: 'HR_SAVEPOINT', message: expect.stringContaining('committed nothing') as unknown });
  await from.run();
  await take(from, path);
  const refused = async (plantThere: (runtime: OpenRuntime) => Promise<void>, message: RegExp) => {
    const place = embedded();
    await within(place, 'write', plantThere);
    await expect(start(place, path)).rejects.toMatchObject({ code: 'HR_SAVEPOINT', message: expect.stringMatching(message) as unknown });
    expect(await within(place, 'read', ({ log }) => log.committed(name))).toBeUndefined();
  };
  await refused(async () => undefined, /which is not there/);
  await refused(({ log }) => log.createTopic(`${name}-views`, { partitions: 3 }), /which has 3 partitions/);
  await refused((runtime) => plant(runtime, 100), /the records before it are not there/);

  const bytes = readFileSync(path);
  const tryBytes = (changed: Uint8Array) => {
    writeFileSync(join(home, 'changed'), changed);
    return () => openSavepoint(join(home, 'changed'));
  };
  for (const at of [9, bytes.length >> 1, bytes.length - 40, bytes.length - 1]) {
    const flipped = Buffer.from(bytes);
    flipped[at]! ^= 1;
    expect(tryBytes(flipped)).toThrow(expect.objectContaining({ code: 'HR_SAVEPOINT' }) as Error);
  }
  for (const to of [0, 7, 20, bytes.length - 1]) expect(tryBytes(bytes.subarray(0, to))).toThrow(expect.objectContaining({ code: 'HR_SAVEPOINT' }) as Error);
  const newer = Buffer.from(bytes);
  newer.writeUInt16LE(99, 6);
  expect(tryBytes(newer)).toThrow(/has the format 99/);
  expect(() => openSavepoint(join(home, 'none'))).toThrow(expect.objectContaining({ code: 'HR_INPUT_FILE' }) as Error);
});

test('in memory too: it goes through the ports', async () => {
  const [from, to] = [embedded(), memoryRuntime()];
  const path = join(temporaryDirectory(), 'job.savepoint');
  await within(from, 'write', (runtime) => plant(runtime, 100));
  await from.run();
  await take(from, path);
  await plant(to, 100);
  await startSavepoint(to, { path, pipeline: 'another-name' });
  expect(to.state.steps('another-name')).toEqual(expect.arrayContaining(['per-ten', 'newest', 'gaps']));
});

const brokers = await kafkaBrokers();

describe.skipIf(brokers === undefined)('between Kafka and embedded', () => {
  const clean = () => deleteTopics(brokers!, [`${name}-views`, ...outputs], [name]);
  beforeAll(clean);
  afterAll(clean);

  const kafka = (): Place => {
    const settings = kafkaSettings({ KAFKA_BROKERS: brokers })!;
    const dataDir = temporaryDirectory();
    return {
      open: (mode) => openKafka({ settings, dataDir, mode, tasks: 2, pipeline: name, fresh: mode === 'read' }),
      run: async () => void (await runOnKafka(job, { dataDir, kafka: settings, ...untilCaughtUp() })),
    };
  };

  test('embedded to Kafka, where offsets differ, and back; taken while another process has the pipeline', async () => {
    const [first, second, third, home] = [embedded(), kafka(), embedded(), temporaryDirectory()];
    await within(first, 'write', (runtime) => plant(runtime, 300));
    await first.run();
    await take(first, join(home, 'one'));

    // three transactions: their markers take offsets, so that positions lie elsewhere
    const planting = await openKafka({ settings: kafkaSettings({ KAFKA_BROKERS: brokers })!, dataDir: home, mode: 'read' });
    for (const [n, from] of [[100, 0], [150, 100], [150, 250]] as const) await plant(planting, n, from);
    await planting.close();
    const { positions } = await start(second, join(home, 'one'));
    expect(positions.every((p, i) => p.offset > openSavepoint(join(home, 'one')).manifest.positions[i]!.offset)).toBe(true);
    await second.run();
    expect(await written(second)).toEqual((await oracle(300, 400)).after);

    const owner = await second.open('write');
    onTestFinished(() => owner.close());
    const manifest = await take(kafka(), join(home, 'two'));
    expect(manifest.entries).toBeGreaterThan(20);
    // who has the pipeline was not shut out
    const { epoch } = (await owner.log.committed(name))!;
    await owner.log.commit({ pipeline: name, epoch: epoch + 1, outputs: [], state: [], positions: [], journal: [] });

    await within(third, 'write', (runtime) => plant(runtime, 500));
    await start(third, join(home, 'two'));
    await third.run();
    expect(await written(third)).toEqual((await oracle(400, 500)).after);
  });
});
