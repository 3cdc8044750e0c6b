import { createCluster, type ClusterOptions } from '../cluster.js';
import { groupMembers } from '../group/group-members.js';
import type { KafkaClient } from '../kafka-client.js';
import { createMembership } from '../group/membership.js';
import { createPartitionReader } from '../partition-reader.js';
import { settleOthers } from '../group/settle-others.js';
import { settlePresent } from '../transactions/settle-present.js';
import { topicAdmin } from '../topic-admin.js';
import { claimRegister } from './claim-register.js';
import { kafkajsConnections } from './kafkajs-connections.js';
import { type KafkajsProducer, kafkajsProducer } from './kafkajs-producer.js';
import { kafkajsSource } from './kafkajs-source.js';
import { loadKafkajs } from './load-kafkajs.js';

/**
 * Kafka through kafkajs: its connections, its producer and transactions, its decoding of what is fetched. Topics, bounds, groups and positions are asked for in our own words over its connections.
 *
 * Errors: HR_KAFKA_SETTINGS kafkajs is not installed; HR_KAFKA its version cannot be used.
 */
export async function kafkajsClient({ settings, route, ...options }: Omit<ClusterOptions, 'transport'>): Promise<KafkaClient> {
  const library = await loadKafkajs();
  const connections = kafkajsConnections({ library, settings, route });
  const cluster = createCluster({ ...options, settings, transport: connections });
  const { patiently } = cluster;
  const admin = topicAdmin(cluster);
  const reader = createPartitionReader(kafkajsSource(cluster, connections));
  const claims = claimRegister({ library, settings, route, admin, reader, patiently });
  const producers: KafkajsProducer[] = [];
  return {
    ...admin,
    clock: cluster.clock,
    reader,
    settleOthers: (at, own, ownerOf) => settleOthers(cluster, at, own, ownerOf),
    settlePresent: (at, patienceMs) => settlePresent(reader, at, cluster.clock, patienceMs),
    members: (group) => groupMembers(cluster, group),
    membership: (options) => createMembership({ ...options, cluster }),
    producer(transactionalId, { exclusive = false } = {}) {
      const producer = kafkajsProducer({ library, settings, route, cluster, transactionalId, reader, claims: exclusive ? claims : undefined });
      producers.push(producer);
      return producer;
    },
    async close() {
      for (const producer of producers) producer.cut();
      await cluster.close();
    },
  };
}
