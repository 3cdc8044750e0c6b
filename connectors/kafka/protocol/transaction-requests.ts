import { checkAnswer } from '../kafka-errors.js';
import { byTopic, partitions, type Request, type TopicPartition } from './requests.js';

/** A producer as the transaction coordinator knows it. */
export interface ProducerIdentity {
  readonly id: bigint;
  readonly epoch: number;
}

/** @param before the identity that goes on, which is refused when another has taken over (KIP-360); undefined takes over */
export function initProducerRequest(transactionalId: string, timeoutMs: number, before: ProducerIdentity | undefined): Request<ProducerIdentity> {
  const what = `transactional id ${transactionalId}`;
  return {
    key: 22,
    version: 4,
    what,
    encode: (w) => void w.appendString(transactionalId).appendInt32(timeoutMs).appendInt64(before?.id ?? -1n).appendInt16(before?.epoch ?? -1).appendTaggedFields(),
    decode(r) {
      r.int32();
      checkAnswer(r.int16(), what);
      return { id: r.int64(), epoch: r.int16() };
    },
  };
}

/** Transactions before version 2 only. */
export function addPartitionsRequest(transactionalId: string, producer: ProducerIdentity, entries: readonly TopicPartition[]): Request<void> {
  const what = `adding partitions to a transaction of ${transactionalId}`;
  return {
    key: 24,
    version: 3,
    what,
    encode: (w) =>
      void w
        .appendString(transactionalId)
        .appendInt64(producer.id)
        .appendInt16(producer.epoch)
        .appendArray(byTopic(entries), (w, [topic, list]) => w.appendString(topic).appendArray(list, (w, { partition }) => w.appendInt32(partition), true, false))
        .appendTaggedFields(),
    decode(r) {
      r.int32();
      partitions(r, (r, at) => checkAnswer(r.int16(), `${what}: ${at.topic}/${at.partition}`));
    },
  };
}

/** Transactions before version 2 only. */
export function addOffsetsRequest(transactionalId: string, producer: ProducerIdentity, group: string): Request<void> {
  const what = `adding offsets to a transaction of ${transactionalId}`;
  return {
    key: 25,
    version: 3,
    what,
    encode: (w) => void w.appendString(transactionalId).appendInt64(producer.id).appendInt16(producer.epoch).appendString(group).appendTaggedFields(),
    decode(r) {
      r.int32();
      checkAnswer(r.int16(), what);
    },
  };
}

/** Who commits offsets in a group; generation -1 where there is no membership. */
export interface GroupMember {
  readonly group: string;
  readonly generation: number;
  readonly member: string;
}

/** @param version 3, or 5 in transactions of version 2 */
export function commitOffsetsRequest(version: 3 | 5, transactionalId: string, producer: ProducerIdentity, { group, generation, member }: GroupMember, entries: readonly (TopicPartition & { readonly offset: number })[]): Request<void> {
  const what = `committing offsets of group ${group}`;
  return {
    key: 28,
    version,
    what,
    encode: (w) =>
      void w
        .appendString(transactionalId)
        .appendString(group)
        .appendInt64(producer.id)
        .appendInt16(producer.epoch)
        .appendInt32(generation)
        .appendString(member)
        .appendString(null)
        .appendArray(byTopic(entries), (w, [topic, list]) => w.appendString(topic).appendArray(list, (w, { partition, offset }) => w.appendInt32(partition).appendInt64(BigInt(offset)).appendInt32(-1).appendString(null)))
        .appendTaggedFields(),
    decode(r) {
      r.int32();
      partitions(r, (r, at) => checkAnswer(r.int16(), `${what} for ${at.topic}/${at.partition}`));
    },
  };
}

/** @param version 3, or 5 in transactions of version 2, where the answer has the identity for the next transaction */
export function endTransactionRequest(version: 3 | 5, transactionalId: string, producer: ProducerIdentity, commit: boolean): Request<ProducerIdentity> {
  const what = `${commit ? 'committing' : 'aborting'} a transaction of ${transactionalId}`;
  return {
    key: 26,
    version,
    what,
    encode: (w) => void w.appendString(transactionalId).appendInt64(producer.id).appendInt16(producer.epoch).appendBoolean(commit).appendTaggedFields(),
    decode(r) {
      r.int32();
      checkAnswer(r.int16(), what);
      return version === 3 ? producer : { id: r.int64(), epoch: r.int16() };
    },
  };
}
