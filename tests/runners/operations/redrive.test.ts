/*
 * Dead letters go back to where they were read, each once, also when a redrive is cut off; a record that fails again says in which attempt.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openKafka } from '../../../connectors/kafka/kafka-runtime.js';
import { kafkaSettings } from '../../../connectors/kafka/kafka-settings.js';
import { systemClock } from '../../../dataflow/clock.js';
import { createMetrics } from '../../../dataflow/metrics.js';
import type { EpochCommit, LogClient } from '../../../dataflow/ports/log-client.js';
import { BlockWriter, type Header } from '../../../dataflow/record-block.js';
import { splitmix } from '../../../dataflow/splitmix.js';
import { openTopicEncoder } from '../../../dataflow/topic-encoder.js';
import { flatMap, keyBy, map, pipeline, to, topic } from '../../../index.js';
import { deadLetterHeaders } from '../../../runners/engine/dead-letters.js';
import { runJob } from '../../../runners/engine/job.js';
import { createTaskGroup } from '../../../runners/engine/task-group.js';
import { redrive, redriveName } from '../../../runners/operations/redrive.js';
import { memoryRuntime } from '../../../runners/testing/memory-runtime.js';
import { topicRecords } from '../../../runners/testing/topic-records.js';
import { HeadraceError } from '../../../dataflow/errors.js';
import { temporaryDirectory } from '../../connectors/embedded/temporary-directory.js';
import { deleteTopics } from '../../connectors/kafka/delete-topics.js';
import { readAll } from '../../contracts/log-client-contract.js';
import { kafkaBrokers } from '../../services/kafka-brokers.js';

const on = { now: () => 5_000, abort: new AbortController().signal };
const input = topic('orders', { key: 'id', time: 'time', value: { id: 'string', amount: 'int', time: 'timestamp' } });
const output = topic('amounts', { key: 'id', value: { id: 'string', amount: 'int' } });

/** Cannot take odd amounts below `from`; behind `flatMap` a record is no longer the one that was read. */
const job = (from: number, remade = false) =>
  pipeline('job', ({ from: read }) => {
    const orders = read(input);
    const stream = remade ? (orders.pipe(flatMap((o) => [{ id: o.id, amount: o.amount, time: o.time }])) as typeof orders) : orders;
    return stream.pipe(
      keyBy(input.id),
      map((o) => {
        if (o.amount % 2 === 1 && o.amount < from) throw new Error(`odd ${o.amount}`);
        return { id: o.id, amount: o.amount };
      }, { id: 'evens' }),
      to(output as never),
    );
  });

async function run(runtime: ReturnType<typeof memoryRuntime>, definition: ReturnType<typeof job>): Promise<void> {
  await runJob({
    pipeline: definition, runtime, clock: systemClock, metrics: createMetrics(), abort: new AbortController().signal, bounded: true, wait: async () => undefined, warn: () => undefined,
    groups: ({ taskCount, environment, partitions, positions }) => [createTaskGroup({ pipeline: definition, tasks: [0, 1].slice(0, taskCount), taskCount, log: runtime.log, registry: runtime.registry, environment, partitions, positions })],
  });
}

async function orders(n: number) {
  const runtime = memoryRuntime();
  const encoder = await openTopicEncoder(input, { ...runtime, partitions: 2 });
  for (let i = 0; i < n; i++) encoder.add({ id: `o${i}`, amount: i, time: 1_700_000_000_000 + i });
  await runtime.log.append(encoder.take());
  return runtime;
}

const letters = async ({ log, registry }: ReturnType<typeof memoryRuntime>) => (await topicRecords(log, registry, 'evens.dlq')).map(({ headers }) => headers);

test.each([['as they were read', false], ['that a step had made into others', true]])('after the mending every record is there once: letters of records %s', async (_, remade) => {
  const runtime = await orders(20);
  await run(runtime, job(100, remade));
  const first = await letters(runtime);
  expect(first).toHaveLength(10);
  expect(first.every((h) => h['hr-code'] === 'HR_STEP' && h['hr-attempt'] === '1' && h['hr-topic'] === 'orders')).toBe(true);

  // not all is mended: what fails again is in its second attempt
  expect(await redrive(runtime.log, 'evens.dlq', on)).toEqual({ sent: { orders: 10 }, kept: {} });
  await run(runtime, job(6, remade));
  const attempts = (await letters(runtime)).map((h) => h['hr-attempt']).sort();
  expect(attempts).toEqual([...Array<string>(10).fill('1'), '2', '2', '2']);
  expect(await redrive(runtime.log, 'evens.dlq', on)).toEqual({ sent: { orders: 3 }, kept: {} });
  await run(runtime, job(0, remade));
  const amounts = (await topicRecords(runtime.log, runtime.registry, 'amounts')).map(({ value }) => (value as { amount: number }).amount);
  expect(amounts.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  expect(await redrive(runtime.log, 'evens.dlq', on)).toEqual({ sent: {}, kept: {} });
});

const block = (records: readonly { key: string; value: string; headers: readonly Header[] }[]) => {
  const writer = new BlockWriter();
  for (const { key, value, headers } of records) writer.append(Buffer.from(key), Buffer.from(value), 0, headers);
  return writer.take();
};
const letterOf = (at: { topic?: string; partition?: number; offset?: number }, own: readonly Header[] = []) =>
  deadLetterHeaders('step', new HeadraceError('HR_DECODE', 'no', { place: at }), { key: null, value: null, headers: own });

/** `n` letters of records of two partitions, planted by hand. */
async function plantLetters(log: LogClient, n: number, names = { dlq: 'step.dlq', source: 'source' }): Promise<void> {
  await log.createTopic(names.source, { partitions: 2 });
  await log.createTopic(names.dlq, { partitions: 3 });
  await log.append([0, 1, 2].map((partition) => ({
    topic: names.dlq,
    partition,
    block: block(Array.from({ length: n }, (_, i) => ({ key: `k${partition}`, value: `${partition}-${i}`, headers: letterOf({ topic: names.source, partition: i % 2, offset: i }, [{ key: 'trace', value: Buffer.from(`t${i}`) }]) }))),
  })));
}

test('a redrive that is cut off between and within commits, again and again, sends each letter once and keeps their order', async () => {
  const random = splitmix(7);
  const { log } = memoryRuntime();
  await plantLetters(log, 40);
  let runs = 0;
  for (let done = false; !done; runs++) {
    const dies = random.below(3);
    const breaking: LogClient = {
      ...log,
      async commit(epoch: EpochCommit) {
        // before it is committed, or after it was and before anybody hears of it
        if (dies === 0) throw new Error('cut off');
        await log.commit(epoch);
        if (dies === 1) throw new Error('cut off');
      },
    };
    try {
      const { sent } = await redrive(breaking, 'step.dlq', { ...on, limit: 7 });
      done = Object.keys(sent).length === 0;
    } catch (error) {
      expect((error as Error).message).toBe('cut off');
    }
  }
  expect(runs).toBeGreaterThan(17);
  for (const partition of [0, 1]) {
    const values = (await readAll(log, 'source', partition)).map((r) => r.value);
    expect(values).toEqual([0, 1, 2].flatMap((p) => Array.from({ length: 40 }, (_, i) => i).filter((i) => i % 2 === partition).map((i) => `${p}-${i}`)));
  }
});

test('a record has its own headers again, and the attempt', async () => {
  const { log } = memoryRuntime();
  await plantLetters(log, 1);
  await redrive(log, 'step.dlq', on);
  const sent = (await log.read('source', 0, 0))!;
  expect(sent.headers!.get(0)!.map(({ key, value }) => `${key}=${Buffer.from(value)}`)).toEqual(['trace=t0', 'hr-attempt=2']);
  expect(sent.timestamps[0]).toBe(5_000);
});

test('letters that cannot go back stay, are counted by why, and hold nobody up', async () => {
  const { log } = memoryRuntime();
  await log.createTopic('source', { partitions: 1 });
  await log.createTopic('step.dlq', { partitions: 1 });
  const headers = [letterOf({}), letterOf({ topic: 'gone', partition: 0, offset: 0 }), letterOf({ topic: 'source', partition: 5, offset: 0 }), deadLetterHeaders('s', new HeadraceError('HR_STEP', 'no', { place: { topic: 'source', partition: 0, offset: 3 } })), letterOf({ topic: 'source', partition: 0, offset: 0 })];
  await log.append([{ topic: 'step.dlq', partition: 0, block: block(headers.map((h, i) => ({ key: 'k', value: `${i}`, headers: h }))) }]);
  expect(await redrive(log, 'step.dlq', on)).toEqual({
    sent: { source: 1 },
    kept: { 'the letter does not say where its record was read': 1, 'there is no topic gone with a partition 0': 1, 'there is no topic source with a partition 5': 1, 'retention has deleted the record from source': 1 },
  });
  await expect(redrive(log, 'none.dlq', on)).rejects.toMatchObject({ code: 'HR_TOPIC_MISSING' });
});

const brokers = await kafkaBrokers();

describe.skipIf(brokers === undefined)('on Kafka', () => {
  const names = { dlq: 'redrive-step.dlq', source: 'redrive-source' };
  const clean = () => deleteTopics(brokers!, Object.values(names), [redriveName(names.dlq)]);
  beforeAll(clean);
  afterAll(clean);

  test('letters and position are one transaction: two at a time, one is shut out and nothing is doubled', async () => {
    const open = () => openKafka({ settings: kafkaSettings({ KAFKA_BROKERS: brokers })!, dataDir: temporaryDirectory(), mode: 'write' });
    const [a, b] = [await open(), await open()];
    await plantLetters(a.log, 30, names);
    const both = await Promise.allSettled([redrive(a.log, names.dlq, on), redrive(b.log, names.dlq, on)]);
    for (const one of both) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'HR_EPOCH_FENCED' });
    // whatever one of them has left, a third one does
    const c = await open();
    await redrive(c.log, names.dlq, on);
    const values = (await Promise.all([0, 1].map((p) => readAll(c.log, names.source, p)))).flat().map((r) => r.value);
    expect(values.sort()).toEqual([0, 1, 2].flatMap((p) => Array.from({ length: 30 }, (_, i) => `${p}-${i}`)).sort());
    for (const { close } of [a, b, c]) await close();
  });
});
