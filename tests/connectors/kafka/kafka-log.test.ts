import { afterAll, describe } from 'vitest';
import { createCluster } from '../../../connectors/kafka/cluster.js';
import { columnarClient } from '../../../connectors/kafka/columnar-client.js';
import { kafkaLog } from '../../../connectors/kafka/kafka-log.js';
import { kafkaSettings } from '../../../connectors/kafka/kafka-settings.js';
import { kafkajsClient } from '../../../connectors/kafka/kafkajs/kafkajs-client.js';
import { contractPipelines, contractTopics, logClientContract } from '../../contracts/log-client-contract.js';
import { kafkaBrokers } from '../../services/kafka-brokers.js';
import { deleteTopics } from './delete-topics.js';

const brokers = await kafkaBrokers();
const settings = kafkaSettings({ KAFKA_BROKERS: brokers ?? 'none:1' })!;

const clean = (): Promise<void> => deleteTopics(brokers!, contractTopics, contractPipelines);
afterAll(async () => {
  if (brokers !== undefined) await clean();
});

const clients = {
  'columnar, transactions of version 2': async () => columnarClient(createCluster({ settings }), 2),
  'columnar, transactions of version 1': async () => columnarClient(createCluster({ settings }), 1),
  kafkajs: () => kafkajsClient({ settings }),
};

for (const [name, client] of Object.entries(clients)) {
  describe.skipIf(brokers === undefined)(name, () => {
    const open = async () => kafkaLog({ client: await client() });
    logClientContract('the log on Kafka', async () => {
      await clean();
      const log = await open();
      return { log, reader: open, dispose: () => log.close() };
    }, { contiguous: false });
  });
}
