import { Kafka, logLevel } from 'kafkajs';
import { afterAll, describe, expect, test } from 'vitest';
import { createCluster } from '../../../../connectors/kafka/cluster.js';
import { describeGroupRequest } from '../../../../connectors/kafka/group/describe-group.js';
import { kafkaSettings } from '../../../../connectors/kafka/kafka-settings.js';
import { kafkaBrokers } from '../../../services/kafka-brokers.js';
import { deleteTopics } from '../delete-topics.js';

const brokers = await kafkaBrokers();

describe.skipIf(brokers === undefined)('who is in a group', () => {
  afterAll(() => deleteTopics(brokers!, ['described']));

  test('members with their partitions, as the consumers of another library have them; none where there is no group', async () => {
    const cluster = createCluster({ settings: kafkaSettings({ KAFKA_BROKERS: brokers })! });
    const ask = (group: string) => cluster.patiently('a group', () => cluster.coordinator('group', group, describeGroupRequest(group)));
    expect(await ask('described-nobody')).toEqual([]);
    const kafka = new Kafka({ brokers: [brokers!], logLevel: logLevel.NOTHING });
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: 'described', numPartitions: 3 }] });
    await admin.disconnect();
    const consumer = kafka.consumer({ groupId: 'described-group' });
    await consumer.connect();
    await consumer.subscribe({ topic: 'described' });
    const joined = new Promise<void>((resolve) => void consumer.on(consumer.events.GROUP_JOIN, () => resolve()));
    await consumer.run({ eachMessage: async () => undefined });
    await joined;
    expect(await ask('described-group')).toEqual([{ name: expect.any(String) as unknown, host: expect.stringMatching(/127\.0\.0\.1/) as unknown, inputs: ['described/0', 'described/1', 'described/2'], standby: [], metadata: expect.any(Uint8Array) as unknown }]);
    await consumer.disconnect();
    await cluster.close();
  });
});
