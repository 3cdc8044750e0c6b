import { HeadraceError } from '../../../dataflow/errors.js';
import type { Clock } from '../clock.js';
import type { PartitionReader } from '../partition-reader.js';
import type { TopicPartition } from '../protocol/requests.js';

const pauseMs = 5;

/**
 * Waits until all that has been written to a partition so far is committed or aborted, while others go on writing there. What a process that is gone has left open ends when its tasks are taken over, or when the transaction
 * times out.
 *
 * @throws HR_KAFKA a transaction is still open after `patienceMs`
 */
export async function settlePresent(reader: PartitionReader, at: TopicPartition, clock: Clock, patienceMs = Number.POSITIVE_INFINITY): Promise<void> {
  const end = await reader.writtenEnd(at);
  const started = clock.now();
  while ((await reader.bounds(at)).end < end) {
    if (clock.now() - started > patienceMs) throw new HeadraceError('HR_KAFKA', `A transaction in ${at.topic}/${at.partition} stays open.`, { place: at });
    await clock.wait(pauseMs);
  }
}
