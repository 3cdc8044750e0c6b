import { HeadraceError } from '../../../dataflow/errors.js';
import { offsetAt } from '../../../dataflow/record-block.js';
import { type Clock, systemClock } from '../clock.js';
import { BrokerError, brokerErrorOf, isPassing, kafkaError, reasonOf } from '../kafka-errors.js';
import type { PartitionReader } from '../partition-reader.js';
import type { Patiently } from '../patience.js';
import type { TopicPartition } from '../protocol/requests.js';
import type { FirstOffsets, Transaction } from './transaction.js';

/** How one library writes a transaction. */
export interface TransactionWriter {
  /** Writes everything and ends the transaction. @throws UnknownEnd when the end was asked for and not confirmed: it may be committed */
  write(): Promise<FirstOffsets>;
  /** Begins anew, so that nothing of an attempt before can come to pass any more. @throws HR_EPOCH_FENCED when another owns the id */
  recover(): Promise<void>;
  /** @see Transaction */
  readonly stillNext: Transaction['stillNext'];
}

/** The end of a transaction was asked for and not confirmed. */
export class UnknownEnd extends Error {
  /** Of what was written, in the order of the outputs: answers come in any. Of the first one nothing is deleted while its end is not known. */
  readonly first: FirstOffsets;

  constructor(cause: unknown, outputs: Transaction['outputs'], first: FirstOffsets) {
    super('the end of a transaction is not known', { cause });
    const names = outputs.map(({ topic, partition }) => `${topic}/${partition}`);
    this.first = new Map(names.filter((name) => first.has(name)).map((name) => [name, first.get(name)!]));
  }
}

/** A number that `patiently` tries again. */
const writeAnew = 13;
/** Sequences or epochs that do not fit: a batch was lost, or the coordinator has aborted the transaction; -1 when it is claimed right now. `recover` tells whether we are fenced. */
const writtenAnew = new Set([-1, 45, kafkaError.invalidProducerEpoch, 48, 49, 59, kafkaError.producerFenced, 120]);
/** Positions are refused from a process that its group has gone on without. */
const lostMembership: ReadonlySet<number> = new Set([kafkaError.illegalGeneration, kafkaError.unknownMember, kafkaError.rebalanceInProgress, kafkaError.fencedInstance]);
/** How long a commit waits for its own markers before it leaves that to the readers. */
const settleMs = 2_000;

/**
 * One attempt to write a transaction exactly once, for `patiently`: when the attempt failed, what it may have left open is settled first; then the first record tells whether it was
 * committed after all. When not, the error is one that is tried again.
 *
 * @param patiently for the look at that record
 */
export async function commitOnce({ write, recover, stillNext }: TransactionWriter, reader: PartitionReader, patiently: Patiently): Promise<FirstOffsets> {
  try {
    return await write();
  } catch (error) {
    const anew = mayWriteAnew(error);
    // aborts what was begun, in any case
    await recover();
    if (lostMembership.has(brokerErrorOf(error)?.number ?? 0)) throw new HeadraceError('HR_EPOCH_FENCED', 'Others have been given the tasks of this process.', { cause: error });
    if (!anew) throw error;
    if (error instanceof UnknownEnd && (await patiently('the end of a transaction', () => isThere(reader, error.first)))) return error.first;
    await stillNext?.();
    throw new BrokerError(writeAnew, reasonOf(error));
  }
}

/** Whether a settled transaction was committed: its first record can be read. */
async function isThere(reader: PartitionReader, first: FirstOffsets): Promise<boolean> {
  const [[name, offset]] = first as unknown as [[string, number]];
  const at = partitionNamed(name);
  // another producer's open transaction may still hide it
  if ((await reader.bounds(at)).end <= offset) throw new BrokerError(kafkaError.concurrentTransactions, name);
  const block = await reader.read(at, offset);
  return block !== undefined && offsetAt(block, 0) === offset;
}

/** A partition by `topic/partition`, as `FirstOffsets` names it. */
export function partitionNamed(name: string): TopicPartition {
  const slash = name.lastIndexOf('/');
  return { topic: name.slice(0, slash), partition: Number(name.slice(slash + 1)) };
}

/** Whether a transaction that failed so may go well when it is written anew. */
function mayWriteAnew(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (at instanceof BrokerError) return isPassing(at) || writtenAnew.has(at.number);
    if (isPassing(at)) return true;
  }
  return false;
}

/**
 * Waits until readers see what was committed: markers follow the end of a transaction after a few milliseconds.
 *
 * @param counts records that were written, by `topic/partition`
 * @param endsOf the ends of what is settled
 */
export async function settled(first: FirstOffsets, counts: ReadonlyMap<string, number>, endsOf: (partitions: readonly TopicPartition[]) => Promise<ReadonlyMap<string, number>>, clock: Clock = systemClock): Promise<void> {
  let waiting = [...first].map(([name, offset]) => ({ ...partitionNamed(name), to: offset + counts.get(name)! }));
  const started = clock.now();
  while (waiting.length > 0 && clock.now() - started < settleMs) {
    // it is committed, whatever leaders answer now: a failure here would have it written once more
    const ends = await endsOf(waiting).catch(() => new Map<string, number>());
    waiting = waiting.filter(({ topic, partition, to }) => (ends.get(`${topic}/${partition}`) ?? 0) < to);
    // as a rule it takes a few milliseconds: who waits for longer asks less often, and learns of it a quarter later at most
    if (waiting.length > 0) await clock.wait(Math.max(1, (clock.now() - started) / 4));
  }
}
