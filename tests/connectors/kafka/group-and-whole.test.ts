/* A pipeline that processes share (columnar) and one that a process has as a whole (kafkajs) are the same pipeline: only one of both writes. */
import { afterAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Clock } from '../../../connectors/kafka/clock.js';
import { openKafka } from '../../../connectors/kafka/kafka-runtime.js';
import { kafkaSettings } from '../../../connectors/kafka/kafka-settings.js';
import { kafkajsClient } from '../../../connectors/kafka/kafkajs/kafkajs-client.js';
import { blockOf, readAll } from '../../contracts/log-client-contract.js';
import { kafkaBrokers } from '../../services/kafka-brokers.js';
import { temporaryDirectory } from '../embedded/temporary-directory.js';
import { deleteTopics } from './delete-topics.js';

const brokers = await kafkaBrokers();
const pipeline = 'group-and-whole';
const input = `${pipeline}-in`;
const output = `${pipeline}-out`;

describe.skipIf(brokers === undefined)('a shared pipeline and a whole one', () => {
  const clean = () => deleteTopics(brokers!, [input, output], [pipeline]);
  beforeEach(clean);
  afterAll(clean);
  const start = async (client: 'columnar' | 'kafkajs', clock?: Clock) => {
    const settings = kafkaSettings({ KAFKA_BROKERS: brokers, HEADRACE_KAFKA_CLIENT: client })!;
    const runtime = await openKafka({ settings, dataDir: temporaryDirectory(), mode: 'read' }, clock === undefined ? {} : { client: await kafkajsClient({ settings, clock }) });
    onTestFinished(() => runtime.close());
    for (const topic of [input, output]) await runtime.log.createTopic(topic, { partitions: 1 });
    const shares = await runtime.join({ pipeline, tasks: 1, whole: false, exchanges: false, topics: new Map([[input, 1]]) });
    onTestFinished(() => shares.leave());
    const commit = (epoch: number) =>
      runtime.log.commit({ pipeline, epoch, outputs: [{ topic: output, partition: 0, block: blockOf([{ key: null, value: `${client} ${epoch}`, timestamp: 1 }]) }], state: [], positions: [{ topic: input, partition: 0, offset: epoch }], journal: [] });
    return { ...runtime, shares, commit };
  };

  test('a group takes over from a process that had it as a whole, which is shut out', async () => {
    const whole = await start('kafkajs');
    await whole.shares.next();
    await whole.commit(1);
    const group = await start('columnar');
    expect(await group.shares.next()).toEqual([0]);
    expect(await group.directory.members(pipeline)).toEqual([{ name: expect.any(String) as unknown, inputs: [`${input}/0`] }]);
    await expect(whole.commit(2)).rejects.toMatchObject({ code: 'HR_EPOCH_FENCED' });
    await group.commit(2);
    await expect(whole.commit(3)).rejects.toMatchObject({ code: 'HR_EPOCH_FENCED' });
    await group.commit(3);
    expect((await readAll(group.log, output, 0)).map((r) => r.value)).toEqual(['kafkajs 1', 'columnar 2', 'columnar 3']);
  });

  test('a pipeline is taken as a whole when its group is gone, and not before', async () => {
    const group = await start('columnar');
    await group.shares.next();
    await group.commit(1);
    let now = 0;
    const early = await start('kafkajs', { now: () => (now += 1_000), wait: async () => undefined });
    await expect(early.shares.next()).rejects.toMatchObject({ code: 'HR_EPOCH_FENCED', remedy: expect.stringContaining('Stop them first') as unknown });
    await group.commit(2);
    const whole = await start('kafkajs');
    const taking = whole.shares.next();
    await group.shares.leave();
    expect(await taking).toEqual([0]);
    await whole.commit(3);
    expect((await readAll(whole.log, output, 0)).map((r) => r.value)).toEqual(['columnar 1', 'columnar 2', 'kafkajs 3']);
  });
});
