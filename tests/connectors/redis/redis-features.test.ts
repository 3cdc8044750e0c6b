import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { embeddedFeatures } from '../../../connectors/embedded/embedded-features.js';
import { redisConnection } from '../../../connectors/redis/redis-connection.js';
import { redisFeatures } from '../../../connectors/redis/redis-features.js';
import { redisPublisher } from '../../../connectors/redis/redis-publisher.js';
import { type RedisSettings, redisSettings } from '../../../connectors/redis/redis-settings.js';
import { count, mean } from '../../../dataflow/aggregates/index.js';
import { systemClock } from '../../../dataflow/clock.js';
import { features } from '../../../dataflow/features/features.js';
import { pipeline } from '../../../dataflow/pipeline.js';
import { topic } from '../../../dataflow/topic.js';
import { splitmix } from '../../../dataflow/splitmix.js';
import { tiles } from '../../../operators/tiles.js';
import { toFeatureStore } from '../../../operators/to-feature-store.js';
import { runPipeline } from '../../../runners/testing/index.js';
import { modelFeatureStore } from '../../dataflow/features/model-feature-store.js';
import { headrace, workplace } from '../../runners/commands/headrace-process.js';
import { redisUrl } from '../../services/redis-url.js';

const plays = topic('plays', { key: 'user', time: 'time', value: { user: 'string', genre: 'string', ms: 'double', time: 'timestamp' } });
const listening = features('listening', { of: plays, key: plays.user, windows: ['1h', '7d'], values: { plays: count().by(plays.genre), ms: mean(plays.ms) } });
const job = pipeline('listening', ({ from }) => from(plays, { disorder: '10m' }).pipe(tiles(listening), toFeatureStore(listening)));

const url = await redisUrl();
let prefixes = 0;
const fresh = (): RedisSettings => ({ ...redisSettings({ REDIS_URL: url! })!, prefix: `test:${process.pid}:${prefixes++}:` });

function somePlays(n: number) {
  const random = splitmix(9);
  return Array.from({ length: n }, (_, i) => ({ user: `u${random.below(300)}`, genre: ['jazz', 'rock', 'folk'][random.below(3)]!, ms: random.below(1_000), time: 1_767_571_200_000 + i * 20_000 }));
}

describe.skipIf(url === undefined)('features in Redis', () => {
  test('are those of the state, in one round trip for a hundred, and live as long as the longest window', async () => {
    const settings = fresh();
    const publisher = redisPublisher(settings);
    const { runtime } = await runPipeline(job, { inputs: { plays: somePlays(3_000) }, partitions: 3, stepRows: 200, commitMs: 0, publisher });
    const reader = redisFeatures(settings);
    const embedded = embeddedFeatures(runtime.state, 'listening');
    const users = [...embedded.entities(listening)];
    expect(users.length).toBe(300);
    expect(await reader.get(listening, users)).toEqual(users.map((user) => embedded.get(listening, user)));
    expect(await reader.getJson(listening, users)).toEqual(users.map((user) => ({ ...embedded.get(listening, user), features: JSON.stringify(embedded.get(listening, user).features) })));
    const [nobody] = await reader.get(listening, ['nobody']);
    expect(nobody!.features).toMatchObject({ plays_1h: 0, ms_7d: null });
    const { redis, close } = redisConnection(settings);
    const ttl = await redis.pttl(`${settings.prefix}listening:e:u1`);
    expect(ttl).toBeGreaterThan(7 * 86_400_000 - 60_000);
    expect(ttl).toBeLessThanOrEqual(7 * 86_400_000 + 3_600_000);
    await Promise.all([close(), reader.close(), publisher.close()]);
  });

  test('entities are found by names of any length', async () => {
    const settings = fresh();
    const publisher = redisPublisher(settings);
    const users = ['', 'ü'.repeat(400), `${'x'.repeat(63)}ü${'y'.repeat(600)}`, `nul \0${'z'.repeat(300)}`];
    const { runtime } = await runPipeline(job, { inputs: { plays: users.map((user, i) => ({ user, genre: 'jazz', ms: i + 1, time: 1_767_571_200_000 })) }, partitions: 2, publisher });
    const reader = redisFeatures(settings);
    const embedded = embeddedFeatures(runtime.state, 'listening');
    const found = await reader.get(listening, users);
    expect(found.map(({ features }) => features.ms_7d)).toEqual([1, 2, 3, 4]);
    expect(found).toEqual(users.map((user) => embedded.get(listening, user)));
    await Promise.all([reader.close(), publisher.close()]);
  });

  test('an earlier epoch does not overwrite a later one', async () => {
    const settings = fresh();
    const publisher = redisPublisher(settings);
    const publish = (epoch: number, value: string) => publisher.publish([{ entity: Buffer.from('e'), value: Buffer.from(value), ttlMs: 50_000 }], { epoch, set: 's', task: 0, newest: epoch, ttlMs: 60_000, mark: { line: 'a', term: 1, batch: 1 }, least: undefined });
    await publish(300, 'new');
    await publish(255, 'old');
    const { redis, close } = redisConnection(settings);
    expect((await redis.getBuffer(`${settings.prefix}s:e:e`))!.subarray(8).toString()).toBe('new');
    await publish(300, 'same epoch');
    expect((await redis.getBuffer(`${settings.prefix}s:e:e`))!.subarray(8).toString()).toBe('same epoch');
    const [entity, newest, mark] = await Promise.all(['s:e:e', 's:newest', 's:mark:0'].map((key) => redis.pttl(settings.prefix + key)));
    expect(entity).toBeGreaterThan(40_000);
    expect(entity).toBeLessThanOrEqual(50_000);
    for (const left of [newest, mark]) expect(left).toBeGreaterThan(50_000);
    await Promise.all([close(), publisher.close()]);
  });

  test('does with marks and values what the model does, whatever it finds', async () => {
    const server = fresh();
    const { redis, close } = redisConnection(server);
    const someMark = fc.record({ line: fc.constantFrom('a', 'b'), term: fc.constantFrom(1, 9, 10), batch: fc.constantFrom(1, 2, 9, 10) });
    const step = fc.record({ entities: fc.uniqueArray(fc.constantFrom('e', 'f', ''), { maxLength: 3 }), epoch: fc.constantFrom(1, 2, 256), newest: fc.option(fc.integer({ min: -5, max: 5 }), { nil: undefined }), task: fc.nat(1), mark: someMark, least: fc.option(someMark, { nil: undefined }), isEmptied: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 15 }), async (steps) => {
        const settings = { ...server, prefix: fresh().prefix };
        const publisher = redisPublisher(settings);
        const model = modelFeatureStore();
        for (const [i, { entities, epoch, newest, task, mark, least, isEmptied }] of steps.entries()) {
          if (isEmptied && i % 5 === 4) {
            model.empty();
            const keys = await redis.keys(`${settings.prefix}*`);
            if (keys.length > 0) await redis.del(keys);
          }
          const values = entities.map((entity) => ({ entity: Buffer.from(entity), value: Buffer.from(`${entity}${'x'.repeat(i)}`), ttlMs: 60_000 }));
          const at = { epoch, set: 's', task, newest, ttlMs: 60_000, mark, least: least && { ...least, line: mark.line } };
          expect(await publisher.publish(values, at)).toBe(await model.publisher.publish(values, at));
        }
        for (const [name, { value }] of model.contents.values) expect((await redis.getBuffer(`${settings.prefix}s:e:${name}`))!.subarray(8)).toEqual(value);
        const found = await redis.getBuffer(`${settings.prefix}s:newest`);
        expect(found === null ? Number.NEGATIVE_INFINITY : found.readDoubleLE(8)).toBe(model.contents.newest);
        await publisher.close();
      }),
      { numRuns: 60 },
    );
    await close();
  });

  test('nothing is missing after the way to the server was cut again and again', async () => {
    const settings = fresh();
    const open = new Set<Socket>();
    let connections = 0;
    const proxy = createServer((client) => {
      connections += 1;
      const server = connect(settings.port, settings.host);
      for (const socket of [client, server]) {
        open.add(socket);
        socket.on('error', () => socket.destroy()).on('close', () => open.delete(socket));
      }
      client.pipe(server).pipe(client);
      // The answer to what was sent last is lost.
      let bytes = 0;
      client.on('data', (data) => {
        bytes += data.length;
        if (connections < 4 && bytes > 3_000) for (const socket of open) socket.destroy();
      });
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const publisher = redisPublisher({ ...settings, host: '127.0.0.1', port: (proxy.address() as { port: number }).port });
    const clock = { ...systemClock, after: systemClock.after!, wait: (ms: number) => new Promise<void>((resolve) => void systemClock.after!(Math.min(ms, 20), resolve)) };
    const { runtime, warnings } = await runPipeline(job, { inputs: { plays: somePlays(1_500) }, partitions: 2, stepRows: 300, commitMs: 0, publisher, clock });
    expect(connections).toBeGreaterThanOrEqual(4);
    expect(warnings.join()).toContain('HR_FEATURE_STORE');
    const reader = redisFeatures(settings);
    const embedded = embeddedFeatures(runtime.state, 'listening');
    const users = [...embedded.entities(listening)];
    expect(await reader.get(listening, users)).toEqual(users.map((user) => embedded.get(listening, user)));
    await Promise.all([reader.close(), publisher.close()]);
    proxy.close();
    for (const socket of open) socket.destroy();
  });

  test('what is not published, or was published with other values, is refused', async () => {
    const settings = fresh();
    const reader = redisFeatures(settings);
    await expect(reader.get(listening, ['u1'])).rejects.toThrow(expect.objectContaining({ code: 'HR_FEATURE' }));
    const publisher = redisPublisher(settings);
    await runPipeline(job, { inputs: { plays: somePlays(10) }, publisher });
    const changed = features('listening', { of: plays, key: plays.user, windows: ['1h'], values: { plays: count() } });
    await expect(reader.get(changed, [somePlays(1)[0]!.user])).rejects.toThrow('belong to other values');
    await Promise.all([reader.close(), publisher.close()]);
  });
});

test('doctor says how Redis is', async () => {
  const doctor = async (address: string) => (await headrace(['doctor', '--json'], { cwd: workplace(), env: { REDIS_URL: address } })).json() as { check: string; status: string; detail: string }[];
  expect((await doctor('redis://127.0.0.1:1')).at(-1)).toMatchObject({ check: 'redis', status: 'fail', detail: expect.stringContaining('HR_FEATURE_STORE Redis at 127.0.0.1:1') });
  expect((await doctor('redis://127.0.0.1/x')).at(-1)).toMatchObject({ check: 'redis', status: 'fail', detail: expect.stringContaining('HR_REDIS_SETTINGS') });
  if (url !== undefined) expect((await doctor(url)).at(-1)).toMatchObject({ check: 'redis', status: 'ok' });
});

test('a server that is not there is told with its address', async () => {
  const reader = redisFeatures({ ...redisSettings({ REDIS_URL: 'redis://127.0.0.1:1' })!, prefix: 'x:' });
  await expect(reader.get(listening, ['u1'])).rejects.toThrow(/Redis at 127\.0\.0\.1:1: .*ECONNREFUSED/);
  await reader.close();
});

test('settings come from the environment', () => {
  expect(redisSettings({})).toBeUndefined();
  expect(redisSettings({ REDIS_URL: 'rediss://ann:p%40ss@cache:7000/2', REDIS_PREFIX: 'app:' })).toEqual({ host: 'cache', port: 7_000, database: 2, username: 'ann', password: 'p@ss', tls: { rejectUnauthorized: true }, prefix: 'app:' });
  for (const wrong of [{ REDIS_URL: 'cache:6379/x' }, { REDIS_URL: 'http://cache' }, { REDIS_URL: 'redis://cache/zero' }, { REDIS_URL: 'redis://cache', REDIS_TLS_CERT: '/nowhere' }]) {
    expect(() => redisSettings(wrong), JSON.stringify(wrong)).toThrow(expect.objectContaining({ code: 'HR_REDIS_SETTINGS' }));
  }
});
