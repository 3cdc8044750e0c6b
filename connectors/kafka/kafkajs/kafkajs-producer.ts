import { randomUUID } from 'node:crypto';
import type { Message, Producer, TopicMessages } from 'kafkajs';
import { HeadraceError } from '../../../dataflow/errors.js';
import type { Header, RecordBlock } from '../../../dataflow/record-block.js';
import type { Cluster } from '../cluster.js';
import { commitPositions } from '../transactions/commit-positions.js';
import { commitOnce, partitionNamed, settled, UnknownEnd } from '../transactions/commit-once.js';
import { brokerErrorOf, checkAnswer, kafkaError } from '../kafka-errors.js';
import type { PartitionReader } from '../partition-reader.js';
import { field } from '../records/record-batch.js';
import { fetchRequest } from '../protocol/record-requests.js';
import type { FirstOffsets, Transaction, TransactionalProducer } from '../transactions/transaction.js';
import { addOffsetsRequest, commitOffsetsRequest, type ProducerIdentity } from '../protocol/transaction-requests.js';
import { transactionTimeoutMs } from '../transactions/transactional-producer.js';
import type { ClaimRegister } from './claim-register.js';
import { createKafkajs, type KafkajsClient, type KafkajsOptions } from './kafkajs-connections.js';
import { fromKafkajs } from './kafkajs-errors.js';
import { compressionNumber } from './load-kafkajs.js';

export interface KafkajsProducerOptions extends KafkajsOptions {
  /** For requests of ours over its connections. */
  readonly cluster: Cluster;
  readonly transactionalId: string;
  readonly reader: PartitionReader;
  /** Where it is noted who owns the id; undefined when nobody else wants it. */
  readonly claims?: ClaimRegister | undefined;
}

/** A producer, and how to be rid of it. */
export interface KafkajsProducer extends TransactionalProducer {
  /** Gives its connections up. */
  cut(): void;
}

/** Records of one call: kafkajs encodes a call in one go and makes some objects a record, and with more of them garbage outweighs the calls that are saved. */
const callRecords = 1_000;

/**
 * Writes transactions with kafkajs's producer. It speaks version 1, has no identity to come back with (KIP-360), and is never used again after an
 * error: a new one is initialised in its place, which settles what was open and shuts delayed requests out.
 *
 * That alone would let a process that stood still shut out the one that took over. So who claims an id says so in a register *before* it initialises, and who initialises
 * goes on only when it finds its own claim to be the last one *afterwards*. A claim made before one's own initialisation is seen by that look, and one made after it shuts us out.
 */
export function kafkajsProducer({ cluster, transactionalId, reader, claims, ...options }: KafkajsProducerOptions): KafkajsProducer {
  const { patiently } = cluster;
  const { batchBytes, compression } = options.settings;
  const claim = randomUUID();
  let current: { readonly client: KafkajsClient; readonly producer: Producer; identity?: ProducerIdentity } | undefined;

  const cut = (): void => {
    current?.client.cut();
    current = undefined;
  };
  const init = async (): Promise<void> => {
    cut();
    const client = createKafkajs(options);
    const producer = client.kafka.producer({ transactionalId, idempotent: true, maxInFlightRequests: 1, transactionTimeout: transactionTimeoutMs, allowAutoTopicCreation: false, retry: { retries: 5 }, createPartitioner: () => ({ message }) => message.partition! });
    try {
      await producer.connect();
      // a transaction is what initialises it; an empty one is ended without a request
      await (await producer.transaction()).abort();
    } catch (error) {
      client.cut();
      throw fromKafkajs(error, `claiming ${transactionalId}`);
    }
    current = { client, producer };
  };
  const checkClaim = async (): Promise<void> => {
    if (claims !== undefined && (await claims.owner(transactionalId)) !== claim) throw new HeadraceError('HR_EPOCH_FENCED', `Another process has taken over ${transactionalId}.`);
  };

  const write = async ({ outputs, offsets }: Transaction): Promise<ReadonlyMap<string, number>> => {
    if (current === undefined) throw new Error('a producer has to be claimed before it writes');
    const first = new Map<string, number>();
    const counts = new Map<string, number>();
    const transaction = await current.producer.transaction();
    for (const topicMessages of calls(outputs, batchBytes)) {
      try {
        for (const { topicName, partition, baseOffset } of await transaction.sendBatch({ topicMessages, acks: -1, compression: compressionNumber(compression) })) {
          if (!first.has(`${topicName}/${partition}`)) first.set(`${topicName}/${partition}`, Number(baseOffset));
        }
      } catch (cause) {
        const names = topicMessages.map((t) => t.topic);
        const error = fromKafkajs(cause, `writing to ${names.join(', ')}`);
        const number = brokerErrorOf(error)?.number;
        if (number === kafkaError.messageTooLarge || number === kafkaError.recordListTooLarge) {
          throw new HeadraceError('HR_RECORD_TOO_LARGE', `A record for topic ${names.join(' or ')} is larger than the broker takes.`, { cause, place: { topic: names[0]! } });
        }
        throw error;
      }
      for (const { topic, messages } of topicMessages) for (const { partition } of messages) counts.set(`${topic}/${partition}`, (counts.get(`${topic}/${partition}`) ?? 0) + 1);
    }
    if (offsets !== undefined && offsets.positions.length > 0) {
      // its own request (version 1) knows no generation, so that a group could not refuse it
      const { group } = offsets.member.now();
      const owner = (current.identity ??= await writerOf(cluster, first));
      await cluster.coordinator('transaction', transactionalId, addOffsetsRequest(transactionalId, owner, group));
      await commitPositions(offsets, (member) => cluster.coordinator('group', group, commitOffsetsRequest(3, transactionalId, owner, member, offsets.positions)));
    }
    try {
      await transaction.commit();
    } catch (error) {
      throw new UnknownEnd(fromKafkajs(error, `ending a transaction of ${transactionalId}`), outputs, first);
    }
    await settled(first, counts, async (partitions) => new Map(await Promise.all(partitions.map(async (at) => [`${at.topic}/${at.partition}`, (await reader.bounds(at)).end] as const))));
    return first;
  };
  const recover = async (): Promise<void> => {
    // before as well: who was replaced does not disturb
    await checkClaim();
    await patiently(`claiming ${transactionalId}`, init);
    await checkClaim();
  };

  return {
    async claim() {
      await claims?.write(transactionalId, claim);
      await patiently(`claiming ${transactionalId}`, init);
      await checkClaim();
    },
    commit: (transaction) => patiently(`a transaction of ${transactionalId}`, () => commitOnce({ write: () => write(transaction), recover, stillNext: transaction.stillNext }, reader, patiently)),
    cut,
  };
}

/** Whom kafkajs writes as, which it does not tell: from the head of a batch that it has just written. */
async function writerOf(cluster: Cluster, first: FirstOffsets): Promise<ProducerIdentity> {
  const [written] = first;
  if (written === undefined) throw new Error('positions are committed with records');
  const [name, offset] = written;
  const at = partitionNamed(name);
  const { error, records } = await cluster.node(await cluster.leader(at), 'write', fetchRequest(at, offset, 1, 'everything'));
  checkAnswer(error, `reading ${name}`);
  const head = new DataView(records.buffer, records.byteOffset, records.byteLength);
  return { id: head.getBigInt64(field.producerId), epoch: head.getInt16(field.producerEpoch) };
}

/** Records as calls of `sendBatch`: in order within a partition, and bounded in number and bytes. */
function* calls(outputs: Transaction['outputs'], maxBytes: number): Generator<TopicMessages[]> {
  let topics = new Map<string, Message[]>();
  let count = 0;
  let bytes = 0;
  for (const { topic, partition, block } of outputs) {
    for (let row = 0; row < block.count; row++) {
      const size = Math.max(0, block.keyLength[row]!) + Math.max(0, block.valueLength[row]!);
      if (count === callRecords || (count > 0 && bytes + size > maxBytes)) {
        yield Array.from(topics, ([topic, messages]) => ({ topic, messages }));
        topics = new Map();
        count = 0;
        bytes = 0;
      }
      let messages = topics.get(topic);
      if (messages === undefined) topics.set(topic, (messages = []));
      messages.push(messageOf(block, row, partition));
      count += 1;
      bytes += size;
    }
  }
  if (count > 0) yield Array.from(topics, ([topic, messages]) => ({ topic, messages }));
}

function messageOf(block: RecordBlock, row: number, partition: number): Message {
  const part = (at: number, length: number): Buffer | null => (length < 0 ? null : Buffer.from(block.bytes.buffer, block.bytes.byteOffset + at, length));
  const headers = block.headers?.get(row);
  return {
    partition,
    key: part(block.keyOffset[row]!, block.keyLength[row]!),
    value: part(block.valueOffset[row]!, block.valueLength[row]!),
    timestamp: String(block.timestamps[row]!),
    ...(headers === undefined ? {} : { headers: headersOf(headers) }),
  };
}

/** kafkajs keeps headers by name: those of one name keep their order, and stand together. */
function headersOf(headers: readonly Header[]): NonNullable<Message['headers']> {
  const byName: Record<string, Buffer[]> = {};
  for (const { key, value } of headers) (byName[key] ??= []).push(Buffer.from(value.buffer, value.byteOffset, value.length));
  return byName;
}
