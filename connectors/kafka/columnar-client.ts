import { HeadraceError } from '../../dataflow/errors.js';
import type { TopicInfo } from '../../dataflow/ports/log-client.js';
import type { Cluster } from './cluster.js';
import { columnarSource } from './columnar-source.js';
import type { KafkaClient } from './kafka-client.js';
import { createPartitionReader } from './partition-reader.js';
import { deleteRecordsRequest, metadataRequest } from './requests.js';
import { ensureTopic, hasTopic, retentionOf } from './topic-admin.js';
import { createProducer } from './transactional-producer.js';

const deleteTimeoutMs = 30_000;

/**
 * Kafka through our own protocol: record batches from and to columns, transactions of version 2.
 *
 * @param useVersion 1: transactions as before Kafka 4.0, on any broker
 */
export function columnarClient(cluster: Cluster, useVersion?: 1 | 2): KafkaClient {
  const topic = (name: string) => cluster.patiently(`topic ${name}`, () => cluster.topic(name));
  return {
    reader: createPartitionReader(columnarSource(cluster)),
    async greet() {
      const { newest } = await cluster.patiently('the first answer', () => cluster.abilities());
      if ((newest.get(metadataRequest().key) ?? 0) < metadataRequest().version) throw new HeadraceError('HR_KAFKA', 'The brokers are older than Kafka 3.1, which is the oldest that Headrace works with.', { remedy: 'Upgrade the brokers.' });
    },
    async topics() {
      const all = (await cluster.patiently('the list of topics', () => cluster.metadata())).topics.filter((t) => !t.isInternal);
      const kept = await retentionOf(cluster, all.map((t) => t.name));
      return all.flatMap(({ name, leaders }): TopicInfo[] => (kept.has(name) ? [{ name, partitions: leaders.length, retentionMs: kept.get(name)! }] : []));
    },
    partitions: async (name) => (await topic(name)).leaders.length,
    hasTopic: (name) => hasTopic(cluster, name),
    topicId: async (name) => (await topic(name)).id,
    ensureTopic: (name, partitions, configs) => ensureTopic(cluster, name, partitions, configs),
    retention: async (name) => (await retentionOf(cluster, [name])).get(name) ?? Number.POSITIVE_INFINITY,
    deleteRecords: (at, before) =>
      cluster.patiently(`deleting old records of ${at.topic}/${at.partition}`, async () => cluster.node(await cluster.leader(at), 'write', deleteRecordsRequest(at, before, deleteTimeoutMs))),
    producer: (transactionalId) => createProducer(cluster, transactionalId, useVersion),
    close: () => cluster.close(),
  };
}
