import type { TopicInfo } from '../../dataflow/ports/log-client.js';
import type { PartitionReader } from './partition-reader.js';
import type { TopicPartition } from './requests.js';
import type { TransactionalProducer } from './transactional-producer.js';

/**
 * What the log, the registry and the runtime need of Kafka, whichever library speaks to it. All calls have patience with what passes, and
 * fail with HR_KAFKA_UNREACHABLE when that lasts, HR_KAFKA_DENIED or HR_KAFKA.
 */
export interface KafkaClient {
  /** Read-committed records. */
  readonly reader: PartitionReader;
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
  /** A producer with a transactional id, not yet claimed. */
  producer(transactionalId: string): TransactionalProducer;
  close(): Promise<void>;
}
