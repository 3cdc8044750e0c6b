import { brokerErrorOf, kafkaError } from '../kafka-errors.js';
import type { Transaction } from './transaction.js';
import type { GroupMember } from '../protocol/transaction-requests.js';

/** The group has a new generation. */
const hasGoneOn: ReadonlySet<number> = new Set([kafkaError.illegalGeneration, kafkaError.rebalanceInProgress]);

/**
 * Commits positions in a transaction. Where a group has gone on meanwhile, and the tasks of its member with it, they are committed in the new generation: a refusal leaves nothing behind.
 *
 * @param commit asks for it once
 * @throws the refusal, where the member has its tasks for one generation only; HR_EPOCH_FENCED when others have been given them
 */
export async function commitPositions({ member }: NonNullable<Transaction['offsets']>, commit: (member: GroupMember) => Promise<void>): Promise<void> {
  let current = member.now();
  for (;;) {
    try {
      return await commit(current);
    } catch (error) {
      if (member.renewed === undefined || !hasGoneOn.has(brokerErrorOf(error)?.number ?? 0)) throw error;
      current = await member.renewed(current);
    }
  }
}
