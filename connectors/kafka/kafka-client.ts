import type { DescribedMember } from './describe-group.js';
import type { PartitionReader } from './partition-reader.js';
import type { TopicAdmin } from './topic-admin.js';
import type { TransactionalProducer } from './transactional-producer.js';

/** What the log, the registry and the runtime need of Kafka, whichever library speaks to it. */
export interface KafkaClient extends TopicAdmin {
  /** Read-committed records. */
  readonly reader: PartitionReader;
  /** A producer with a transactional id, not yet claimed. */
  producer(transactionalId: string, options?: ProducerOptions): TransactionalProducer;
  /** Who is in a group; undefined where the library does not tell. */
  members?(group: string): Promise<readonly DescribedMember[]>;
  close(): Promise<void>;
}

export interface ProducerOptions {
  /** Others may claim the id as well: after an error it must not be taken back from one that has. @default false: its name is unique */
  readonly exclusive?: boolean;
}
