/*
 * What stands around a pipeline on Kafka goes away while records come: Redis, ClickHouse, the schema registry, the disk of the local copy of the state. The pipeline goes on, or says what it waits for, and in the end
 * nothing is missing. HEADRACE_FAULTS=long keeps each away for a minute.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { clickHouseSession } from '../../connectors/clickhouse/clickhouse-session.js';
import { clickHouseSettings } from '../../connectors/clickhouse/clickhouse-settings.js';
import { embeddedFeatures } from '../../connectors/embedded/embedded-features.js';
import { openEmbedded } from '../../connectors/embedded/embedded-runtime.js';
import { type KafkaRuntime, openKafka } from '../../connectors/kafka/kafka-runtime.js';
import { kafkaSettings } from '../../connectors/kafka/kafka-settings.js';
import { type RedisConnection, redisConnection } from '../../connectors/redis/redis-connection.js';
import { redisFeatures } from '../../connectors/redis/redis-features.js';
import { redisSettings } from '../../connectors/redis/redis-settings.js';
import type { FeatureReader } from '../../dataflow/ports/feature-reader.js';
import { clickFeatureSets, userFeatures } from '../../pipelines/click-feature-sets.js';
import { compareTopics } from '../../runners/compare-topics.js';
import { writeEvents } from '../../runners/import/write-events.js';
import { clickWorld } from '../../runners/simulate/click-world.js';
import type { ClickEvent } from '../../schemas/generated/click-event.js';
import { temporaryDirectory } from '../connectors/embedded/temporary-directory.js';
import { deleteTopics } from '../connectors/kafka/delete-topics.js';
import { hasRegistryClient } from '../connectors/registry/has-registry-client.js';
import { readAll } from '../contracts/log-client-contract.js';
import { headrace, startHeadrace, workplace } from '../runners/commands/headrace-process.js';
import { viewCounts } from '../runners/operations/view-counts.js';
import { clickHouseUrl } from '../services/clickhouse-url.js';
import { kafkaBrokers } from '../services/kafka-brokers.js';
import { kafkaNamed } from '../services/kafka.js';
import { redisNamed } from '../services/redis.js';
import { redisUrl } from '../services/redis-url.js';
import { registryUrl } from '../services/registry-url.js';
import { servicesDir, start, stop } from '../services/service.js';
import { gate } from './gate.js';
import { withoutSchemaIds } from './schema-ids.js';
import { mountTmpfs, remount } from './small-disk.js';
import { startRun } from './start-run.js';

const awayMs = process.env['HEADRACE_FAULTS'] === 'long' ? 60_000 : 4_000;
const patienceMs = awayMs + 120_000;
const available = (await kafkaBrokers()) !== undefined;
const [redis, clickHouse, registry] = [await redisUrl(), await clickHouseUrl(), hasRegistryClient ? await registryUrl() : undefined];
// other tests have topics of these names on the broker that all share
const service = kafkaNamed('kafka-with-outages');
const always = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
const events = [...clickWorld({ events: 6_000, seed: 5, users: 300, items: 60, rate: 1, start: Date.UTC(2026, 0, 5) })];
let brokers: string;

const open = async (env: Readonly<Record<string, string>> = {}): Promise<KafkaRuntime> => {
  const runtime = await openKafka({ settings: kafkaSettings({ KAFKA_BROKERS: brokers, ...env })!, dataDir: temporaryDirectory(), mode: 'read' });
  onTestFinished(() => runtime.close());
  return runtime;
};
const append = ({ log, registry }: Pick<KafkaRuntime, 'log' | 'registry'>, some: readonly ClickEvent[]) => writeEvents(some.map((event) => ({ event })), { log, registry, input: 'test', partitions: 2 });

/** Waits until it is so. */
async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let waited = 0; !(await isSo()); waited += 50) {
    if (waited > patienceMs) throw new Error(`waited in vain for ${what}`);
    await delay(50);
  }
}

/** Whether a pipeline has processed all of a topic that is there now. */
async function isProcessed({ log }: KafkaRuntime, pipeline: string, topic: string): Promise<boolean> {
  const positions = (await log.committed(pipeline))?.positions ?? [];
  const ends = await Promise.all([0, 1].map(async (partition) => (await log.bounds(topic, partition)).end));
  return ends.every((end, partition) => (positions.find((p) => p.topic === topic && p.partition === partition)?.offset ?? 0) >= end);
}

/** What an undisturbed run of click-features makes of the first events, in this process's own files. */
async function undisturbed(count = events.length): Promise<string> {
  const dataDir = join(temporaryDirectory(), `oracle-${count}`);
  const writing = openEmbedded({ dataDir, mode: 'write' });
  await append(writing as never, events.slice(0, count));
  await writing.close();
  expect(await startRun({ dataDir, pipeline: 'click-features', env: { REDIS_URL: '' } }).ended).toMatchObject({ code: 0 });
  return dataDir;
}

/** The entities of click-features that Redis does not have as the state of an undisturbed run has them. */
async function missing({ state }: Pick<KafkaRuntime, 'state'>, reader: FeatureReader): Promise<string[]> {
  const store = embeddedFeatures(state, 'click-features');
  const names: string[] = [];
  for (const set of clickFeatureSets) {
    const ids = [...store.entities(set as never)];
    const found = await reader.get(set as never, ids).catch(() => []);
    ids.forEach((id, i) => JSON.stringify(found[i]?.features) === JSON.stringify(store.get(set as never, id).features) || names.push(`${set.name} ${id}`));
  }
  return names;
}

describe.skipIf(!available)('what stands around a pipeline on Kafka goes away', () => {
  beforeAll(async () => {
    brokers = service.variable((await start(service)).port).value;
  });
  afterAll(async () => {
    await stop(service);
    rmSync(join(servicesDir, service.name), { recursive: true, force: true });
  });

  test.skipIf(redis === undefined)('Redis: the pipeline goes on, and what was not published meanwhile is published then', async () => {
    const server = redisSettings({ REDIS_URL: redis! })!;
    const way = await gate(server.port);
    const prefix = `outage:${process.pid}:`;
    const runtime = await open();
    onTestFinished(() => deleteTopics(brokers, ['clicks', 'labelled-clicks', 'ctr-spikes'], ['click-features']));
    await append(runtime, events.slice(0, 3_000));
    const { child, finished, seen } = startHeadrace(['run', 'click-features'], { cwd: workplace(), env: { KAFKA_BROKERS: brokers, REDIS_URL: `redis://127.0.0.1:${way.port}`, REDIS_PREFIX: prefix } });
    await seen('waits for more');
    await way.shut();
    await append(runtime, events.slice(3_000));
    await until('the events that came without Redis', () => isProcessed(runtime, 'click-features', 'clicks'));
    await seen('HR_FEATURE_STORE');
    await delay(awayMs);
    await way.open();

    const reader = redisFeatures({ ...server, prefix });
    const expected = openEmbedded({ dataDir: await undisturbed(), mode: 'read' });
    await until('the features in Redis', async () => (await missing(expected, reader)).length === 0);
    child.kill('SIGTERM');
    expect((await finished).code).toBe(0);
    await Promise.all([reader.close(), expected.close(), way.shut()]);
  }, 2 * patienceMs);

  test.skipIf(redis === undefined)('Redis loses what it had, or is another one: all features are in it again, also of who has no event any more', async () => {
    const own = redisNamed('redis-that-forgets');
    const { port } = await start(own);
    onTestFinished(async () => {
      await stop(own, 'SIGKILL');
      rmSync(join(servicesDir, own.name), { recursive: true, force: true });
    });
    const { address, server } = { address: own.variable(port).value, server: redisSettings({ REDIS_URL: own.variable(port).value })! };
    const say = async <T>(command: (redis: RedisConnection['redis']) => Promise<T>): Promise<T> => {
      const connection = redisConnection(server);
      return command(connection.redis).finally(() => connection.close());
    };
    const runtime = await open();
    onTestFinished(() => deleteTopics(brokers, ['clicks', 'labelled-clicks', 'ctr-spikes'], ['click-features']));
    const come = async (from: number, to: number) => {
      await append(runtime, events.slice(from, to));
      await until('what has come', () => isProcessed(runtime, 'click-features', 'clicks'));
    };
    const cwd = workplace();
    await append(runtime, events.slice(0, 2_000));
    const first = startHeadrace(['run', 'click-features'], { cwd, env: { KAFKA_BROKERS: brokers, REDIS_URL: address } });
    const reader = redisFeatures(server);
    const expected = openEmbedded({ dataDir: await undisturbed(), mode: 'read' });
    const before = openEmbedded({ dataDir: await undisturbed(4_000), mode: 'read' });
    const isWhole = async (state = expected) => (await missing(state, reader)).length === 0;
    const all = [...embeddedFeatures(expected.state, 'click-features').entities(userFeatures)];

    await come(0, 0);
    await until('features in Redis', async () => (await say((redis) => redis.dbsize())) > 100);
    await say((redis) => redis.save());
    await come(2_000, 4_000);
    await until('features beyond the copy', () => isWhole(before));
    await stop(own, 'SIGKILL');
    await come(4_000, events.length);
    // it has the copy that was saved, and no event tells of it
    await start(own);
    await until('the features in the Redis with an older copy', () => isWhole());
    await until('the line that says so', async () => /The feature store has all of user again: \d+ entities/.test(first.stderr()));

    await say((redis) => redis.flushall());
    expect((await missing(expected, reader)).length).toBeGreaterThan(200);
    await until('the features in the Redis that was emptied', () => isWhole());

    await stop(own, 'SIGKILL');
    rmSync(join(servicesDir, own.name, 'data', 'dump.rdb'));
    await start(own);
    await until('the features in the Redis that has forgotten all', () => isWhole());
    const { stdout } = await headrace(['features', 'get', 'user', all[0]!, '--json'], { cwd, env: { KAFKA_BROKERS: brokers, REDIS_URL: address } });
    expect(JSON.parse(stdout)).toMatchObject({ features: embeddedFeatures(expected.state, 'click-features').get(userFeatures, all[0]!).features });
    first.child.kill('SIGTERM');
    expect((await first.finished).code).toBe(0);

    const another = { ...redisSettings({ REDIS_URL: redis! })!, prefix: `another:${process.pid}:` };
    const second = startHeadrace(['run', 'click-features', '--workers', '2'], { cwd, env: { KAFKA_BROKERS: brokers, REDIS_URL: redis!, REDIS_PREFIX: another.prefix } });
    const itsReader = redisFeatures(another);
    await until('the features in another Redis', async () => (await missing(expected, itsReader)).length === 0);
    second.child.kill('SIGTERM');
    expect((await second.finished).code).toBe(0);
    await Promise.all([reader.close(), itsReader.close(), expected.close(), before.close()]);
  }, 3 * patienceMs);

  test('the disk of the local copy is full: one clear error, nothing is lost, and with more space it goes on', async () => {
    const disk = join(temporaryDirectory(), 'disk');
    if (!mountTmpfs(disk, 1 << 20)) return;
    const runtime = await open();
    onTestFinished(() => deleteTopics(brokers, ['clicks', 'labelled-clicks', 'ctr-spikes'], ['click-features']));
    await append(runtime, events);
    const run = { dataDir: join(disk, 'data'), pipeline: 'click-features', env: { KAFKA_BROKERS: brokers, REDIS_URL: '', KAFKA_FETCH_BYTES: '20000' } };
    let failures = 0;
    for (let room = 1 << 20; ; room += 512 << 10) {
      remount(disk, `size=${room}`);
      const ended = await startRun(run).ended;
      if (ended.code === 0) break;
      failures += 1;
      expect(ended).toMatchObject({ code: 1, signal: null });
      expect(ended.stderr).toContain('HR_DISK_FULL  There is no space left for');
      expect(ended.stderr).not.toMatch(/^ +at .+:\d+:\d+\)?$/m);
    }
    expect(failures).toBeGreaterThan(0);
    const expected = openEmbedded({ dataDir: await undisturbed(), mode: 'read' });
    expect(await compareTopics('labelled-clicks', withoutSchemaIds(expected.log), withoutSchemaIds(runtime.log), always)).toMatchObject({ differences: 0, emitted: events.length });
    await expected.close();
  }, patienceMs);

  test.skipIf(registry === undefined)('the registry: a run goes on with the schemas that it knows; one that starts says what it waits for, and ends with a code when that lasts', async () => {
    const way = await gate(Number(new URL(registry!).port));
    const url = `http://127.0.0.1:${way.port}${new URL(registry!).pathname}`;
    const job = viewCounts(`registry-outage-${process.pid}`);
    const runtime = await open({ SCHEMA_REGISTRY_URL: registry! });
    await job.plant(runtime, 600);
    const env = { KAFKA_BROKERS: brokers, SCHEMA_REGISTRY_URL: url };
    const running = startHeadrace(['run', job.file], { cwd: job.cwd, env });
    await running.seen('waits for more');
    await way.shut();
    await job.plant(runtime, 600, 600);
    await until('the records that came without the registry', () => isProcessed(runtime, job.pipeline, job.input));
    await delay(awayMs);
    running.child.kill('SIGTERM');
    expect((await running.finished).code).toBe(0);

    const hopeless = await headrace(['run', job.file, '--bounded'], { cwd: job.cwd, env: { ...env, SCHEMA_REGISTRY_PATIENCE_MS: '500' } });
    expect(hopeless).toMatchObject({ code: 1, stderr: expect.stringContaining('HR_REGISTRY_UNREACHABLE') as unknown });
    await job.plant(runtime, 600, 1_200);
    const waiting = startHeadrace(['run', job.file, '--bounded'], { cwd: job.cwd, env });
    await waiting.seen('Waiting for the schema registry');
    await delay(awayMs / 2);
    await way.open();
    expect((await waiting.finished).code).toBe(0);
    // sixteen users, thirty minutes: each window once
    expect((await Promise.all([0, 1].map((p) => readAll(runtime.log, job.output, p)))).flat()).toHaveLength(480);
    await way.shut();
  }, 2 * patienceMs);

  test.skipIf(clickHouse === undefined)('ClickHouse: the pipeline goes on, and the table has each row once then', async () => {
    const way = await gate(Number(new URL(clickHouse!).port));
    const database = `outage_${process.pid}`;
    const first = clickHouseSession(clickHouseSettings({ CLICKHOUSE_URL: clickHouse! })!);
    await first.run(`CREATE DATABASE ${database}`);
    await first.close();
    const session = clickHouseSession(clickHouseSettings({ CLICKHOUSE_URL: clickHouse!, CLICKHOUSE_DATABASE: database })!);
    const name = `warehouse-outage-${process.pid}`;
    const job = viewCounts(name);
    job.write((text) => text.replace("latest, to }", 'latest, to, toWarehouse }').replace('to(newest))', 'toWarehouse(newest))'));
    const runtime = await open();
    await job.plant(runtime, 600);
    const running = startHeadrace(['run', job.file], { cwd: job.cwd, env: { KAFKA_BROKERS: brokers, CLICKHOUSE_URL: `http://127.0.0.1:${way.port}`, CLICKHOUSE_DATABASE: database } });
    await running.seen('waits for more');
    await way.shut();
    await job.plant(runtime, 600, 600);
    await until('the records that came without ClickHouse', () => isProcessed(runtime, job.pipeline, job.input));
    await delay(awayMs);
    await way.open();
    const table = `${name}-newest`.replaceAll('-', '_');
    const records = (await Promise.all([0, 1].map(async (p) => (await readAll(runtime.log, `${name}-newest`, p)).map((r) => ({ p, ...r }))))).flat();
    // the newest of each user waits for the watermark
    expect(records.length).toBeGreaterThan(1_100);
    const rows = async () => session.rows(`SELECT _partition AS p, toInt32(_offset) AS o, _key AS k FROM ${table} FINAL ORDER BY p, o`).catch(() => []);
    await until('the rows in ClickHouse', async () => (await rows()).length >= records.length);
    expect((await rows()).map((r) => `${r['p'] as number} ${r['k'] as string}`)).toEqual(records.map(({ p, key }) => `${p} ${key}`));
    running.child.kill('SIGTERM');
    expect((await running.finished).code).toBe(0);
    await Promise.all([session.close(), way.shut()]);
  }, 2 * patienceMs);
});
