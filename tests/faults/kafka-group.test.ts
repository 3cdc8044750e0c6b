/*
 * A pipeline whose tasks are spread over several processes, while records come in: processes are killed, come and go, and stand still beyond their session. The judge
 * is an undisturbed embedded run, compared record by record. HEADRACE_FAULTS=long kills a hundred times.
 */
import type { ChildProcess } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { openEmbedded } from '../../connectors/embedded/embedded-runtime.js';
import { openKafka } from '../../connectors/kafka/kafka-runtime.js';
import { kafkaSettings } from '../../connectors/kafka/kafka-settings.js';
import type { EpochCommit } from '../../dataflow/ports/log-client.js';
import { BlockWriter, offsetAt, type RecordBlock } from '../../dataflow/record-block.js';
import { splitmix } from '../../dataflow/splitmix.js';
import type { Runtime } from '../../runners/engine/job.js';
import { topicRecords } from '../../runners/testing/topic-records.js';
import { compareTopics } from '../../runners/compare-topics.js';
import { deleteTopics } from '../connectors/kafka/delete-topics.js';
import { kafkaBrokers } from '../services/kafka-brokers.js';
import { plantClicks } from './plant-clicks.js';
import { withoutSchemaIds } from './schema-ids.js';
import { type Ended, itemTrail, startCommand, startRun, userActivity } from './start-run.js';

const long = process.env['HEADRACE_FAULTS'] === 'long';
const kills = long ? 100 : 5;
const brokers = await kafkaBrokers();
const partitions = 8;
const sliceRecords = 20;
const home = mkdtempSync(join(tmpdir(), 'headrace-group-'));
const oracle = join(home, 'oracle');
const oracleOf = (pipeline: string) => join(home, `oracle-${pipeline}`);
/** What the pipelines write; their dead letters tell offsets, which other commits leave gaps between: the replay at the end compares them. */
const jobs = [
  { pipeline: 'user-activity', file: userActivity, outputs: ['user-hops', 'late-user-clicks', 'user-trail'], trail: 'user-trail', deadLetters: ['user-clicks.dlq', 'user-count.dlq'] },
  { pipeline: 'item-trail', file: itemTrail, outputs: ['trail-hops', 'late-trail', 'busy-hops', 'category-trail'], trail: 'category-trail', deadLetters: ['user-clicks.dlq', 'category-count.dlq'] },
];
const topics = ['user-clicks', ...jobs.flatMap(({ outputs, deadLetters }) => [...outputs, ...deadLetters])];

/** The clicks that were planted in the oracle as blocks of the topic user-clicks: without the ids of schemas, and in slices as they are to come in. */
async function readClicks(): Promise<EpochCommit['outputs'][number][]> {
  const from = openEmbedded({ dataDir: oracle, mode: 'read' });
  const slices: { readonly partition: number; readonly offset: number; readonly block: RecordBlock }[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    for (let offset = 0, block = await from.log.read('clicks', partition, 0); block !== undefined; offset = offsetAt(block, block.count - 1) + 1, block = await from.log.read('clicks', partition, offset)) {
      for (let row = 0; row < block.count; row += sliceRecords) {
        const writer = new BlockWriter();
        for (let i = row; i < Math.min(block.count, row + sliceRecords); i++) {
          const [key, value] = [bytesIn(block, block.keyOffset[i]!, block.keyLength[i]!), bytesIn(block, block.valueOffset[i]!, block.valueLength[i]!)];
          writer.append(key, value !== null && value[0] === 0 && value.length > 5 ? value.subarray(5) : value, block.timestamps[i]!);
        }
        slices.push({ partition, offset: offset + row, block: writer.take() });
      }
    }
  }
  await from.close();
  return slices.sort((a, b) => a.offset - b.offset || a.partition - b.partition).map(({ partition, block }) => ({ topic: 'user-clicks', partition, block }));
}

function bytesIn(block: RecordBlock, offset: number, length: number): Uint8Array | null {
  return length < 0 ? null : block.bytes.slice(offset, offset + length);
}

/** The events in a trail, in the order of their ids. */
async function eventsOf({ log, registry }: Pick<Runtime, 'log' | 'registry'>, topic: string): Promise<string[]> {
  return (await topicRecords(log, registry, topic)).map(({ value }) => (value as { eventId: string }).eventId).sort();
}

interface Member {
  readonly dataDir: string;
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** One of them has its tasks in two threads. */
const start = (file: string, dataDir: string): Member => ({ dataDir, ...startCommand(['run', file, '--commit-ms', '20', '--workers', basename(dataDir) === 'b' ? '2' : '1', '--data-dir', dataDir]) });

/** Ends a member and looks that it ended well. */
async function stop({ child, ended }: Member): Promise<void> {
  child.kill('SIGTERM');
  const asked = performance.now();
  const { code, stderr } = await ended;
  expect(code, stderr).toBe(0);
  expect(performance.now() - asked).toBeLessThan(10_000);
}

const environment = { KAFKA_BROKERS: brokers, KAFKA_FETCH_BYTES: '20000', KAFKA_SESSION_MS: '6000' };
const open = () => openKafka({ settings: kafkaSettings(environment)!, dataDir: home, mode: 'read' });

describe.skipIf(brokers === undefined)('several processes on Kafka', () => {
  beforeAll(async () => {
    await plantClicks(oracle, { events: long ? 60_000 : 8_000, seed: 11, partitions });
    const clicks = await readClicks();
    const { log, close } = openEmbedded({ dataDir: oracle, mode: 'write' });
    await log.createTopic('user-clicks', { partitions });
    await log.append(clicks);
    await close();
    for (const { pipeline, file } of jobs) {
      cpSync(oracle, oracleOf(pipeline), { recursive: true });
      expect((await startRun({ dataDir: oracleOf(pipeline), pipeline: file }).ended).code).toBe(0);
    }
    Object.assign(process.env, environment);
  });
  beforeEach(() => deleteTopics(brokers!, topics, jobs.map(({ pipeline }) => pipeline)));
  afterAll(async () => {
    for (const name of Object.keys(environment)) delete process.env[name];
    await deleteTopics(brokers!, topics, jobs.map(({ pipeline }) => pipeline));
    rmSync(home, { recursive: true, force: true });
  });

  test.each([...jobs.map((job) => ({ ...job, client: 'columnar' })), ...(long ? jobs : jobs.slice(1)).map((job) => ({ ...job, client: 'kafkajs' }))])('$pipeline with $client: killed, coming and going, and standing still, every record is there once', async ({ pipeline, file, outputs, trail, deadLetters, client }) => {
    process.env['HEADRACE_KAFKA_CLIENT'] = client;
    // with copies that follow, and without
    process.env['KAFKA_STANDBY'] = client === 'columnar' ? '1' : '0';
    onTestFinished(() => ['HEADRACE_KAFKA_CLIENT', 'KAFKA_STANDBY'].forEach((name) => void delete process.env[name]));
    const random = splitmix(17);
    const clicks = await readClicks();
    const judge = await open();
    await judge.log.createTopic('user-clicks', { partitions });

    let written = 0;
    let pauseMs = 50;
    /** Appends what comes next of the clicks, little by little. */
    const generate = async () => {
      while (written < clicks.length) {
        const next = clicks.slice(written, written + Math.ceil(clicks.length / (long ? 20_000 : 1_500)));
        await judge.log.append(next);
        written += next.length;
        await delay(pauseMs);
      }
    };
    const generating = generate();

    const writers = new Set<string>();
    /** Waits until a process has committed that had not before. */
    const another = async () => {
      const before = writers.size;
      for (let waited = 0; writers.size === before && waited < 60_000; waited += 100) {
        for (const { by } of (await judge.log.lastEpochs(pipeline)).values()) writers.add(by);
        await delay(100);
      }
      expect(writers.size).toBeGreaterThan(before);
    };

    const dirs = ['a', 'b', 'c'].map((name) => join(home, client, pipeline, name));
    // one, two, three
    const members: Member[] = [];
    for (const dir of dirs) {
      members.push(start(file, dir));
      await another();
    }
    for (let n = 0; n < kills; n++) {
      await delay(random.below(500));
      const at = random.below(members.length);
      const { child, ended, dataDir } = members[at]!;
      child.kill('SIGKILL');
      const { code, stderr } = await ended;
      expect(code, stderr).toBeNull();
      // now and then where there is no copy of the state, under a name that the group does not know
      members[at] = start(file, random.below(3) === 0 ? join(home, client, pipeline, `fresh-${n}`) : dataDir);
      await another();
    }
    // stands still until others have its tasks, and goes on
    const still = members[0]!;
    still.child.kill('SIGSTOP');
    await delay(9_000);
    still.child.kill('SIGCONT');
    await delay(2_000);
    // three, two, one
    pauseMs = 0;
    await stop(members.pop()!);
    await delay(2_000);
    await stop(members.pop()!);
    await generating;
    await stop(members.pop()!);

    const { code, stderr } = await startCommand(['run', file, '--bounded', '--data-dir', dirs[0]!]).ended;
    expect({ code, stderr }).toMatchObject({ code: 0 });

    const reference = openEmbedded({ dataDir: oracleOf(pipeline), mode: 'read' });
    const always = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };
    const found: string[] = [];
    let records = 0;
    // what goes from task to task is met in the order of journal entries, which the replay knows: here, that each event is there once
    expect(await eventsOf(judge, trail)).toEqual(await eventsOf(reference, trail));
    for (const topic of outputs) {
      if (pipeline === 'item-trail') {
        records += (await topicRecords(judge.log, judge.registry, topic)).length;
        continue;
      }
      const compared = await compareTopics(topic, withoutSchemaIds(reference.log), withoutSchemaIds(judge.log), always);
      records += compared.emitted;
      if (compared.differences > 0) found.push(`topic ${topic}: ${compared.differences} differences of ${compared.emitted} and ${compared.replayed} records, ${JSON.stringify(compared.first[0])}`);
    }
    for (const topic of deadLetters) {
      const { emitted, replayed } = await compareTopics(topic, withoutSchemaIds(reference.log), withoutSchemaIds(judge.log), always);
      expect(replayed, topic).toBe(emitted);
    }
    await reference.close();
    await judge.close();
    expect(found).toEqual([]);
    expect(records).toBeGreaterThan(3_000);
    const replayed = await startCommand(['replay', file, '--json', '--data-dir', dirs[0]!]).ended;
    expect(replayed.stdout, replayed.stderr).toContain('"equal":true');
    if (long) console.log(JSON.stringify({ pipeline, client, kills, records, writers: writers.size }));
  }, long ? 3_600_000 : 300_000);
});
