import { HeadraceError } from '../../dataflow/errors.js';
import { offsetAt, type RecordBlock } from '../../dataflow/record-block.js';
import type { DecodedRecords } from './records/decode-records.js';
import { type Isolation, offsetOf } from './protocol/record-requests.js';
import type { TopicPartition } from './protocol/requests.js';

/** Read-committed records of partitions. */
export interface PartitionReader {
  /** The records from an offset on, as many as a fetch gives, or undefined at the end. Fetches what follows meanwhile. Errors: HR_OFFSET_GONE, HR_DECODE. */
  read(at: TopicPartition, offset: number): Promise<RecordBlock | undefined>;
  bounds(at: TopicPartition): Promise<{ readonly start: number; readonly end: number }>;
  /** The end of what is written, also by transactions that are open. */
  writtenEnd(at: TopicPartition): Promise<number>;
  /** Offset of the first record with a time at or after `time` (epoch ms), or the end. */
  seek(at: TopicPartition, time: number): Promise<number>;
  /** All records of a partition from an offset on, block by block. */
  all(at: TopicPartition, from: number): AsyncIterable<RecordBlock>;
  /** The records of the last `few` offsets or so: at least the last record, when there is one. */
  last(at: TopicPartition, few: number): Promise<RecordBlock | undefined>;
}

/** Where a reader gets records from: the leader of a partition, through one library or another. */
export interface PartitionSource {
  /** What is there from an offset on; it does not wait for more. */
  fetch(at: TopicPartition, offset: number): Promise<FetchedRecords>;
  /** For each time (epoch ms, or of `offsetOf`) the offset of the first record at or after it, -1 when there is none. The end is that of what is settled, or of everything. */
  offsets(at: TopicPartition, times: readonly number[], isolation?: Isolation): Promise<readonly number[]>;
}

/** An answer of a leader. */
export interface FetchedRecords {
  /** There is no such offset. */
  readonly isGone: boolean;
  /** End of what is settled: the last stable offset. */
  readonly end: number;
  /** The committed records, and the offset to go on from. Errors: HR_DECODE. */
  take(): DecodedRecords;
}

export function createPartitionReader(source: PartitionSource): PartitionReader {
  const ahead = new Map<string, { readonly offset: number; readonly fetched: Promise<FetchedRecords> }>();
  const reader: PartitionReader = {
    async bounds(at) {
      const [start, end] = (await source.offsets(at, [offsetOf.start, offsetOf.end])) as [number, number];
      return { start, end };
    },
    async writtenEnd(at) {
      return (await source.offsets(at, [offsetOf.end], 'everything'))[0]!;
    },
    async seek(at, time) {
      // negative times mean something else to Kafka
      if (!(time > 0)) return (await reader.bounds(at)).start;
      if (time === Number.POSITIVE_INFINITY) return (await reader.bounds(at)).end;
      const [found, end] = (await source.offsets(at, [Math.ceil(time), offsetOf.end])) as [number, number];
      return found < 0 ? end : found;
    },
    async read(at, offset) {
      const place = { topic: at.topic, partition: at.partition, offset };
      const gone = (start: number, end: number) => new HeadraceError('HR_OFFSET_GONE', `${at.topic}/${at.partition} holds the offsets from ${start} to ${end}, and not ${offset}.`, { place });
      if (!(offset >= 0)) {
        const { start, end } = await reader.bounds(at);
        throw gone(start, end);
      }
      const name = `${at.topic}/${at.partition}`;
      for (let from = offset; ; ) {
        const waiting = ahead.get(name);
        ahead.delete(name);
        const isAhead = waiting?.offset === from;
        const fetched = await (isAhead ? waiting.fetched : source.fetch(at, from));
        if (fetched.isGone) {
          const { start, end } = await reader.bounds(at);
          throw gone(start, end);
        }
        const { block, next } = fetched.take();
        if (next < fetched.end && next > from) {
          const following = source.fetch(at, next);
          // a failure is met by who takes it
          following.catch(() => undefined);
          ahead.set(name, { offset: next, fetched: following });
        }
        if (block !== undefined) return block;
        // what was fetched ahead does not know the end as it is now
        if (next >= fetched.end && !isAhead) return undefined;
        from = next;
      }
    },
    async *all(at, from) {
      for (let offset = from; ; ) {
        const block = await reader.read(at, offset);
        if (block === undefined) return;
        yield block;
        offset = offsetAt(block, block.count - 1) + 1;
      }
    },
    async last(at, few) {
      const { start, end } = await reader.bounds(at);
      for (let back = few; ; back *= 8) {
        let found: RecordBlock | undefined;
        const from = Math.max(start, end - back);
        for await (const block of reader.all(at, from)) found = block;
        if (found !== undefined || from === start) return found;
      }
    },
  };
  return reader;
}
