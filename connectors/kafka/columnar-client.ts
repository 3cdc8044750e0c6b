import type { Cluster } from './cluster.js';
import { columnarSource } from './columnar-source.js';
import { groupMembers } from './group/group-members.js';
import type { KafkaClient } from './kafka-client.js';
import { createPartitionReader } from './partition-reader.js';
import { createMembership } from './group/membership.js';
import { settleOthers } from './group/settle-others.js';
import { settlePresent } from './transactions/settle-present.js';
import { topicAdmin } from './topic-admin.js';
import { createProducer } from './transactions/transactional-producer.js';

/**
 * Kafka through our own protocol: record batches from and to columns, transactions of version 2.
 *
 * @param useVersion 1: transactions as before Kafka 4.0, on any broker
 */
export function columnarClient(cluster: Cluster, useVersion?: 1 | 2): KafkaClient {
  const reader = createPartitionReader(columnarSource(cluster));
  return {
    ...topicAdmin(cluster),
    clock: cluster.clock,
    reader,
    settleOthers: (at, own, ownerOf) => settleOthers(cluster, at, own, ownerOf),
    settlePresent: (at, patienceMs) => settlePresent(reader, at, cluster.clock, patienceMs),
    membership: (options) => createMembership({ ...options, cluster }),
    // brokers themselves refuse an id that another has claimed
    producer: (transactionalId) => createProducer(cluster, transactionalId, useVersion),
    members: (group) => groupMembers(cluster, group),
    close: () => cluster.close(),
  };
}
