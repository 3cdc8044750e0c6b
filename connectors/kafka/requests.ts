import { Writer } from '@platformatic/kafka';
import { BrokerError, checkAnswer } from './kafka-errors.js';
import type { ResponseReader } from './response-reader.js';

/** A request of Kafka's protocol, with the way to read its answer. */
export interface Request<R> {
  readonly key: number;
  readonly version: number;
  /** In words, for errors. */
  readonly what: string;
  encode(writer: Writer): void;
  /** @throws BrokerError when the answer as a whole is an error */
  decode(reader: ResponseReader): R;
}

/** A partition of a topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** Entries by topic, as requests list them. */
export function byTopic<T extends TopicPartition>(entries: readonly T[]): [string, T[]][] {
  const groups = new Map<string, T[]>();
  for (const entry of entries) {
    const group = groups.get(entry.topic);
    if (group) group.push(entry);
    else groups.set(entry.topic, [entry]);
  }
  return [...groups];
}

/** Answers of partitions, from `[topic, [partition …]]`. */
function partitions<T>(reader: ResponseReader, read: (reader: ResponseReader, at: TopicPartition) => T): T[] {
  return reader
    .array((r) => {
      const topic = r.text()!;
      const answers = r.array(() => {
        const answer = read(r, { topic, partition: r.int32() });
        r.tags();
        return answer;
      });
      r.tags();
      return answers;
    })
    .flat();
}

/** What a broker can do: the newest version of each API, and whether transactions of version 2 (KIP-890) are on. */
export interface Abilities {
  readonly newest: ReadonlyMap<number, number>;
  readonly transactionVersion: number;
}

export function apiVersionsRequest(): Request<Abilities> {
  return {
    key: 18,
    version: 3,
    what: 'ApiVersions',
    encode: (w) => void w.appendString('headrace').appendString('1').appendTaggedFields(),
    decode(r) {
      checkAnswer(r.int16(), 'ApiVersions');
      const newest = new Map<number, number>();
      r.array(() => {
        const key = r.int16();
        r.int16();
        newest.set(key, r.int16());
        r.tags();
      });
      r.int32();
      let transactionVersion = 0;
      r.tags({
        2: () =>
          r.array(() => {
            const feature = r.text();
            const level = r.int16();
            r.int16();
            r.tags();
            if (feature === 'transaction.version') transactionVersion = level;
          }),
      });
      return { newest, transactionVersion };
    },
  };
}

/** A broker by its number, and where it listens. */
export interface Node {
  readonly id: number;
  readonly host: string;
  readonly port: number;
}

export interface TopicMetadata {
  readonly name: string;
  readonly id: string;
  readonly isInternal: boolean;
  /** Leader of each partition, -1 when there is none now. */
  readonly leaders: readonly number[];
}

export interface Metadata {
  readonly clusterId: string;
  readonly controller: number;
  readonly nodes: readonly Node[];
  /** Topics that are there; what was asked for and is not is left out. */
  readonly topics: readonly TopicMetadata[];
}

/** @param topics names, or undefined for all */
export function metadataRequest(topics?: readonly string[]): Request<Metadata> {
  return {
    key: 3,
    version: 12,
    what: 'the list of topics',
    encode: (w) => void w.appendArray(topics === undefined ? null : [...topics], (w, name) => w.appendUUID(null).appendString(name)).appendBoolean(false).appendBoolean(false).appendTaggedFields(),
    decode(r) {
      r.int32();
      const nodes = r.array(() => {
        const node = { id: r.int32(), host: r.text()!, port: r.int32() };
        r.text();
        r.tags();
        return node;
      });
      const clusterId = r.text() ?? '';
      const controller = r.int32();
      const found = r.array(() => {
        const error = r.int16();
        const name = r.text() ?? '';
        const id = r.uuid();
        const isInternal = r.boolean();
        const leaders: number[] = [];
        r.array(() => {
          r.int16();
          const partition = r.int32();
          leaders[partition] = r.int32();
          r.int32();
          for (let lists = 0; lists < 3; lists++) r.array(() => r.int32());
          r.tags();
        });
        r.int32();
        r.tags();
        return { error, name, id, isInternal, leaders };
      });
      for (const { error, name } of found) if (error !== 0 && error !== 3 && error !== 5) throw new BrokerError(error, `topic ${name}`);
      return { clusterId, controller, nodes, topics: found.filter((t) => t.error !== 3 && t.leaders.length > 0) };
    },
  };
}

export interface NewTopic {
  readonly name: string;
  readonly partitions: number;
  readonly configs: Readonly<Record<string, string>>;
}

/** @param replication copies, or -1 for the broker's default */
export function createTopicRequest(topic: NewTopic, replication: number, timeoutMs: number): Request<void> {
  return {
    key: 19,
    version: 7,
    what: `making topic ${topic.name}`,
    encode: (w) =>
      void w
        .appendArray([topic], (w, { name, partitions, configs }) => {
          w.appendString(name).appendInt32(partitions).appendInt16(replication);
          w.appendArray([], () => undefined).appendArray(Object.entries(configs), (w, [key, value]) => w.appendString(key).appendString(value));
        })
        .appendInt32(timeoutMs)
        .appendBoolean(false)
        .appendTaggedFields(),
    decode(r) {
      r.int32();
      r.array(() => {
        r.text();
        r.uuid();
        checkAnswer(r.int16(), `making topic ${topic.name}`, r.text());
        r.int32();
        r.int16();
        r.array(() => {
          r.text();
          r.text();
          r.boolean();
          r.int8();
          r.boolean();
          r.tags();
        });
        r.tags();
      });
    },
  };
}

/** The values of one setting, by topic. */
export function topicSettingRequest(topics: readonly string[], setting: string): Request<ReadonlyMap<string, string | undefined>> {
  return {
    key: 32,
    version: 4,
    what: `the setting ${setting} of topics`,
    encode: (w) => void w.appendArray([...topics], (w, name) => w.appendInt8(2).appendString(name).appendArray([setting], (w, key) => w.appendString(key), true, false)).appendBoolean(false).appendBoolean(false).appendTaggedFields(),
    decode(r) {
      r.int32();
      const values = new Map<string, string | undefined>();
      r.array(() => {
        const error = r.int16();
        const detail = r.text();
        r.int8();
        const name = r.text()!;
        const found = r.array(() => {
          r.text();
          const value = r.text();
          r.boolean();
          r.int8();
          r.boolean();
          r.array(() => {
            r.text();
            r.text();
            r.int8();
            r.tags();
          });
          r.int8();
          r.text();
          r.tags();
          return value;
        });
        r.tags();
        // a topic that was deleted meanwhile is left out
        if (error !== 3) checkAnswer(error, `the settings of topic ${name}`, detail);
        values.set(name, found[0]);
      });
      return values;
    },
  };
}

export interface Offset extends TopicPartition {
  readonly error: number;
  readonly offset: number;
}

/** What to ask `listOffsetsRequest` for instead of a time. */
export const offsetOf = { start: -2, end: -1 } as const;

/** What readers see: what is committed, up to the first open transaction; or everything. */
export type Isolation = 'committed' | 'everything';

/** Offsets by time (epoch ms) or `offsetOf`, by default as a read-committed reader sees them: the end is that of what is settled. -1: none. */
export function listOffsetsRequest(entries: readonly (TopicPartition & { readonly time: number })[], isolation: Isolation = 'committed'): Request<Offset[]> {
  return {
    key: 2,
    version: 7,
    what: `offsets of ${entries[0]?.topic}`,
    encode: (w) =>
      void w
        .appendInt32(-1)
        .appendInt8(isolation === 'committed' ? 1 : 0)
        .appendArray(byTopic(entries), (w, [topic, list]) => w.appendString(topic).appendArray(list, (w, { partition, time }) => w.appendInt32(partition).appendInt32(-1).appendInt64(BigInt(time))))
        .appendTaggedFields(),
    decode(r) {
      r.int32();
      return partitions(r, (r, at) => {
        const error = r.int16();
        r.int64();
        const offset = r.long();
        r.int32();
        return { ...at, error, offset };
      });
    },
  };
}

export interface Fetched {
  readonly error: number;
  /** End of what is settled, and start of the log. */
  readonly end: number;
  readonly start: number;
  readonly aborted: { readonly producerId: bigint; readonly firstOffset: number }[];
  readonly records: Uint8Array;
}

/** Record batches of one partition from `offset` on, by default read-committed; at least one batch when there is one, and it does not wait. */
export function fetchRequest({ topic, partition }: TopicPartition, offset: number, maxBytes: number, isolation: Isolation = 'committed'): Request<Fetched> {
  return {
    key: 1,
    version: 12,
    what: `reading ${topic}/${partition}`,
    encode: (w) =>
      void w
        .appendInt32(-1)
        .appendInt32(0)
        .appendInt32(0)
        .appendInt32(maxBytes)
        .appendInt8(isolation === 'committed' ? 1 : 0)
        .appendInt32(0)
        .appendInt32(-1)
        .appendArray([topic], (w) => w.appendString(topic).appendArray([partition], (w) => w.appendInt32(partition).appendInt32(-1).appendInt64(BigInt(offset)).appendInt32(-1).appendInt64(-1n).appendInt32(maxBytes)))
        .appendArray([], () => undefined)
        .appendString('')
        .appendTaggedFields(),
    decode(r) {
      r.int32();
      checkAnswer(r.int16(), `reading ${topic}/${partition}`);
      r.int32();
      const [answer] = partitions(r, (r) => {
        const error = r.int16();
        r.int64();
        const end = r.long();
        const start = r.long();
        const aborted = r.array(() => {
          const transaction = { producerId: r.int64(), firstOffset: r.long() };
          r.tags();
          return transaction;
        });
        r.int32();
        return { error, end, start, aborted, records: r.bytes() };
      });
      if (answer === undefined) throw new BrokerError(3, `reading ${topic}/${partition}`);
      return answer;
    },
  };
}

export interface Produced extends TopicPartition {
  readonly error: number;
  readonly detail: string | undefined;
  readonly baseOffset: number;
}

/** @param version 9, or 12 in transactions of version 2, where it adds its partitions to the transaction */
export function produceRequest(version: 9 | 12, transactionalId: string | null, entries: readonly (TopicPartition & { readonly batch: Uint8Array })[], timeoutMs: number): Request<Produced[]> {
  return {
    key: 0,
    version,
    what: `writing to ${[...new Set(entries.map((e) => e.topic))].join(', ')}`,
    encode: (w) =>
      void w
        .appendString(transactionalId)
        .appendInt16(-1)
        .appendInt32(timeoutMs)
        .appendArray(byTopic(entries), (w, [topic, list]) =>
          w.appendString(topic).appendArray(list, (w, { partition, batch }) => w.appendInt32(partition).appendUnsignedVarInt(batch.length + 1).append(Buffer.from(batch.buffer, batch.byteOffset, batch.length))),
        )
        .appendTaggedFields(),
    decode(r) {
      return partitions(r, (r, at) => {
        const error = r.int16();
        const baseOffset = r.long();
        r.int64();
        r.int64();
        const details = r.array(() => {
          r.int32();
          const detail = r.text();
          r.tags();
          return detail;
        });
        return { ...at, error, baseOffset, detail: r.text() ?? details[0] };
      });
    },
  };
}

/** What a coordinator is of. */
export const coordinatorOf = { group: 0, transaction: 1 } as const;

export function findCoordinatorRequest(kind: 0 | 1, name: string): Request<Node> {
  const what = `finding the coordinator of ${kind === 0 ? 'group' : 'transactional id'} ${name}`;
  return {
    key: 10,
    version: 4,
    what,
    encode: (w) => void w.appendInt8(kind).appendArray([name], (w, key) => w.appendString(key), true, false).appendTaggedFields(),
    decode(r) {
      r.int32();
      const [found] = r.array(() => {
        r.text();
        const node = { id: r.int32(), host: r.text()!, port: r.int32() };
        checkAnswer(r.int16(), what, r.text());
        r.tags();
        return node;
      });
      if (found === undefined) throw new BrokerError(15, what);
      return found;
    },
  };
}

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

/** Deletes the records before an offset. */
export function deleteRecordsRequest({ topic, partition }: TopicPartition, before: number, timeoutMs: number): Request<void> {
  const what = `deleting old records of ${topic}/${partition}`;
  return {
    key: 21,
    version: 2,
    what,
    encode: (w) => void w.appendArray([topic], (w) => w.appendString(topic).appendArray([partition], (w) => w.appendInt32(partition).appendInt64(BigInt(before)))).appendInt32(timeoutMs).appendTaggedFields(),
    decode(r) {
      r.int32();
      partitions(r, (r) => {
        r.int64();
        checkAnswer(r.int16(), what);
      });
    },
  };
}
