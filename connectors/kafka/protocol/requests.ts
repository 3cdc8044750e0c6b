import { Writer } from '@platformatic/kafka';
import { BrokerError, checkAnswer } from '../kafka-errors.js';
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
export function partitions<T>(reader: ResponseReader, read: (reader: ResponseReader, at: TopicPartition) => T): T[] {
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
