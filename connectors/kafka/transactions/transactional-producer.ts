import { HeadraceError } from '../../../dataflow/errors.js';
import type { RecordBlock } from '../../../dataflow/record-block.js';
import type { Cluster } from '../cluster.js';
import { columnarSource } from '../columnar-source.js';
import { commitPositions } from './commit-positions.js';
import { commitOnce, settled, UnknownEnd } from './commit-once.js';
import { type EncodedBatch, encodeRecords, sequenceAfter } from '../records/encode-records.js';
import { BrokerError, brokerErrorOf, checkAnswer, kafkaError } from '../kafka-errors.js';
import { createPartitionReader } from '../partition-reader.js';
import { listOffsetsRequest, offsetOf, produceRequest } from '../protocol/record-requests.js';
import type { TopicPartition } from '../protocol/requests.js';
import type { FirstOffsets, Transaction, TransactionalProducer } from './transaction.js';
import { addOffsetsRequest, addPartitionsRequest, commitOffsetsRequest, endTransactionRequest, initProducerRequest, type ProducerIdentity } from '../protocol/transaction-requests.js';

/** After so long the broker aborts a transaction that is not ended. */
export const transactionTimeoutMs = 60_000;
const produceTimeoutMs = 30_000;
/** Bytes of one request, about. */
const requestBytes = 8 * 1_048_576;

/**
 * Speaks transactions of version 2 (KIP-890) where the brokers have them, and of version 1 before: there every partition is added to the transaction
 * first, and the epoch does not change from one to the next.
 *
 * @param useVersion 1: the old protocol on any broker
 */
export function createProducer(cluster: Cluster, transactionalId: string, useVersion?: 1 | 2): TransactionalProducer {
  let identity: ProducerIdentity | undefined;
  let sequences = new Map<string, number>();
  const pool = bufferPool();
  const reader = createPartitionReader(columnarSource(cluster));

  const init = (before: ProducerIdentity | undefined) =>
    cluster.patiently(`claiming ${transactionalId}`, () => cluster.coordinator('transaction', transactionalId, initProducerRequest(transactionalId, transactionTimeoutMs, before)));
  const versionOf = async (): Promise<1 | 2> => useVersion ?? ((await cluster.abilities()).transactionVersion >= 2 ? 2 : 1);
  /** A transaction before is still being finished: a short while. */
  const soon = <T>(what: string, attempt: () => Promise<T>): Promise<T> =>
    cluster.patiently(what, async () => {
      try {
        return await attempt();
      } catch (error) {
        throw error instanceof HeadraceError || (error instanceof BrokerError && mayRepeat.has(error.number)) ? error : new Unrepeatable(error);
      }
    });

  const produce = async (version: 1 | 2, owner: ProducerIdentity, outputs: Transaction['outputs']): Promise<{ first: Map<string, number>; counts: Map<string, number> }> => {
    const groups = new Map<string, { at: TopicPartition; blocks: RecordBlock[] }>();
    for (const { topic, partition, block } of outputs) {
      if (block.count === 0) continue;
      const name = `${topic}/${partition}`;
      const group = groups.get(name);
      if (group) group.blocks.push(block);
      else groups.set(name, { at: { topic, partition }, blocks: [block] });
    }
    const counts = new Map<string, number>();
    const parts: { readonly at: TopicPartition; readonly batches: Iterator<EncodedBatch, undefined> }[] = [];
    for (const [name, { at, blocks }] of groups) {
      const sequence = sequences.get(name) ?? 0;
      const count = blocks.reduce((sum, block) => sum + block.count, 0);
      const { compression, batchBytes } = cluster.settings;
      parts.push({ at, batches: encodeRecords(blocks, { producer: { ...owner, transactional: true }, sequence, compression, batchBytes, allocate: pool.allocate }) });
      counts.set(name, count);
      sequences.set(name, sequenceAfter(sequence, count));
    }
    if (version === 1 && groups.size > 0) {
      const request = addPartitionsRequest(transactionalId, owner, [...groups.values()].map((g) => g.at));
      await soon('beginning a transaction', () => cluster.coordinator('transaction', transactionalId, request));
    }
    const first = new Map<string, number>();
    // the n-th batch of each partition goes into the n-th round: a request has one batch a partition
    for (let isFirst = true; ; isFirst = false) {
      const requests: { leader: number; entries: (TopicPartition & { batch: Uint8Array })[]; size: number }[] = [];
      for (const { at, batches } of parts) {
        const batch = batches.next().value?.bytes;
        if (batch === undefined) continue;
        const leader = await cluster.leader(at);
        let request = requests.find((r) => r.leader === leader && r.size + batch.length <= requestBytes);
        if (request === undefined) requests.push((request = { leader, entries: [], size: 0 }));
        request.entries.push({ ...at, batch });
        request.size += batch.length;
      }
      if (requests.length === 0) break;
      const ends = await Promise.allSettled(
        requests.map(({ leader, entries }) => {
          const request = produceRequest(version === 2 ? 12 : 9, transactionalId, entries, produceTimeoutMs);
          const attempt = async () => {
            const answers = await cluster.node(leader, 'write', request);
            for (const { topic, partition, error, detail, baseOffset } of answers) {
              if (error === kafkaError.messageTooLarge || error === kafkaError.recordListTooLarge) {
                throw new HeadraceError('HR_RECORD_TOO_LARGE', `A record for topic ${topic} is larger than the broker takes${detail === undefined ? '' : `: ${detail}`}.`, { place: { topic, partition } });
              }
              // what was written by an attempt before
              if (error !== kafkaError.duplicateSequence) checkAnswer(error, `writing to ${topic}/${partition}`, detail);
              if (!first.has(`${topic}/${partition}`)) first.set(`${topic}/${partition}`, baseOffset);
            }
          };
          // with version 2 the first write begins the transaction, and may meet the end of the one before
          return isFirst ? soon('beginning a transaction', attempt) : attempt();
        }),
      );
      // none is under way any more, so none is sent again with what comes into its memory next
      pool.release();
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
    }
    return { first, counts };
  };

  /**
   * Aborts what may be open, with transactions of version 2: Kafka 4.0 and 4.1 forget the owner of a transaction that InitProducerId finds open, and would refuse it as if another had taken over.
   * With version 1 this must not be done: the marker of an abort has the epoch of the producer, and a batch that is still on its way would pass behind it, into the next transaction.
   */
  const abort = (owner: ProducerIdentity): Promise<void> =>
    cluster.patiently(`aborting a transaction of ${transactionalId}`, async () => {
      try {
        await cluster.coordinator('transaction', transactionalId, endTransactionRequest(5, transactionalId, owner, false));
      } catch (error) {
        // any other answer says that nothing is open under this epoch, or that it is being ended
        if (!(error instanceof BrokerError) || coordinatorMoves.has(error.number)) throw error;
      }
    });
  const recover = async (): Promise<void> => {
    // it may have failed because another broker leads now
    cluster.forget();
    try {
      if (identity !== undefined && (await versionOf()) === 2) await abort(identity);
      identity = await init(identity);
      sequences = new Map();
    } catch (error) {
      const answer = brokerErrorOf(error)?.number;
      if (answer === kafkaError.producerFenced || answer === kafkaError.invalidProducerEpoch) {
        throw new HeadraceError('HR_EPOCH_FENCED', `Another process has taken over ${transactionalId}.`, { cause: error });
      }
      throw error;
    }
  };

  const write = async ({ outputs, offsets }: Transaction): Promise<FirstOffsets> => {
    if (identity === undefined) throw new Error('a producer has to be claimed before it writes');
    const owner = identity;
    const version = await versionOf();
    const { first, counts } = await produce(version, owner, outputs);
    if (offsets !== undefined && offsets.positions.length > 0) {
      const { group } = offsets.member.now();
      if (version === 1) await soon('beginning a transaction', () => cluster.coordinator('transaction', transactionalId, addOffsetsRequest(transactionalId, owner, group)));
      await commitPositions(offsets, (member) => soon('committing offsets', () => cluster.coordinator('group', group, commitOffsetsRequest(version === 2 ? 5 : 3, transactionalId, owner, member, offsets.positions))));
    }
    try {
      identity = await cluster.coordinator('transaction', transactionalId, endTransactionRequest(version === 2 ? 5 : 3, transactionalId, owner, true));
    } catch (error) {
      throw new UnknownEnd(error, outputs, first);
    }
    // each transaction of version 2 has an epoch of its own, and sequences begin anew with it
    if (identity.epoch !== owner.epoch || identity.id !== owner.id) sequences = new Map();
    await settled(first, counts, (partitions) => endsOf(cluster, partitions), cluster.clock);
    return first;
  };

  return {
    async claim() {
      identity = await init(undefined);
      sequences = new Map();
    },
    commit: (transaction) => cluster.patiently(`a transaction of ${transactionalId}`, () => commitOnce({ write: () => write(transaction), recover, stillNext: transaction.stillNext }, reader, cluster.patiently)),
  };
}

/** The ends of what is settled in partitions. */
async function endsOf(cluster: Cluster, partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, number>> {
  const leaders = new Map<number, (TopicPartition & { readonly time: number })[]>();
  for (const { topic, partition } of partitions) {
    const leader = await cluster.leader({ topic, partition });
    leaders.set(leader, [...(leaders.get(leader) ?? []), { topic, partition, time: offsetOf.end }]);
  }
  const ends = new Map<string, number>();
  for (const [leader, entries] of leaders) {
    for (const { topic, partition, offset, error } of await cluster.node(leader, 'write', listOffsetsRequest(entries))) {
      if (error === 0) ends.set(`${topic}/${partition}`, offset);
      else cluster.forget();
    }
  }
  return ends;
}

/** Memory for the batches of one round after the other: a batch is a megabyte, and fresh ones for each would keep the collector busy. */
function bufferPool(): { readonly allocate: (size: number) => Buffer; readonly release: () => void } {
  let free: Buffer[] = [];
  let used: Buffer[] = [];
  return {
    allocate(size) {
      const at = free.findIndex((buffer) => buffer.length >= size);
      const buffer = at < 0 ? Buffer.allocUnsafeSlow(size) : free.splice(at, 1)[0]!;
      used.push(buffer);
      return buffer;
    },
    release() {
      free = [...free, ...used];
      used = [];
    },
  };
}

const coordinatorMoves: ReadonlySet<number> = new Set([14, 15, 16]);
/** Errors after which a part of a transaction is asked for again. */
const mayRepeat: ReadonlySet<number> = new Set([...coordinatorMoves, kafkaError.concurrentTransactions]);

/** Keeps `patiently` from trying again what may have been done. */
class Unrepeatable extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
