import { HeadraceError } from '../../../dataflow/errors.js';
import type { Committed } from '../../../dataflow/ports/log-client.js';
import { offsetAt } from '../../../dataflow/record-block.js';
import { type EpochRecord, epochRecord } from './epochs.js';
import { changelogTopic, epochsTopic } from '../internal-topics.js';
import { restoreTask } from './restore-task.js';
import type { KafkaClient } from '../kafka-client.js';
import { togetherCommitted } from '../kafka-log.js';
import type { TopicPartition } from '../protocol/requests.js';
import type { StateCopy } from './state-copy.js';
import { transactionTimeoutMs } from '../transactions/transactional-producer.js';

/** How often state is gathered anew when its beginning was deleted meanwhile. */
const attempts = 5;
/** Brokers end a transaction that nobody ends, and look for such ones every ten seconds. */
const patienceMs = transactionTimeoutMs + 20_000;

/**
 * Brings an empty copy to the state of a pipeline as of its last epochs, without being part of those who run it.
 *
 * The markers of one transaction are written partition by partition, so a reader sees an epoch of one task before that of another, and before the changes that belong to it. Whatever a transaction has written lies before
 * its first marker. So the ends of everything are asked for once an epoch has been seen, and when all partitions are settled up to there, the whole of that epoch is visible.
 *
 * @throws HR_KAFKA a transaction stays open; HR_OFFSET_GONE
 */
export async function gatherState(pipeline: string, client: KafkaClient, copy: StateCopy): Promise<Committed | undefined> {
  if (!(await client.hasTopic(epochsTopic(pipeline)))) return undefined;
  const tasks = Array.from({ length: await client.partitions(epochsTopic(pipeline)) }, (_, task) => task);
  for (let attempt = 1; ; attempt++) {
    const last = await wholeEpochs(pipeline, tasks, client);
    try {
      for (const [task, record] of last) await restoreTask(client, { pipeline, task }, copy, record, 'reader');
      copy.hold([...last.keys()]);
      return togetherCommitted([...last.values()]);
    } catch (error) {
      // what is read was deleted meanwhile, since a newer part of the changelog makes up the state
      if (!(error instanceof HeadraceError && error.code === 'HR_OFFSET_GONE') || attempt === attempts) throw error;
      for (const task of tasks) copy.clear(task);
    }
  }
}

/** The last epochs of tasks of which none is seen in part: where one task shows a transaction, all of its tasks do, with their changes. */
async function wholeEpochs(pipeline: string, tasks: readonly number[], { reader, settlePresent }: KafkaClient): Promise<Map<number, EpochRecord>> {
  const epochsOf = (partition: number): TopicPartition => ({ topic: epochsTopic(pipeline), partition });
  const seen = await Promise.all(
    tasks.map(async (task) => {
      const block = await reader.last(epochsOf(task), 8);
      return block === undefined ? undefined : { records: Array.from({ length: block.count }, (_, row) => epochRecord(block, row)), next: offsetAt(block, block.count - 1) + 1 };
    }),
  );
  await Promise.all(tasks.flatMap((partition) => [epochsOf(partition), { topic: changelogTopic(pipeline), partition }]).map((at) => settlePresent(at, patienceMs)));
  // also those that another process has gone on from
  const transactions = new Set(seen.flatMap((one) => one?.records.map(nameOf) ?? []));
  const whole = new Map<number, EpochRecord>();
  for (const task of tasks) {
    const known = seen[task];
    let last = known?.records.at(-1);
    for await (const block of reader.all(epochsOf(task), known?.next ?? (await reader.bounds(epochsOf(task))).start)) {
      for (let row = 0; row < block.count; row++) {
        const record = epochRecord(block, row);
        if (transactions.has(nameOf(record))) last = record;
      }
    }
    if (last !== undefined) whole.set(task, last);
  }
  return whole;
}

/** An epoch of one process is one transaction. */
function nameOf({ by, epoch }: EpochRecord): string {
  return `${epoch} ${by}`;
}
