import type { PartitionReader } from './partition-reader.js';
import type { TopicAdmin } from './topic-admin.js';
import type { TransactionalProducer } from './transactional-producer.js';

/** What the log, the registry and the runtime need of Kafka, whichever library speaks to it. */
export interface KafkaClient extends TopicAdmin {
  /** Read-committed records. */
  readonly reader: PartitionReader;
  /** A producer with a transactional id, not yet claimed. */
  producer(transactionalId: string, options?: ProducerOptions): TransactionalProducer;
  close(): Promise<void>;
}

export interface ProducerOptions {
  /** One process owns the id for long: after an error it must not take it back from another that has claimed it meanwhile. */
  readonly exclusive?: boolean;
}
