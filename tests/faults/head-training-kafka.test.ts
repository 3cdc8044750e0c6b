/*
 * head-training on Kafka: the versions, verdicts and weights of an embedded run, bit for bit, with processes that are killed while another stands by and takes over. HEADRACE_FAULTS=long kills ten times.
 */
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openEmbedded } from '../../connectors/embedded/embedded-runtime.js';
import { openKafka } from '../../connectors/kafka/kafka-runtime.js';
import { kafkaSettings } from '../../connectors/kafka/kafka-settings.js';
import { splitmix } from '../../dataflow/splitmix.js';
import { openTopicEncoder } from '../../dataflow/topic-encoder.js';
import { topicValues } from '../../dataflow/topic-values.js';
import { openModelRegistry } from '../../learning/model-registry.js';
import { models } from '../../learning/models.js';
import { trainingIntervals } from '../../learning/training-intervals.js';
import { loggedDecisions } from '../../pipelines/logged-decisions.js';
import type { Runtime } from '../../runners/engine/job.js';
import { loggedDecisionWorld } from '../../runners/simulate/logged-decision-world.js';
import { softmax } from '../../serving/explore/softmax.js';
import { deleteTopics } from '../connectors/kafka/delete-topics.js';
import { hasOnnx } from '../connectors/onnx-here.js';
import { kafkaBrokers } from '../services/kafka-brokers.js';
import { type Ended, startCommand } from './start-run.js';

const pipeline = 'head-training';
const kills = process.env['HEADRACE_FAULTS'] === 'long' ? 10 : 1;
const brokers = hasOnnx ? await kafkaBrokers() : undefined;
const home = mkdtempSync(join(tmpdir(), 'headrace-head-kafka-'));
const [input, calm] = [join(home, 'input'), join(home, 'calm')];
const topics = ['logged-decisions', 'models', 'training-intervals', 'head.outcomes', 'trainingRows-1.dlq', '_headrace.artefacts'];
const environment = { KAFKA_BROKERS: brokers ?? '', KAFKA_FETCH_BYTES: '100000', KAFKA_SESSION_MS: '6000' };

async function plant({ log, registry }: Pick<Runtime, 'log' | 'registry'>): Promise<void> {
  const rows = await openTopicEncoder(loggedDecisions, { log, registry, partitions: 3 });
  const world = loggedDecisionWorld({ decisions: 7_200, seed: 3, users: 300, items: 80, rate: 0.5, drift: 0.5, start: Date.UTC(2026, 0, 5, 12), policy: softmax({ temperature: 0.1, slots: 3 }), pmf: 'scheme' });
  for (const decision of world) rows.add(decision);
  await log.append(rows.take());
}

/** All that a training leaves: its versions with their verdicts and hashes, its intervals, and the bytes of every head. */
async function left(runtime: Pick<Runtime, 'log' | 'registry' | 'artefacts'>) {
  const [events, intervals] = [[] as object[], [] as object[]];
  for await (const event of topicValues(models, runtime)) events.push(event);
  for await (const interval of topicValues(trainingIntervals, runtime)) intervals.push(interval);
  const registry = await openModelRegistry({ ...runtime, clock: { now: () => 0 } });
  const heads = await Promise.all(registry.list('ranking-head').map(async (version) => Buffer.from(await registry.artefact(version)).toString('base64')));
  return { events, intervals, heads };
}

const onKafka = async <T>(use: (runtime: Runtime) => Promise<T>, dataDir = join(home, 'judge')): Promise<T> => {
  const runtime = await openKafka({ settings: kafkaSettings(environment)!, dataDir, mode: 'read' });
  try {
    return await use(runtime);
  } finally {
    await runtime.close();
  }
};

interface Member extends ReturnType<typeof startCommand> {
  /** It has said something, and so knows what to do at SIGTERM. */
  readonly speaks: Promise<unknown>;
}

const startMember = (dataDir: string): Member => {
  const started = startCommand(['run', pipeline, '--commit-ms', '50', '--data-dir', dataDir], environment);
  return { ...started, speaks: Promise.race([once(started.child.stdout!, 'data'), once(started.child.stderr!, 'data'), started.ended]) };
};

async function stop({ child, ended, speaks }: Member): Promise<Ended> {
  await speaks;
  child.kill('SIGTERM');
  return ended;
}

describe.skipIf(brokers === undefined)('head-training on Kafka', () => {
  let expected: Awaited<ReturnType<typeof left>>;

  beforeAll(async () => {
    const runtime = openEmbedded({ dataDir: input, mode: 'write' });
    await plant(runtime);
    await runtime.close();
    cpSync(input, calm, { recursive: true });
    const { code, stderr } = await startCommand(['run', pipeline, '--bounded', '--data-dir', calm]).ended;
    expect(code, stderr).toBe(0);
    const embedded = openEmbedded({ dataDir: calm, mode: 'read' });
    expected = await left(embedded);
    await embedded.close();
    expect(expected.heads.length).toBeGreaterThanOrEqual(3);
    await deleteTopics(brokers!, topics, [pipeline]);
    const kafka = await openKafka({ settings: kafkaSettings(environment)!, dataDir: join(home, 'planter'), mode: 'write' });
    await plant(kafka);
    await kafka.close();
  });
  afterAll(async () => {
    await deleteTopics(brokers!, topics, [pipeline]);
    rmSync(home, { recursive: true, force: true });
  });

  test('one process trains, others stand by; whoever is killed, the result is that of an embedded run', { timeout: 900_000 }, async () => {
    const random = splitmix(4);
    const members = ['a', 'b'].map((name) => startMember(join(home, name)));
    const trained = () => onKafka(async (runtime) => (await left(runtime)).intervals.length);
    /** Waits until so many intervals are trained on. */
    const wait = async (count: number) => {
      for (let waited = 0; (await trained()) < count; waited += 200) {
        expect(waited, 'ms that nothing was trained').toBeLessThan(400_000);
        await delay(200);
      }
    };
    await wait(1);
    const tasksOf = await onKafka(async ({ log }) => new Set([...(await (log as never as { lastEpochs(p: string): Promise<Map<number, { readonly by: string }>> }).lastEpochs(pipeline)).values()].map(({ by }) => by)));
    expect(tasksOf.size, 'processes that have tasks').toBe(1);
    for (let n = 0; n < kills; n++) {
      await delay(random.below(1_500));
      const at = n % 2;
      members[at]!.child.kill('SIGKILL');
      await members[at]!.ended;
      members[at] = startMember(join(home, n === 0 ? 'fresh' : 'ab'[at]!));
    }
    await wait(3);
    for (const member of members) expect(await stop(member)).toMatchObject({ code: 0 });
    const { code, stderr } = await startCommand(['run', pipeline, '--bounded', '--data-dir', join(home, 'last')], environment).ended;
    expect(code, stderr).toBe(0);
    const found = await onKafka(left, join(home, 'reader'));
    expect(found.intervals).toEqual(expected.intervals);
    expect(found.events).toEqual(expected.events);
    expect(found.heads).toEqual(expected.heads);
  });
});
