import { kafkaError } from '../../../connectors/kafka/kafka-errors.js';
import { field } from '../../../connectors/kafka/records/record-batch.js';
import type { ProducerIdentity } from '../../../connectors/kafka/protocol/transaction-requests.js';
import type { ResponseReader } from '../../../connectors/kafka/protocol/response-reader.js';
import { answerWriter } from './answer-writer.js';
import { type Answer, asCoordinator, coordinatorNotAvailable, eachPartition, writePartitions } from './asked.js';
import { groupAnswers } from './group-answers.js';
import { offsetByTime } from './offset-by-time.js';
import type { PartitionLog } from './partition-log.js';
import type { SimulatedBrokers, Trouble } from './simulated-brokers.js';

const notLeader = 6;
const notEnoughReplicas = 19;
const notEnoughReplicasAfterAppend = 20;

/** Newest version of each kind of request. */
const newest: readonly (readonly [number, number])[] = [[0, 12], [1, 12], [2, 7], [3, 12], [8, 8], [9, 8], [10, 4], [11, 7], [12, 4], [13, 4], [14, 5], [18, 3], [19, 7], [21, 2], [22, 4], [24, 3], [25, 3], [26, 5], [28, 5], [32, 4]];

const apiVersions: Answer = ({ brokers, reply }) => {
  const w = answerWriter().int16(0);
  w.array(newest, ([key, version]) => w.int16(key).int16(0).int16(version).tags());
  w.int32(0);
  const { transactionVersion } = brokers.traits;
  if (transactionVersion === 0) return reply(w.tags().take());
  const features = answerWriter();
  features.array(['transaction.version'], (name) => features.text(name).int16(transactionVersion).int16(transactionVersion).tags());
  const bytes = features.take();
  w.unsigned(1).unsigned(2).unsigned(bytes.length);
  for (const byte of bytes) w.int8((byte << 24) >> 24);
  reply(w.take());
};

const metadata: Answer = ({ brokers, request, reply }) => {
  const count = request.int8();
  // null, in the one byte of its size
  const isAll = count === 0;
  const names: string[] = [];
  for (let i = 1; i < count; i++) {
    request.uuid();
    names.push(request.text()!);
    request.tags();
  }
  const found = isAll ? [...brokers.topics.keys()] : names;
  const w = answerWriter().int32(0);
  w.array(Array.from({ length: brokers.count }, (_, id) => id).filter((id) => brokers.isUp(id)), (id) => w.int32(id).text(`broker-${id}`).int32(9092).text(null).tags());
  w.text('simulated').int32(brokers.coordinatorOf('group', ' controller'));
  w.array(found, (name) => {
    const topic = brokers.topic(name);
    w.int16(topic === undefined ? kafkaError.unknownTopic : 0).text(name).uuid(topic?.id ?? '0'.repeat(32)).boolean(false);
    w.array(topic?.partitions.map((_, i) => i) ?? [], (partition) => {
      w.int16(0).int32(partition).int32(brokers.leaderOf(name, partition)).int32(0);
      for (let lists = 0; lists < 3; lists++) w.array([0], (id) => w.int32(id));
      w.tags();
    });
    w.int32(-2147483648).tags();
  });
  reply(w.tags().take());
};

const createTopics: Answer = ({ brokers, request, trouble, reply }) => {
  const asked = request.array((r) => {
    const name = r.text()!;
    const partitions = r.int32();
    r.int16();
    r.array(() => undefined);
    const configs = r.array(() => {
      const config = [r.text()!, r.text() ?? ''] as const;
      r.tags();
      return config;
    });
    r.tags();
    return { name, partitions, configs: new Map(configs) };
  });
  const w = answerWriter().int32(0);
  w.array(asked, ({ name, partitions, configs }) => {
    let error = brokers.topic(name) === undefined ? 0 : kafkaError.topicExists;
    if (trouble === 'refuses') error = 7;
    else if (error === 0) brokers.createTopic(name, partitions, configs);
    if (trouble === 'does it and says it could not') error = 7;
    w.text(name).uuid(brokers.topic(name)?.id ?? '0'.repeat(32)).int16(error).text(null).int32(partitions).int16(1).array([], () => undefined).tags();
  });
  reply(w.tags().take());
};

const describeConfigs: Answer = ({ brokers, request, reply }) => {
  const asked = request.array((r) => {
    r.int8();
    const name = r.text()!;
    const keys = r.array(() => r.text()!);
    r.tags();
    return { name, keys };
  });
  const w = answerWriter().int32(0);
  w.array(asked, ({ name, keys }) => {
    const topic = brokers.topic(name);
    w.int16(topic === undefined ? kafkaError.unknownTopic : 0).text(null).int8(2).text(name);
    w.array(topic === undefined ? [] : keys, (key) => {
      w.text(key).text(topic!.configs.get(key) ?? null).boolean(false).int8(1).boolean(false).array([], () => undefined).int8(0).text(null).tags();
    });
    w.tags();
  });
  reply(w.tags().take());
};

const listOffsets: Answer = ({ brokers, arrival, request, trouble, reply }) => {
  request.int32();
  const isCommitted = request.int8() === 1;
  const asked = eachPartition(request, (topic, partition) => {
    request.int32();
    return { topic, partition, time: request.long() };
  });
  const w = answerWriter().int32(0);
  writePartitions(w, asked, ({ topic, partition, time }) => {
    const log = brokers.topic(topic)?.partitions[partition];
    const error = leaderError(brokers, arrival.broker, topic, partition, log, trouble);
    w.int32(partition).int16(error).int64(-1);
    if (error !== 0) w.int64(-1);
    else w.int64(time === -2 ? log!.start : time === -1 ? (isCommitted ? log!.stable : log!.end) : offsetByTime(log!, time));
    w.int32(0);
  });
  reply(w.tags().take());
};

function leaderError(brokers: SimulatedBrokers, broker: number, topic: string, partition: number, log: PartitionLog | undefined, trouble: Trouble): number {
  if (log === undefined) return kafkaError.unknownTopic;
  const error = brokers.responsible(broker, `${topic}/${partition}`, notLeader);
  return error !== 0 ? error : trouble === 'none' ? 0 : 9;
}

const fetch: Answer = ({ brokers, arrival, request, trouble, reply }) => {
  request.int32();
  request.int32();
  request.int32();
  const maxBytes = request.int32();
  const isCommitted = request.int8() === 1;
  request.int32();
  request.int32();
  const asked = eachPartition(request, (topic, partition) => {
    request.int32();
    const offset = request.long();
    request.int32();
    request.int64();
    return { topic, partition, offset, maxBytes: request.int32() };
  });
  const w = answerWriter().int32(0).int16(0).int32(0);
  writePartitions(w, asked, (at) => {
    const log = brokers.topic(at.topic)?.partitions[at.partition];
    let error = leaderError(brokers, arrival.broker, at.topic, at.partition, log, trouble);
    if (error === 0 && (at.offset < log!.start || at.offset > log!.end)) error = kafkaError.offsetOutOfRange;
    w.int32(at.partition).int16(error).int64(log?.end ?? -1).int64(log?.stable ?? -1).int64(log?.start ?? -1);
    const { bytes, aborted } = error === 0 ? log!.read(at.offset, Math.min(maxBytes, at.maxBytes), isCommitted) : { bytes: new Uint8Array(0), aborted: [] };
    w.array(aborted, ({ producerId, first }) => w.int64(producerId).int64(first).tags());
    w.int32(-1).bytes(bytes);
  });
  reply(w.tags().take());
};

const produce: Answer = ({ brokers, arrival, request, trouble, reply }) => {
  const transactionalId = request.text();
  request.int16();
  request.int32();
  const asked = eachPartition(request, (topic, partition) => ({ topic, partition, bytes: Buffer.from(request.bytes()) }));
  const w = answerWriter();
  writePartitions(w, asked, ({ topic, partition, bytes }) => {
    const log = brokers.topic(topic)?.partitions[partition];
    let error = log === undefined ? kafkaError.unknownTopic : brokers.responsible(arrival.broker, `${topic}/${partition}`, notLeader);
    let base = -1;
    if (error === 0 && trouble === 'refuses') error = notEnoughReplicas;
    if (error === 0) error = admit(brokers, arrival.version >= 12 ? 2 : 1, transactionalId, `${topic}/${partition}`, log!, bytes);
    if (error === 0) ({ error, base } = log!.append(bytes, arrival.process));
    if (error === 0 && trouble !== 'none') {
      error = notEnoughReplicasAfterAppend;
      base = -1;
    }
    w.int32(partition).int16(error).int64(base).int64(-1).int64(0).array([], () => undefined).text(null);
  });
  reply(w.int32(0).tags().take());
};

/** Whether a batch may begin, or belongs to, a transaction at a partition: asked of the coordinator when the log has none of its producer open. */
function admit(brokers: SimulatedBrokers, version: 1 | 2, transactionalId: string | undefined, part: string, log: PartitionLog, bytes: Buffer): number {
  if (transactionalId === undefined) return 0;
  const owner = { id: bytes.readBigInt64BE(field.producerId), epoch: bytes.readInt16BE(field.producerEpoch) };
  if (log.hasOpen(owner.id, owner.epoch)) return 0;
  if (version === 1 && !brokers.traits.verifiesPartitions) return 0;
  const error = version === 2 ? brokers.transactions.add(transactionalId, owner, [part]) : brokers.transactions.verify(transactionalId, owner, part);
  if (error === kafkaError.producerFenced) return kafkaError.invalidProducerEpoch;
  return error === kafkaError.concurrentTransactions && version === 1 ? notEnoughReplicas : error;
}

const findCoordinator: Answer = ({ brokers, request, trouble, reply }) => {
  const kind = request.int8() === 0 ? 'group' : 'transaction';
  const names = request.array((r) => r.text()!);
  const w = answerWriter().int32(0);
  w.array(names, (name) => {
    const id = brokers.coordinatorOf(kind, name);
    w.text(name).int32(id).text(`broker-${id}`).int32(9092).int16(trouble === 'none' ? 0 : coordinatorNotAvailable).text(null).tags();
  });
  reply(w.tags().take());
};

/** Reads who asks in a transaction. */
function owner(request: ResponseReader): ProducerIdentity {
  return { id: request.int64(), epoch: request.int16() };
}

const initProducer: Answer = (asked) => {
  const { brokers, arrival, request, reply } = asked;
  const transactionalId = request.text()!;
  const timeoutMs = request.int32();
  const before = owner(request);
  let identity = { id: -1n, epoch: -1 };
  const error = asCoordinator(asked, 'transaction', transactionalId, () => {
    const done = brokers.transactions.init(transactionalId, timeoutMs, before.id < 0n ? undefined : before, arrival.process);
    identity = done;
    return done.error;
  });
  reply(answerWriter().int32(0).int16(error).int64(error === 0 ? identity.id : -1n).int16(error === 0 ? identity.epoch : -1).tags().take());
};

const addPartitions: Answer = (asked) => {
  const { brokers, request, reply } = asked;
  const transactionalId = request.text()!;
  const producer = owner(request);
  const topics = eachPartition(request, (topic, partition) => ({ partition, name: `${topic}/${partition}` }), false);
  const error = asCoordinator(asked, 'transaction', transactionalId, () => brokers.transactions.add(transactionalId, producer, topics.flatMap((t) => t.entries.map((e) => e.name))));
  const w = answerWriter().int32(0);
  writePartitions(w, topics, ({ partition }) => w.int32(partition).int16(error));
  reply(w.tags().take());
};

const addOffsets: Answer = (asked) => {
  const { brokers, request, reply } = asked;
  const transactionalId = request.text()!;
  const producer = owner(request);
  const group = request.text()!;
  const error = asCoordinator(asked, 'transaction', transactionalId, () => brokers.transactions.add(transactionalId, producer, [`group ${group}`]));
  reply(answerWriter().int32(0).int16(error).tags().take());
};

const endTransaction: Answer = (asked) => {
  const { brokers, arrival, request, reply } = asked;
  const transactionalId = request.text()!;
  const producer = owner(request);
  const isCommit = request.boolean();
  const version = arrival.version >= 5 ? 2 : 1;
  let next = producer;
  const error = asCoordinator(asked, 'transaction', transactionalId, () => {
    const done = brokers.transactions.end(transactionalId, producer, isCommit, version);
    next = done;
    return done.error;
  });
  const w = answerWriter().int32(0).int16(error);
  if (version === 2) w.int64(error === 0 ? next.id : -1n).int16(error === 0 ? next.epoch : -1);
  reply(w.tags().take());
};

const deleteRecords: Answer = ({ brokers, arrival, request, trouble, reply }) => {
  const asked = eachPartition(request, (topic, partition) => ({ topic, partition, before: request.long() }));
  const w = answerWriter().int32(0);
  writePartitions(w, asked, ({ topic, partition, before }) => {
    const log = brokers.topic(topic)?.partitions[partition];
    const error = leaderError(brokers, arrival.broker, topic, partition, log, trouble);
    if (error === 0) log!.deleteBefore(before);
    w.int32(partition).int64(log?.start ?? -1).int16(error);
  });
  reply(w.tags().take());
};

/** By the number of the kind of request (https://kafka.apache.org/protocol#protocol_api_keys). */
export const answers: Readonly<Record<number, Answer>> = {
  0: produce, 1: fetch, 2: listOffsets, 3: metadata, 10: findCoordinator, 18: apiVersions, 19: createTopics, 21: deleteRecords, 22: initProducer, 24: addPartitions, 25: addOffsets, 26: endTransaction, 32: describeConfigs, ...groupAnswers,
};
