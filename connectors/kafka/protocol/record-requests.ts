import { BrokerError, checkAnswer } from '../kafka-errors.js';
import { byTopic, partitions, type Request, type TopicPartition } from './requests.js';

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
