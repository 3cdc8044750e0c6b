import type { RecordBlock } from '../../../dataflow/record-block.js';
import type { TopicPartition } from '../protocol/requests.js';
import type { GroupMember } from '../protocol/transaction-requests.js';

/** As whom offsets are committed: the generation of a member changes while its tasks go on. */
export interface CommittingMember {
  /** @throws HR_EPOCH_FENCED others have been given the tasks */
  now(): GroupMember;
  /**
   * The coordinator has refused this member, since its group has a new generation. Waits until it has joined it; undefined where a process has its tasks for one generation.
   *
   * @throws HR_EPOCH_FENCED as `now`
   */
  renewed?(refused: GroupMember): Promise<GroupMember>;
}

/** A member that commits in one generation. */
export function inGeneration(member: GroupMember): CommittingMember {
  return { now: () => member };
}

/** What one transaction writes. */
export interface Transaction {
  readonly outputs: readonly (TopicPartition & { readonly block: RecordBlock })[];
  readonly offsets?: { readonly member: CommittingMember; readonly positions: readonly (TopicPartition & { readonly offset: number })[] } | undefined;
  /**
   * Asked after an error before everything is written anew, when nothing of others can come any more.
   *
   * @throws what `commit` throws then: others have written what this transaction was made without
   */
  readonly stillNext?: (() => Promise<void>) | undefined;
}

/** Offset of the first record that a transaction wrote, by `topic/partition`. */
export type FirstOffsets = ReadonlyMap<string, number>;

/**
 * One producer with a transactional id, which one process at a time owns: who claims it shuts the one before out.
 */
export interface TransactionalProducer {
  /** Takes the id over: the owner before is fenced, and its open transaction aborted, or finished when its commit had been decided. */
  claim(): Promise<void>;
  /**
   * Writes everything in one transaction, exactly once, and returns when it can be read. After an error that leaves open what happened, the
   * producer is given up and a new one begun in its place, which settles what was open and shuts delayed requests out; then it looks whether the
   * first output is there, and writes all of it anew when not.
   *
   * @throws HR_EPOCH_FENCED when another has claimed the id; HR_KAFKA_UNREACHABLE, HR_KAFKA_DENIED, HR_KAFKA, HR_RECORD_TOO_LARGE: nothing was written then
   */
  commit(transaction: Transaction): Promise<FirstOffsets>;
}
