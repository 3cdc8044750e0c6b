import { HeadraceError } from '../../dataflow/errors.js';
import { offsetAt, type RecordBlock } from '../../dataflow/record-block.js';
import type { Cluster } from './cluster.js';
import { decodeRecords } from './decode-records.js';
import { checkAnswer, kafkaError } from './kafka-errors.js';
import { type Fetched, fetchRequest, listOffsetsRequest, offsetOf, type TopicPartition } from './requests.js';

/** Read-committed records of partitions. */
export interface PartitionReader {
  /** The records from an offset on, as many as a fetch gives, or undefined at the end. Fetches what follows meanwhile. Errors: HR_OFFSET_GONE, HR_DECODE. */
  read(at: TopicPartition, offset: number): Promise<RecordBlock | undefined>;
  bounds(at: TopicPartition): Promise<{ readonly start: number; readonly end: number }>;
  /** Offset of the first record with a time at or after `time` (epoch ms), or the end. */
  seek(at: TopicPartition, time: number): Promise<number>;
  /** All records of a partition from an offset on, block by block. */
  all(at: TopicPartition, from: number): AsyncIterable<RecordBlock>;
  /** The records of the last `few` offsets or so: at least the last record, when there is one. */
  last(at: TopicPartition, few: number): Promise<RecordBlock | undefined>;
}

export function createPartitionReader(cluster: Cluster): PartitionReader {
  const ahead = new Map<string, { readonly offset: number; readonly fetched: Promise<Fetched> }>();
  const fetch = (at: TopicPartition, offset: number): Promise<Fetched> =>
    cluster.patiently(`reading ${at.topic}/${at.partition}`, async () => {
      const fetched = await cluster.node(await cluster.leader(at), 'read', fetchRequest(at, offset, cluster.settings.fetchBytes));
      if (fetched.error !== kafkaError.offsetOutOfRange) checkAnswer(fetched.error, `reading ${at.topic}/${at.partition}`);
      return fetched;
    });
  const offsets = (at: TopicPartition, times: readonly number[]): Promise<number[]> =>
    cluster.patiently(`the bounds of ${at.topic}/${at.partition}`, async () => {
      const leader = await cluster.leader(at);
      // one answer a partition and request
      return Promise.all(
        times.map(async (time) => {
          const [answer] = await cluster.node(leader, 'read', listOffsetsRequest([{ ...at, time }]));
          checkAnswer(answer?.error ?? kafkaError.unknownTopic, `the bounds of ${at.topic}/${at.partition}`);
          return answer!.offset;
        }),
      );
    });
  const reader: PartitionReader = {
    async bounds(at) {
      const [start, end] = (await offsets(at, [offsetOf.start, offsetOf.end])) as [number, number];
      return { start, end };
    },
    async seek(at, time) {
      // negative times mean something else to Kafka
      if (!(time > 0)) return (await reader.bounds(at)).start;
      if (time === Number.POSITIVE_INFINITY) return (await reader.bounds(at)).end;
      const [found, end] = (await offsets(at, [Math.ceil(time), offsetOf.end])) as [number, number];
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
        const fetched = await (isAhead ? waiting.fetched : fetch(at, from));
        if (fetched.error === kafkaError.offsetOutOfRange) {
          const { start, end } = await reader.bounds(at);
          throw gone(start, end);
        }
        const { block, next } = decodeRecords(fetched.records, { from, aborted: fetched.aborted, place: { topic: at.topic, partition: at.partition } });
        if (next < fetched.end && next > from) {
          const following = fetch(at, next);
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
