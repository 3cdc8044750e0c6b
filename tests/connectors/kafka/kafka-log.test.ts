import { afterAll, describe } from 'vitest';
import { createCluster } from '../../../connectors/kafka/cluster.js';
import { columnarClient } from '../../../connectors/kafka/columnar-client.js';
import { kafkaLog } from '../../../connectors/kafka/kafka-log.js';
import { kafkaSettings } from '../../../connectors/kafka/kafka-settings.js';
import { contractPipelines, contractTopics, logClientContract } from '../../contracts/log-client-contract.js';
import { kafkaBrokers } from '../../services/kafka-brokers.js';
import { deleteTopics } from './delete-topics.js';

const brokers = await kafkaBrokers();

const clean = (): Promise<void> => deleteTopics(brokers!, contractTopics, contractPipelines);
afterAll(async () => {
  if (brokers !== undefined) await clean();
});

for (const transactionVersion of [2, 1] as const) {
  describe.skipIf(brokers === undefined)(`transactions of version ${transactionVersion}`, () => {
    const settings = kafkaSettings({ KAFKA_BROKERS: brokers ?? 'none:1' })!;
    const open = () => kafkaLog({ client: columnarClient(createCluster({ settings }), transactionVersion) });
    logClientContract('the log on Kafka', async () => {
      await clean();
      const log = open();
      return { log, reader: async () => open(), dispose: () => log.close() };
    }, { contiguous: false });
  });
}
