/*
 * The same on Kafka: processes that are killed, and one that stands still while another takes over. The judge is an undisturbed embedded run,
 * compared record by record. HEADRACE_FAULTS=long kills a hundred times.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openEmbedded } from '../../connectors/embedded/embedded-runtime.js';
import { openKafka, type KafkaRuntime } from '../../connectors/kafka/kafka-runtime.js';
import { kafkaClients, kafkaSettings } from '../../connectors/kafka/kafka-settings.js';
import type { EpochCommit } from '../../dataflow/ports/log-client.js';
import { offsetAt } from '../../dataflow/record-block.js';
import { splitmix } from '../../dataflow/splitmix.js';
import { compareTopics } from '../../runners/compare-topics.js';
import { deleteTopics } from '../connectors/kafka/delete-topics.js';
import { kafkaBrokers } from '../services/kafka-brokers.js';
import { plantClicks } from './plant-clicks.js';
import { withoutSchemaIds, withSchemaId } from './schema-ids.js';
import { itemActivity, startCommand, startRun } from './start-run.js';

const long = process.env['HEADRACE_FAULTS'] === 'long';
const kills = long ? 100 : 5;
const brokers = await kafkaBrokers();
const always = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
const home = mkdtempSync(join(tmpdir(), 'headrace-kafka-'));
const oracle = join(home, 'oracle');
const pipeline = 'item-activity';
const outputs = ['item-hops', 'late-clicks', 'silences', 'trail', 'clicks.dlq', 'pauses.dlq'];

/** Small batches and fetches: else the input would be one block, and there would be nothing to hit. */
const environment = { KAFKA_BROKERS: brokers, KAFKA_BATCH_BYTES: '4000', KAFKA_FETCH_BYTES: '4000' };

/** The judge reads with the default client, whichever wrote. */
const open = (): Promise<KafkaRuntime> => openKafka({ settings: kafkaSettings(environment)!, dataDir: home, mode: 'read' });

/** The clicks of the oracle on Kafka, with the same offsets: dead letters tell them. An append that was written anew leaves a gap, and is made again. */
async function plantOnKafka(): Promise<void> {
  while (!(await plantedDensely()));
}

async function plantedDensely(): Promise<boolean> {
  await deleteTopics(brokers!, ['clicks', ...outputs], [pipeline]);
  const from = openEmbedded({ dataDir: oracle, mode: 'read' });
  const to = await open();
  const clicks: EpochCommit['outputs'][number][] = [];
  for (let partition = 0; partition < 4; partition++) {
    for (let offset = 0, block = await from.log.read('clicks', partition, 0); block !== undefined; offset = offsetAt(block, block.count - 1) + 1, block = await from.log.read('clicks', partition, offset)) {
      clicks.push({ topic: 'clicks', partition, block });
    }
  }
  const { schemaText } = (await from.registry.latest('clicks-value'))!;
  const own = await to.registry.register('clicks-value', schemaText);
  await to.log.createTopic('clicks', { partitions: 4 });
  await to.log.append(clicks.map((output) => ({ ...output, block: withSchemaId(output.block, own) })));
  const first = await Promise.all([0, 1, 2, 3].map((partition) => to.log.read('clicks', partition, 0)));
  await to.close();
  await from.close();
  return first.every((block) => block!.baseOffset === 0);
}

/** What Kafka has and the oracle has not, or the other way round; and how many records were compared. */
async function differences(): Promise<{ readonly records: number; readonly found: string[] }> {
  const [a, b] = [openEmbedded({ dataDir: oracle, mode: 'read' }), await open()];
  const found: string[] = [];
  let records = 0;
  for (const topic of outputs) {
    const compared = await compareTopics(topic, withoutSchemaIds(a.log), withoutSchemaIds(b.log), always);
    records += compared.emitted;
    if (compared.differences > 0) found.push(`topic ${topic}: ${compared.differences} differences of ${compared.emitted} and ${compared.replayed} records, ${JSON.stringify(compared.first[0])}`);
  }
  await a.close();
  await b.close();
  return { records, found };
}

if (brokers !== undefined) {
  beforeAll(async () => {
    await plantClicks(oracle, { events: 4_000, seed: 7 });
    expect((await startRun({ dataDir: oracle, pipeline: itemActivity, stepRows: 50, commitMs: 1 }).ended).code).toBe(0);
  });
  afterAll(async () => {
    await deleteTopics(brokers!, ['clicks', ...outputs], [pipeline]);
    rmSync(home, { recursive: true, force: true });
  });
}

describe.skipIf(brokers === undefined).each(kafkaClients)('on Kafka (%s)', (client) => {
  beforeAll(() => void Object.assign(process.env, environment, { HEADRACE_KAFKA_CLIENT: client }));
  afterAll(() => {
    for (const name of [...Object.keys(environment), 'HEADRACE_KAFKA_CLIENT']) delete process.env[name];
  });

  test('killed with SIGKILL again and again, with its copy of the state and without', async () => {
    await plantOnKafka();
    const random = splitmix(3);
    const counted = { kills: 0, starts: 0 };
    for (let run = 0; ; run++) {
      if (counted.kills >= kills) break;
      const dataDir = join(home, `${client}-killed-${run}`);
      for (let left = Math.min(5, kills - counted.kills); ; left--) {
        const { child, ended } = startRun({ dataDir: random.below(3) === 0 ? join(home, `${client}-other-${counted.starts}`) : dataDir, pipeline: itemActivity, stepRows: 20 + random.below(60), commitMs: 1, workers: 1 + random.below(2) });
        counted.starts += 1;
        if (left > 0) void delay(600 + random.below(2_500)).then(() => child.kill('SIGKILL'));
        const end = await ended;
        if (end.signal === 'SIGKILL') counted.kills += 1;
        else expect(end).toMatchObject({ code: 0, stderr: '' });
        if (end.signal !== 'SIGKILL') break;
      }
      const { records, found } = await differences();
      expect(found, `run ${run}`).toEqual([]);
      expect(records).toBeGreaterThan(3_000);
      if (counted.kills < kills) await plantOnKafka();
    }
    if (long) console.log(JSON.stringify({ client, ...counted }));
    const replayed = await startCommand(['replay', itemActivity, '--json', '--data-dir', join(home, `${client}-killed-0`)]).ended;
    expect(replayed.stdout).toContain('"equal":true');
  }, long ? 3_600_000 : 180_000);

  test('a process that stood still while another took over takes nothing with it, and takes part again', async () => {
    await plantOnKafka();
    const slow = { pipeline: itemActivity, stepRows: 30, commitMs: 1 };
    const first = startRun({ ...slow, dataDir: join(home, `${client}-first`) });
    await epochsReach(3, first.ended);
    first.child.kill('SIGSTOP');
    const second = startRun({ ...slow, dataDir: join(home, `${client}-second`) });
    await epochsReach((await epochsReach(3, second.ended)) + 4, second.ended);
    first.child.kill('SIGCONT');
    expect(await first.ended).toMatchObject({ code: 0 });
    expect(await second.ended).toMatchObject({ code: 0, stderr: '' });
    expect((await differences()).found).toEqual([]);
  }, 180_000);

  /** Waits until the pipeline has committed so many epochs. */
  async function epochsReach(least: number, ended: Promise<unknown>): Promise<number> {
    let isOver = false;
    void ended.then(() => (isOver = true));
    const runtime = await open();
    try {
      for (;;) {
        const epoch = (await runtime.log.committed(pipeline))?.epoch ?? 0;
        if (epoch >= least) return epoch;
        if (isOver) throw new Error(`the run ended with epoch ${epoch}`);
        await delay(20);
      }
    } finally {
      await runtime.close();
    }
  }
});

