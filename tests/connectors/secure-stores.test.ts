/*
 * Redis and ClickHouse behind TLS, and Redis with ACL users: who is let in, who is not, and that the message says why without the password.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clickHouseSession } from '../../connectors/clickhouse/clickhouse-session.js';
import { clickHouseSettings } from '../../connectors/clickhouse/clickhouse-settings.js';
import { redisConnection } from '../../connectors/redis/redis-connection.js';
import { redisFeatures } from '../../connectors/redis/redis-features.js';
import { redisPublisher } from '../../connectors/redis/redis-publisher.js';
import { redisSettings } from '../../connectors/redis/redis-settings.js';
import { count } from '../../dataflow/aggregates/index.js';
import { features } from '../../dataflow/features/features.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { tiles } from '../../operators/tiles.js';
import { toFeatureStore } from '../../operators/to-feature-store.js';
import { runPipeline } from '../../runners/testing/index.js';
import { clickHouseUrl } from '../services/clickhouse-url.js';
import { kafkaBrokers } from '../services/kafka-brokers.js';
import { redisUrl } from '../services/redis-url.js';
import { type TlsProxy, tlsProxy } from '../services/tls-proxy.js';

const hasCertificate = (await kafkaBrokers()) !== undefined;
const redis = await redisUrl();
const clickHouse = await clickHouseUrl();
const addressOf = (url: string) => ({ host: new URL(url).hostname, port: Number(new URL(url).port) });

const plays = topic('secure-plays', { key: 'user', time: 'time', value: { user: 'string', time: 'timestamp' } });
const listening = features('secure-listening', { of: plays, key: plays.user, windows: ['1h'], values: { plays: count() } });
const job = pipeline('secure-listening', ({ from }) => from(plays).pipe(tiles(listening), toFeatureStore(listening)));

describe.skipIf(redis === undefined || !hasCertificate)('Redis', () => {
  const password = 'p@ss:word/1';
  let proxy: TlsProxy;
  const variables = (more: Readonly<Record<string, string>> = {}) => ({ REDIS_URL: `rediss://127.0.0.1:${proxy.port}`, REDIS_USERNAME: 'secure-ann', REDIS_PASSWORD: password, REDIS_PREFIX: 'secure:', REDIS_TLS_CA: proxy.ca, ...more });
  const admin = async (...words: string[]) => {
    const { redis: client, close } = redisConnection(redisSettings({ REDIS_URL: redis! })!);
    await client.call(words[0]!, ...words.slice(1));
    await close();
  };
  const failure = async (of: Readonly<Record<string, string>>) => {
    const reader = redisFeatures(redisSettings(of)!);
    const error = await reader.get(listening, ['u1']).then(() => undefined, (thrown: { code: string; message: string }) => thrown);
    await reader.close();
    return error;
  };
  beforeAll(async () => {
    proxy = await tlsProxy(addressOf(redis!));
    await admin('ACL', 'SETUSER', 'secure-ann', 'reset', 'on', `>${password}`, '~secure:*', '+@all', '-@dangerous', '+info');
    await admin('ACL', 'SETUSER', 'secure-bob', 'reset', 'on', `>${password}`, '~other:*', '+@all');
  });
  afterAll(async () => {
    for (const user of ['secure-ann', 'secure-bob']) await admin('ACL', 'DELUSER', user);
    await proxy.close();
  });

  test('features are published and read by a user that may touch its prefix alone', async () => {
    const settings = redisSettings(variables())!;
    const publisher = redisPublisher(settings);
    await runPipeline(job, { inputs: { 'secure-plays': Array.from({ length: 50 }, (_, i) => ({ user: `u${i % 5}`, time: 1_767_571_200_000 + i * 1_000 })) }, publisher });
    const reader = redisFeatures(settings);
    const [found] = await reader.get(listening, ['u1']);
    expect(found!.features).toMatchObject({ plays_1h: 10 });
    for (const { close } of [reader, publisher]) await close();
  });

  test.each([
    ['a wrong password', { REDIS_PASSWORD: 'not-it' }, /WRONGPASS/],
    ['a user that may not touch the prefix', { REDIS_USERNAME: 'secure-bob' }, /NOPERM|permission/i],
    ['an authority that is not known', { REDIS_TLS_CA: '' }, /certificate/i],
  ])('%s: HR_FEATURE_STORE says so, without the password', async (_, change, message) => {
    const error = await failure(variables(change));
    expect(error).toMatchObject({ code: 'HR_FEATURE_STORE', message: expect.stringMatching(message) as unknown });
    expect(error!.message).not.toContain(password);
  });

  test('no TLS where it is spoken: HR_FEATURE_STORE', async () => {
    expect(await failure(variables({ REDIS_URL: `redis://127.0.0.1:${proxy.port}`, REDIS_TLS_CA: '' }))).toMatchObject({ code: 'HR_FEATURE_STORE' });
  });
});

describe.skipIf(clickHouse === undefined || !hasCertificate)('ClickHouse', () => {
  let proxy: TlsProxy;
  beforeAll(async () => void (proxy = await tlsProxy(addressOf(clickHouse!))));
  afterAll(() => proxy.close());
  const ask = async (more: Readonly<Record<string, string>>) => {
    const session = clickHouseSession(clickHouseSettings({ CLICKHOUSE_URL: `https://127.0.0.1:${proxy.port}`, ...more })!);
    try {
      return await session.rows('SELECT 1 AS one');
    } finally {
      await session.close();
    }
  };

  test('over TLS with its authority; without, HR_WAREHOUSE says so', async () => {
    expect(await ask({ CLICKHOUSE_TLS_CA: proxy.ca })).toEqual([{ one: 1 }]);
    await expect(ask({})).rejects.toMatchObject({ code: 'HR_WAREHOUSE', message: expect.stringMatching(/certificate/i) as unknown });
  });

  test('a user that there is not is told by ClickHouse, without the password', async () => {
    const asked = ask({ CLICKHOUSE_TLS_CA: proxy.ca, CLICKHOUSE_USER: 'nobody', CLICKHOUSE_PASSWORD: 'a-secret-of-nobody' });
    await expect(asked).rejects.toMatchObject({ code: 'HR_CLICKHOUSE_QUERY', message: expect.stringMatching(/nobody/) as unknown });
    await expect(asked).rejects.not.toMatchObject({ message: expect.stringContaining('a-secret') as unknown });
  });
});
