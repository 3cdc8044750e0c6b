import { HeadraceError } from '../../dataflow/errors.js';
import type { TopicInfo } from '../../dataflow/ports/log-client.js';
import type { Cluster } from './cluster.js';
import { BrokerError, kafkaError } from './kafka-errors.js';
import { metadataRequest, type TopicPartition } from './protocol/requests.js';
import { createTopicRequest, deleteRecordsRequest, topicSettingRequest } from './protocol/topic-requests.js';

/**
 * Topics and their settings. All calls have patience with what passes, and fail with HR_KAFKA_UNREACHABLE when that lasts, HR_KAFKA_DENIED or HR_KAFKA.
 */
export interface TopicAdmin {
  /** The first answer of a broker: tells whether it can be reached, and is new enough. */
  greet(): Promise<void>;
  /** Topics that are not the broker's own, with their retention by the broker's clock. */
  topics(): Promise<readonly TopicInfo[]>;
  /** Number of partitions, as it was last seen or looked up. @throws HR_TOPIC_MISSING */
  partitions(topic: string): Promise<number>;
  /** Whether a topic is there now. */
  hasTopic(topic: string): Promise<boolean>;
  /** The id of a topic, which never comes again. @throws HR_TOPIC_MISSING */
  topicId(topic: string): Promise<string>;
  /** Makes a topic unless it is there, and waits until all of its partitions have a leader. */
  ensureTopic(topic: string, partitions: number, configs: Readonly<Record<string, string>>): Promise<void>;
  /** Retention of a topic in milliseconds; Infinity keeps all. */
  retention(topic: string): Promise<number>;
  /** Deletes the records of a partition before an offset. */
  deleteRecords(at: TopicPartition, before: number): Promise<void>;
}

const createTimeoutMs = 30_000;
const deleteTimeoutMs = 30_000;
/** Event times may be ahead of the broker's clock; by default it refuses more than an hour. */
const anyTime = { 'message.timestamp.after.max.ms': '9223372036854775807' };

export function topicAdmin(cluster: Cluster): TopicAdmin {
  const topic = (name: string) => cluster.patiently(`topic ${name}`, () => cluster.topic(name));
  /** Retention of topics; those that are not there are left out. */
  const retentionOf = async (names: readonly string[]): Promise<ReadonlyMap<string, number>> => {
    if (names.length === 0) return new Map();
    const values = await cluster.patiently('the settings of topics', () => cluster.any(topicSettingRequest(names, 'retention.ms')));
    return new Map([...values].map(([name, text]) => [name, text === undefined || Number(text) < 0 ? Number.POSITIVE_INFINITY : Number(text)]));
  };
  const admin: TopicAdmin = {
    async greet() {
      const { newest } = await cluster.patiently('the first answer', () => cluster.abilities());
      if ((newest.get(metadataRequest().key) ?? 0) < metadataRequest().version) throw new HeadraceError('HR_KAFKA', 'The brokers are older than Kafka 3.1, which is the oldest that Headrace works with.', { remedy: 'Upgrade the brokers.' });
    },
    async topics() {
      const all = (await cluster.patiently('the list of topics', () => cluster.metadata())).topics.filter((t) => !t.isInternal);
      const kept = await retentionOf(all.map((t) => t.name));
      return all.flatMap(({ name, leaders }): TopicInfo[] => (kept.has(name) ? [{ name, partitions: leaders.length, retentionMs: kept.get(name)! }] : []));
    },
    partitions: async (name) => (await topic(name)).leaders.length,
    hasTopic: async (name) => (await cluster.patiently(`topic ${name}`, () => cluster.metadata([name]))).topics.length > 0,
    topicId: async (name) => (await topic(name)).id,
    async ensureTopic(name, partitions, configs) {
      if (await admin.hasTopic(name)) return;
      await cluster.patiently(`making topic ${name}`, async () => {
        const make = (settings: Readonly<Record<string, string>>) => cluster.controller(createTopicRequest({ name, partitions, configs: settings }, -1, createTimeoutMs));
        try {
          await make({ ...configs, ...anyTime }).catch((error: unknown) => {
            // a broker before 3.6 does not know that setting, and takes any time
            if (error instanceof BrokerError && error.number === kafkaError.invalidConfig) return make(configs);
            throw error;
          });
        } catch (error) {
          if (!(error instanceof BrokerError) || error.number !== kafkaError.topicExists) throw error;
        }
        // brokers learn of it one after the other
        const found = (await cluster.metadata([name])).topics[0];
        if (found === undefined || found.leaders.length === 0 || found.leaders.some((leader) => leader < 0)) throw new BrokerError(5, `topic ${name}`);
      });
    },
    retention: async (name) => (await retentionOf([name])).get(name) ?? Number.POSITIVE_INFINITY,
    deleteRecords: (at, before) =>
      cluster.patiently(`deleting old records of ${at.topic}/${at.partition}`, async () => cluster.node(await cluster.leader(at), 'write', deleteRecordsRequest(at, before, deleteTimeoutMs))),
  };
  return admin;
}

/** Settings of a topic that keeps its records for `retentionMs`. */
export function keptFor(retentionMs: number): Readonly<Record<string, string>> {
  return { 'cleanup.policy': 'delete', 'retention.ms': retentionMs === Number.POSITIVE_INFINITY ? '-1' : String(Math.ceil(retentionMs)) };
}
