import type { Cluster } from './cluster.js';
import { decodeRecords } from './records/decode-records.js';
import { checkAnswer, kafkaError } from './kafka-errors.js';
import type { PartitionSource } from './partition-reader.js';
import { fetchRequest, listOffsetsRequest } from './protocol/record-requests.js';

/** Partitions through our own protocol: batches are decoded straight into columns, when they are taken. */
export function columnarSource(cluster: Cluster): PartitionSource {
  return {
    fetch: (at, offset) =>
      cluster.patiently(`reading ${at.topic}/${at.partition}`, async () => {
        const { error, end, records, aborted } = await cluster.node(await cluster.leader(at), 'read', fetchRequest(at, offset, cluster.settings.fetchBytes));
        const isGone = error === kafkaError.offsetOutOfRange;
        if (!isGone) checkAnswer(error, `reading ${at.topic}/${at.partition}`);
        return { isGone, end, take: () => decodeRecords(records, { from: offset, aborted, place: { topic: at.topic, partition: at.partition } }) };
      }),
    offsets: (at, times, isolation) =>
      cluster.patiently(`the bounds of ${at.topic}/${at.partition}`, async () => {
        const leader = await cluster.leader(at);
        // one answer a partition and request
        return Promise.all(
          times.map(async (time) => {
            const [answer] = await cluster.node(leader, 'read', listOffsetsRequest([{ ...at, time }], isolation));
            checkAnswer(answer?.error ?? kafkaError.unknownTopic, `the bounds of ${at.topic}/${at.partition}`);
            return answer!.offset;
          }),
        );
      }),
  };
}
