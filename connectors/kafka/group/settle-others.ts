import type { RecordBlock } from '../../../dataflow/record-block.js';
import type { Cluster } from '../cluster.js';
import { decodeRecords } from '../records/decode-records.js';
import { BrokerError, checkAnswer, kafkaError } from '../kafka-errors.js';
import { fetchRequest, listOffsetsRequest, offsetOf } from '../protocol/record-requests.js';
import type { TopicPartition } from '../protocol/requests.js';
import { initProducerRequest } from '../protocol/transaction-requests.js';
import { transactionTimeoutMs } from '../transactions/transactional-producer.js';

const pauseMs = 10;
/** A transaction that is being committed takes a few milliseconds: only one that is open for longer is ended by force. */
const patienceMs = 200;

/**
 * Waits until a partition has no open transaction, so that a read-committed reader sees all that can ever be committed before what comes next. A producer whose transaction stays open has died or stands
 * still: its transactional id, which its records name, is claimed, and that aborts it (or finishes it, when its commit was decided).
 *
 * It is called by who has just been given the task of the partition: positions that an earlier owner has not yet added to its transaction are refused from then on, so nothing opens there again that could be committed.
 */
export async function settleOthers(cluster: Cluster, at: TopicPartition, own: string, ownerOf: (block: RecordBlock, row: number) => string | undefined): Promise<void> {
  const { clock } = cluster;
  const what = `what is open in ${at.topic}/${at.partition}`;
  const started = clock.now();
  const ended = new Set<string>([own]);
  for (;;) {
    const [stable, end] = await cluster.patiently(what, async () => {
      const leader = await cluster.leader(at);
      return Promise.all(
        (['committed', 'everything'] as const).map(async (isolation) => {
          const [answer] = await cluster.node(leader, 'control', listOffsetsRequest([{ ...at, time: offsetOf.end }], isolation));
          checkAnswer(answer?.error ?? kafkaError.unknownTopic, what);
          return answer!.offset;
        }),
      );
    });
    if (stable === end) return;
    if (clock.now() - started >= patienceMs) {
      for (const owner of await ownersOf(cluster, at, stable!, ownerOf)) {
        if (ended.has(owner)) continue;
        ended.add(owner);
        await cluster.patiently(`ending what ${owner} has left open`, async () => {
          try {
            await cluster.coordinator('transaction', owner, initProducerRequest(owner, transactionTimeoutMs, undefined));
          } catch (error) {
            // its commit or abort is on its way
            if (!(error instanceof BrokerError) || error.number !== kafkaError.concurrentTransactions) throw error;
          }
        });
      }
    }
    await clock.wait(pauseMs);
  }
}

/** Who has written records from an offset on, committed or not. */
async function ownersOf(cluster: Cluster, at: TopicPartition, offset: number, ownerOf: (block: RecordBlock, row: number) => string | undefined): Promise<Set<string>> {
  const fetched = await cluster.patiently(`reading ${at.topic}/${at.partition}`, async () => {
    const answer = await cluster.node(await cluster.leader(at), 'control', fetchRequest(at, offset, cluster.settings.fetchBytes, 'everything'));
    checkAnswer(answer.error, `reading ${at.topic}/${at.partition}`);
    return answer;
  });
  const { block } = decodeRecords(fetched.records, { from: offset, aborted: [], place: at });
  return new Set(Array.from({ length: block?.count ?? 0 }, (_, row) => ownerOf(block!, row)).filter((owner) => owner !== undefined));
}
