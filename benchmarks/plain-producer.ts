import { type Cluster, createCluster } from '../connectors/kafka/cluster.js';
import { encodeRecords } from '../connectors/kafka/records/encode-records.js';
import { checkAnswer } from '../connectors/kafka/kafka-errors.js';
import type { KafkaSettings } from '../connectors/kafka/kafka-settings.js';
import { produceRequest } from '../connectors/kafka/protocol/record-requests.js';
import type { RecordBlock } from '../dataflow/record-block.js';

const timeoutMs = 30_000;
/** Who writes without an identity. */
const nobody = { id: -1n, epoch: -1, transactional: false };

/** Writes as services do: each batch by itself, without a transaction, acknowledged by all replicas; what is sent does not wait for what was sent before. */
export interface PlainProducer {
  send(outputs: readonly { readonly topic: string; readonly partition: number; readonly block: RecordBlock }[]): Promise<void>;
  close(): Promise<void>;
}

export function plainProducer(settings: KafkaSettings): PlainProducer {
  const cluster: Cluster = createCluster({ settings });
  const { compression, batchBytes } = settings;
  return {
    async send(outputs) {
      await Promise.all(
        outputs.map(async ({ topic, partition, block }) => {
          for (const { bytes } of encodeRecords([block], { producer: nobody, sequence: -1, compression, batchBytes })) {
            const answers = await cluster.node(await cluster.leader({ topic, partition }), 'write', produceRequest(9, null, [{ topic, partition, batch: bytes }], timeoutMs));
            for (const { error, detail } of answers) checkAnswer(error, `writing to ${topic}/${partition}`, detail);
          }
        }),
      );
    },
    close: () => cluster.close(),
  };
}
