import type { RecordBlock } from '../../dataflow/record-block.js';
import type { Clock } from './clock.js';
import type { DescribedMember } from './group/describe-group.js';
import type { Membership, MembershipOptions } from './group/membership.js';
import type { PartitionReader } from './partition-reader.js';
import type { TopicPartition } from './protocol/requests.js';
import type { TopicAdmin } from './topic-admin.js';
import type { TransactionalProducer } from './transactions/transaction.js';

/** What the log, the registry and the runtime need of Kafka, whichever library speaks to it. */
export interface KafkaClient extends TopicAdmin {
  readonly clock: Clock;
  /** Read-committed records. */
  readonly reader: PartitionReader;
  /**
   * Waits until nothing is open any more in a partition that one producer at a time writes, and makes an end of what others have left open there.
   *
   * @param own transactional id of this process
   * @param ownerOf the transactional id that a record names
   */
  settleOthers(at: TopicPartition, own: string, ownerOf: (block: RecordBlock, row: number) => string | undefined): Promise<void>;
  /** Waits until all that has been written to a partition so far is committed or aborted. @throws HR_KAFKA it takes longer than `patienceMs`, if that is given */
  settlePresent(at: TopicPartition, patienceMs?: number): Promise<void>;
  /** This process in the group of a pipeline. */
  membership(options: Omit<MembershipOptions, 'cluster'>): Membership;
  /** A producer with a transactional id, not yet claimed. */
  producer(transactionalId: string, options?: ProducerOptions): TransactionalProducer;
  /** Who is in a group. */
  members(group: string): Promise<readonly DescribedMember[]>;
  close(): Promise<void>;
}

export interface ProducerOptions {
  /** Others may claim the id as well: after an error it must not be taken back from one that has. @default false: its name is unique */
  readonly exclusive?: boolean;
}
