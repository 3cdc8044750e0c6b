/*
 * All processes and the broker speak through a proxy that loses requests and answers with their connections, and delays answers, also those to the end of a transaction. Each window of each user is there once, and no
 * transaction is left open. With both clients. HEADRACE_FAULTS=long goes on for minutes.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { columnarClient } from '../../connectors/kafka/columnar-client.js';
import { createCluster } from '../../connectors/kafka/cluster.js';
import { changelogTopic, epochsTopic } from '../../connectors/kafka/internal-topics.js';
import { openKafka } from '../../connectors/kafka/kafka-runtime.js';
import { kafkaClients, kafkaSettings } from '../../connectors/kafka/kafka-settings.js';
import { splitmix } from '../../dataflow/splitmix.js';
import { topicRecords } from '../../runners/testing/topic-records.js';
import { temporaryDirectory } from '../connectors/embedded/temporary-directory.js';
import { breakingProxy, type BreakingProxy, type Fate } from '../connectors/kafka/breaking-proxy.js';
import { headrace, startHeadrace } from '../runners/commands/headrace-process.js';
import { viewCounts } from '../runners/operations/view-counts.js';
import { kafkaBrokers } from '../services/kafka-brokers.js';
import { kafkaNamed } from '../services/kafka.js';
import { isTaken, servicesDir, start, stop } from '../services/service.js';

const long = process.env['HEADRACE_FAULTS'] === 'long';
const available = (await kafkaBrokers()) !== undefined;
const views = long ? 12_000 : 1_500;
const atOnce = 50;
const endTransaction = 26;
const minuteMs = 60_000;
const startTime = Date.UTC(2026, 0, 5);

describe.skipIf(!available)('through a proxy that loses and delays', () => {
  /** The broker tells this port as its own, so that all connections lead through the proxy. */
  const proxyPort = 19_000 + (process.pid % 900);
  const service = kafkaNamed('kafka-behind-proxy', [`advertised.listeners=PLAINTEXT://127.0.0.1:${proxyPort},SECURE://127.0.0.1:${proxyPort + 1}`]);
  let proxy: BreakingProxy | undefined;
  let fate: (api: number) => Fate = () => 'arrives';
  afterAll(async () => {
    await proxy?.close();
    await stop(service);
    rmSync(join(servicesDir, service.name), { recursive: true, force: true });
  });

  test.each(kafkaClients)('each window of each user is there once, and nothing is left open (%s)', async (client) => {
    const { port } = await start(service);
    expect(proxy !== undefined || !(await isTaken(proxyPort))).toBe(true);
    proxy ??= await breakingProxy({ host: '127.0.0.1', port }, (api) => fate(api), 300, proxyPort);
    const env = { KAFKA_BROKERS: `127.0.0.1:${proxyPort}`, HEADRACE_KAFKA_CLIENT: client, KAFKA_SESSION_MS: '6000' };
    const runtime = await openKafka({ settings: kafkaSettings({ ...env, HEADRACE_KAFKA_CLIENT: 'columnar' })!, dataDir: temporaryDirectory(), mode: 'read' });
    onTestFinished(() => runtime.close());
    const job = viewCounts(`proxied-${client}`);
    await job.plant(runtime, atOnce);
    const run = (dataDir: string) => startHeadrace(['run', job.file, '--commit-ms', '20', '--data-dir', dataDir], { cwd: job.cwd, env });
    const members = ['a', 'b'].map(run);
    await Promise.all(members.map(({ seen }) => seen('processed all')));

    const random = splitmix(23);
    const counts: Record<Fate, number> = { arrives: 0, 'is lost': 0, 'answer is lost': 0, 'answer is late': 0 };
    const ofEnds = { ...counts };
    fate = (api) => {
      const drawn = random.below(1_000);
      const [lost, answerLost, late] = api === endTransaction ? [50, 100, 100] : [4, 4, 20];
      const kind: Fate = drawn < lost ? 'is lost' : drawn < lost + answerLost ? 'answer is lost' : drawn < lost + answerLost + late ? 'answer is late' : 'arrives';
      counts[kind] += 1;
      if (api === endTransaction) ofEnds[kind] += 1;
      return kind;
    };
    for (let from = atOnce; from < views; from += atOnce) {
      await job.plant(runtime, atOnce, from);
      await delay(20);
    }
    const isDone = async () => {
      const positions = (await runtime.log.committed(job.pipeline))?.positions ?? [];
      const ends = await Promise.all([0, 1].map(async (p) => (await runtime.log.bounds(job.input, p)).end));
      return ends.every((end, p) => (positions.find((at) => at.partition === p)?.offset ?? 0) >= end);
    };
    while (!(await isDone())) await delay(100);
    fate = () => 'arrives';
    for (const { child, finished } of members) {
      child.kill('SIGTERM');
      expect(await finished).toMatchObject({ code: 0 });
    }
    expect(await headrace(['run', job.file, '--bounded', '--data-dir', 'a'], { cwd: job.cwd, env })).toMatchObject({ code: 0 });

    const expected = new Map<string, number>();
    for (let i = 0; i < views; i++) {
      const window = `u${i % 16} ${startTime + (Math.floor(i / 60) + 1) * minuteMs}`;
      expected.set(window, (expected.get(window) ?? 0) + 1);
    }
    const found = (await topicRecords(runtime.log, runtime.registry, job.output)).map(({ value }) => value as { readonly user: string; readonly windowEnd: number; readonly n: number });
    expect(found.map(({ user, windowEnd, n }) => `${user} ${windowEnd} ${n}`).sort()).toEqual([...expected].map(([window, n]) => `${window} ${n}`).sort());

    const { reader, close } = columnarClient(createCluster({ settings: kafkaSettings(env)! }));
    for (const topic of [job.output, `${job.pipeline}-newest`, epochsTopic(job.pipeline), changelogTopic(job.pipeline)]) {
      for (const partition of [0, 1]) expect((await reader.bounds({ topic, partition })).end, topic).toBe(await reader.writtenEnd({ topic, partition }));
    }
    await close();
    for (const kind of ['is lost', 'answer is lost', 'answer is late'] as const) expect(counts[kind], kind).toBeGreaterThan(0);
    if (long) console.log(JSON.stringify({ client, requests: counts, endsOfTransactions: ofEnds, windows: found.length }));
  }, long ? 3_600_000 : 300_000);
});
