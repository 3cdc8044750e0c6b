/*
 * A signal ends a run on Kafka with 0 within 10 s, everything that it has done committed; with a broker that does not answer it ends as well, and says so.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openKafka } from '../../connectors/kafka/kafka-runtime.js';
import { kafkaSettings } from '../../connectors/kafka/kafka-settings.js';
import { temporaryDirectory } from '../connectors/embedded/temporary-directory.js';
import { breakingProxy } from '../connectors/kafka/breaking-proxy.js';
import { deleteTopics } from '../connectors/kafka/delete-topics.js';
import { readAll } from '../contracts/log-client-contract.js';
import { headrace, startHeadrace } from '../runners/commands/headrace-process.js';
import { viewCounts } from '../runners/operations/view-counts.js';
import { kafkaBrokers } from '../services/kafka-brokers.js';

const brokers = await kafkaBrokers();
const pipeline = 'graceful-stop';
const open = () => openKafka({ settings: kafkaSettings({ KAFKA_BROKERS: brokers })!, dataDir: temporaryDirectory(), mode: 'read' });
const clean = () => deleteTopics(brokers!, ['views', 'counts', 'newest'].map((name) => `${pipeline}-${name}`), [pipeline]);

describe.skipIf(brokers === undefined)('SIGTERM on Kafka', () => {
  beforeAll(clean);
  afterAll(clean);

  test('while records come: it ends with 0 within 10 s, and a second run has nothing of it to do again', async () => {
    const job = viewCounts(pipeline);
    const runtime = await open();
    await job.plant(runtime, 600);
    const env = { KAFKA_BROKERS: brokers! };
    const { child, finished, seen } = startHeadrace(['run', job.file], { cwd: job.cwd, env });
    await seen('waits for more');
    await job.plant(runtime, 600, 600);
    const signalled = performance.now();
    child.kill('SIGTERM');
    const { code, stdout } = await finished;
    expect(code).toBe(0);
    expect(performance.now() - signalled).toBeLessThan(10_000);
    const records = Number(/graceful-stop: ([\d,]+) records/.exec(stdout)![1]!.replace(',', ''));
    const rest = await headrace(['run', job.file, '--bounded', '--json'], { cwd: job.cwd, env });
    expect(rest.json()).toMatchObject([{ records: 1_200 - records }]);
    // sixteen users, twenty minutes: each window once
    const counts = await Promise.all([0, 1].map((p) => readAll(runtime.log, job.output, p)));
    expect(counts.flat()).toHaveLength(320);
    await runtime.close();
  });

  test('with a broker that does not answer: it ends within 10 s with an error that says so', async () => {
    const job = viewCounts(pipeline);
    const [host, port] = brokers!.split(':') as [string, string];
    let isGone = false;
    // the address that the broker gives of itself leads past the proxy, so the first answer is the one that is lost
    const proxy = await breakingProxy({ host, port: Number(port) }, () => (isGone ? 'is lost' : 'arrives'));
    isGone = true;
    const { child, finished, seen } = startHeadrace(['run', job.file], { cwd: job.cwd, env: { KAFKA_BROKERS: `127.0.0.1:${proxy.port}`, KAFKA_PATIENCE_MS: '60000' } });
    await seen('Waiting for Kafka');
    const signalled = performance.now();
    child.kill('SIGTERM');
    const { code, stderr } = await finished;
    expect(performance.now() - signalled).toBeLessThan(10_500);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/HR_STOP_TIMEOUT|HR_KAFKA_UNREACHABLE/)]);
    await proxy.close();
  });
});
