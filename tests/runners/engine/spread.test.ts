/*
 * A pipeline whose tasks send records to one another, in several processes over one runtime in memory: they come and go, are killed at any turn or given up while they go on, and records come in meanwhile. The judges are a
 * run of all tasks in one process, and a replay of the journal, record by record.
 */
import { describe, expect, test } from 'vitest';
import { joinJournals } from '../../../connectors/kafka/kafka-log.js';
import { count, sum } from '../../../dataflow/aggregates/index.js';
import { createMetrics } from '../../../dataflow/metrics.js';
import { type Pipeline, pipeline } from '../../../dataflow/pipeline.js';
import type { JournalEntry } from '../../../dataflow/ports/log-client.js';
import { splitmix } from '../../../dataflow/splitmix.js';
import { definition, topic } from '../../../dataflow/topic.js';
import { keyBy } from '../../../operators/key-by.js';
import { to } from '../../../operators/to.js';
import { union } from '../../../operators/union.js';
import { window } from '../../../operators/window.js';
import { runJob } from '../../../runners/engine/job.js';
import { isSettled } from '../../../runners/engine/route-state.js';
import { createTaskGroup } from '../../../runners/engine/task-group.js';
import { memoryRuntime, type MemoryRuntime } from '../../../runners/testing/memory-runtime.js';
import { runPipeline } from '../../../runners/testing/run-pipeline.js';
import { blockOfRecords, topicRecords } from '../../../runners/testing/topic-records.js';
import { createTurns, Killed, sharedMemory } from './shared-memory.js';

const clicks = topic('clicks', { key: 'userId', time: 'timestamp', value: { userId: 'string', itemId: 'string', watchMs: 'int', timestamp: 'timestamp' } });
/** Of half as many partitions: some tasks have none of it. */
const taps = topic('taps', { key: 'userId', time: 'timestamp', value: { userId: 'string', itemId: 'string', watchMs: 'int', timestamp: 'timestamp' } });
const lateClicks = topic('late-clicks', { key: 'userId', time: 'timestamp', value: { userId: 'string', itemId: 'string', watchMs: 'int', timestamp: 'timestamp' } });
const hops = topic('hops', { key: 'itemId', value: { itemId: 'string', n: 'long', watchMs: 'double', windowEnd: 'timestamp', revision: 'int' } });
const sizes = topic('sizes', { key: 'key', value: { key: 'string', items: 'long', windowEnd: 'timestamp', revision: 'int' } });

/** Two exchanges, one behind the other, and a sink that sends to the writers of its topic. Where nothing is to come too late, nobody is idle: how far others have come by then is a matter of time. */
const job = (disorder: '1s' | '60s'): Pipeline => {
  const idleness = disorder === '1s' ? '1s' : '30s';
  return pipeline(
    'spread',
    ({ from }) => {
      const perItem = union(from(clicks, { disorder, idleness }), from(taps, { disorder, idleness })).pipe(keyBy(clicks.itemId), window('hops', { size: '20s', every: '10s', lateness: '1s', late: lateClicks }, { n: count(), watchMs: sum(clicks.watchMs) }), to(hops));
      return perItem.pipe(keyBy('size', (row: { n: number }) => `s${row.n % 5}`), window('sizes', { size: '40s', every: '40s', lateness: '5s' }, { items: count() }), to(sizes));
    },
    { tick: '1s' },
  );
};

const tasks = 4;
/** HEADRACE_FAULTS=long runs many. */
const seeds = process.env['HEADRACE_FAULTS'] === 'long' ? Array.from({ length: 60 }, (_, i) => i) : [1, 14, 26, 27];
const start = 1_790_000_000_000;

interface Click {
  readonly userId: string;
  readonly itemId: string;
  readonly watchMs: number;
  readonly timestamp: number;
}

/** Records of a topic, partition by partition. */
interface Input {
  readonly topic: typeof clicks;
  readonly partitions: Click[][];
}

/** Clicks and taps, each in time but for a jitter of twenty-five seconds. */
function inputsOf(seed: number, perPartition: number): Input[] {
  const random = splitmix(seed);
  const record = (partition: number, n: number): Click => ({ userId: `u${partition}`, itemId: `i${random.below(20)}`, watchMs: random.below(3_000), timestamp: start + n * 500 + random.below(25_000) });
  const partitions = (count: number, each: number) => Array.from({ length: count }, (_, partition) => Array.from({ length: each }, (_, n) => record(partition, n)));
  return [
    { topic: clicks, partitions: partitions(tasks, perPartition) },
    { topic: taps, partitions: partitions(tasks / 2, perPartition) },
  ];
}

/** Makes the topics, and gives what appends records to a partition of one. */
async function createInputs({ log, registry }: MemoryRuntime): Promise<(topic: typeof clicks, partition: number, records: readonly Click[]) => Promise<void>> {
  const ids = new Map<string, number>();
  for (const { topic: made, partitions } of inputsOf(0, 0)) {
    const { name, schema } = made[definition];
    ids.set(name, await registry.register(`${name}-value`, JSON.stringify(schema)));
    await log.createTopic(name, { partitions: partitions.length });
  }
  return (to, partition, records) => log.append([{ topic: to[definition].name, partition, block: blockOfRecords(records, to[definition], ids.get(to[definition].name)!) }]);
}

interface Disturbed {
  readonly outputs: Readonly<Record<string, readonly unknown[]>>;
  readonly journal: readonly JournalEntry[];
  readonly kills: number;
  readonly sent: number;
}

/** Runs the pipeline in one to three processes until everything has come through. */
async function disturbed(seed: number, disorder: '1s' | '60s', perPartition: number): Promise<Disturbed> {
  const random = splitmix(seed);
  const turns = createTurns(random);
  const shared = sharedMemory(tasks, turns, random);
  const { registry } = shared.all;
  const append = await createInputs(shared.all);
  let clock = start;
  let kills = 0;
  let failed: unknown;

  const startProcess = (bounded: boolean) => {
    const state = { isKilled: false, stop: new AbortController(), isOver: false };
    const { runtime, gone, expire } = shared.join(() => state.isKilled);
    const made = job(disorder);
    const ended = runJob({
      pipeline: made,
      runtime,
      clock: { now: () => clock },
      metrics: createMetrics(),
      abort: state.stop.signal,
      bounded,
      commitMs: 0,
      stepRows: 1 + random.below(40),
      async wait() {
        clock += 50;
        await turns.next(() => state.isKilled);
      },
      warn: () => undefined,
      groups: (setting) => [createTaskGroup({ ...setting, pipeline: made, log: runtime.log, registry })],
    })
      .catch((error: unknown) => {
        if (!(error instanceof Killed)) failed ??= error;
      })
      .finally(() => {
        state.isOver = true;
        gone();
      });
    return {
      ended,
      stop: () => state.stop.abort(),
      expire,
      get isOver() {
        return state.isOver;
      },
      kill() {
        state.isKilled = true;
        kills += 1;
        gone();
      },
    };
  };

  const input = inputsOf(seed, perPartition);
  let isOver = false;
  const scenario = async () => {
    let processes = [startProcess(false)];
    while (input.some(({ partitions }) => partitions.some((rest) => rest.length > 0)) && failed === undefined) {
      const { topic: to, partitions } = input[random.below(input.length)]!;
      const partition = random.below(partitions.length);
      const records = partitions[partition]!.splice(0, 1 + random.below(12));
      if (records.length > 0) await append(to, partition, records);
      clock += 100;
      for (let i = random.below(30); i > 0; i--) await turns.next();
      const what = random.below(12);
      if (what === 0 && processes.length < 3) processes.push(startProcess(false));
      if (what === 1) processes.splice(random.below(processes.length), 1)[0]!.kill();
      if (what === 2 && processes.length > 1) {
        const [leaving] = processes.splice(random.below(processes.length), 1);
        leaving!.stop();
      }
      if (what === 3 && processes.length > 0) processes[random.below(processes.length)]!.expire();
      if (processes.length === 0) processes = [startProcess(false)];
    }
    // all are gone at once; one that comes then finds what is on its way, and no new input
    if (random.below(2) === 0) {
      for (const process of processes) process.kill();
      processes = [startProcess(false)];
    }
    const isDone = () => inputsOf(seed, perPartition).every(({ topic: of, partitions }) => partitions.every((list, p) => shared.position(of[definition].name, p) === list.length)) && isSettled(shared.all.state, 'spread', tasks);
    for (let i = 0; i < 5_000 && !isDone(); i++) await turns.next();
    expect(isDone()).toBe(true);
    for (const process of processes) process.stop();
    while (processes.some((process) => !process.isOver) && failed === undefined) await turns.next();
    if (failed === undefined) await startProcess(true).ended;
    isOver = true;
  };
  const all = scenario().catch((error: unknown) => {
    failed ??= error;
    isOver = true;
  });
  await turns.run(() => isOver || failed !== undefined);
  if (failed !== undefined) throw failed;
  await all;
  return { outputs: await outputsOf(shared.all), journal: joinJournals(shared.journal()), kills, sent: shared.sent() };
}

/** What a replay of the journal gives. */
async function replayed(disorder: '1s' | '60s', journal: readonly JournalEntry[], arrived: readonly Input[]): Promise<Readonly<Record<string, readonly unknown[]>>> {
  const runtime = memoryRuntime();
  const append = await createInputs(runtime);
  for (const { topic: to, partitions } of arrived) for (const [partition, records] of partitions.entries()) if (records.length > 0) await append(to, partition, records);
  const made = job(disorder);
  await runJob({
    pipeline: made,
    runtime,
    journal,
    clock: { now: () => start },
    metrics: createMetrics(),
    abort: new AbortController().signal,
    bounded: true,
    wait: async () => undefined,
    warn: () => undefined,
    groups: (setting) => [createTaskGroup({ ...setting, pipeline: made, log: runtime.log, registry: runtime.registry })],
  });
  return outputsOf(runtime);
}

async function outputsOf({ log, registry }: MemoryRuntime): Promise<Readonly<Record<string, readonly unknown[]>>> {
  return { hops: await topicRecords(log, registry, 'hops'), sizes: await topicRecords(log, registry, 'sizes'), late: await topicRecords(log, registry, 'late-clicks') };
}

const texts = (records: readonly unknown[]) => records.map((record) => JSON.stringify((record as { value: unknown }).value)).sort();

describe('tasks that send to one another, in several processes', () => {
  for (const seed of seeds) {
    test(`give what one process gives, and what a replay gives (seed ${seed})`, async () => {
      const run = await disturbed(seed, '60s', 100);
      expect(run.sent).toBeGreaterThan(20);
      const whole = await runPipeline(job('60s'), { inputs: Object.fromEntries(inputsOf(seed, 100).map(({ topic: { [definition]: of }, partitions }) => [of.name, partitions])) });
      expect(texts(run.outputs['hops']!)).toEqual(texts(whole.outputs['hops']!));
      expect(texts(run.outputs['sizes']!)).toEqual(texts(whole.outputs['sizes']!));
      expect(await replayed('60s', run.journal, inputsOf(seed, 100))).toEqual(run.outputs);
    });

    test(`meet records that come too late as a replay does (seed ${seed})`, async () => {
      const run = await disturbed(100 + seed, '1s', 100);
      expect(run.outputs['late']!.length).toBeGreaterThan(0);
      expect(await replayed('1s', run.journal, inputsOf(100 + seed, 100))).toEqual(run.outputs);
    });
  }
});
