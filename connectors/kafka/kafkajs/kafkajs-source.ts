import type { Header, RecordBlock } from '../../../dataflow/record-block.js';
import { BlockWriter } from '../../../dataflow/record-block.js';
import type { Cluster } from '../cluster.js';
import { columnarSource } from '../columnar-source.js';
import type { DecodedRecords } from '../records/decode-records.js';
import { BrokerError, kafkaError } from '../kafka-errors.js';
import type { PartitionSource } from '../partition-reader.js';
import type { KafkajsConnections } from './kafkajs-connections.js';
import type { KafkajsFetched, KafkajsMessage } from './load-kafkajs.js';

/** Partitions through kafkajs's fetch, which decodes an object a record; bounds through ours, since kafkajs's admin does not know what is settled. */
export function kafkajsSource(cluster: Cluster, connections: KafkajsConnections): PartitionSource {
  const { fetchBytes: maxBytes } = cluster.settings;
  return {
    offsets: columnarSource(cluster).offsets,
    fetch: ({ topic, partition }, offset) =>
      cluster.patiently(`reading ${topic}/${partition}`, async () => {
        const request = { isolationLevel: 1, maxWaitTime: 0, minBytes: 0, maxBytes, topics: [{ topic, partitions: [{ partition, fetchOffset: String(offset), maxBytes }] }] } as const;
        try {
          const { responses } = await connections.use(await cluster.address(await cluster.leader({ topic, partition })), 'read', `reading ${topic}/${partition}`, (broker) => broker.fetch(request));
          const fetched = responses[0]?.partitions[0];
          if (fetched === undefined) throw new BrokerError(kafkaError.unknownTopic, `reading ${topic}/${partition}`);
          return { isGone: false, end: Number(fetched.lastStableOffset), take: () => committedRecords(fetched, offset) };
        } catch (error) {
          if (error instanceof BrokerError && error.number === kafkaError.offsetOutOfRange) return { isGone: true, end: offset, take: () => ({ block: undefined, next: offset }) };
          throw error;
        }
      }),
  };
}

/**
 * The records that were committed, from an offset on. kafkajs's own filter is not used: it takes any record whose key is four zero bytes for the end of an aborted
 * transaction, and lets through what follows.
 */
export function committedRecords({ messages, abortedTransactions, lastStableOffset }: KafkajsFetched, from: number): DecodedRecords {
  const aborted = abortedTransactions.map(({ producerId, firstOffset }) => ({ producerId, firstOffset: Number(firstOffset) })).sort((a, b) => a.firstOffset - b.firstOffset);
  const dropping = new Set<string>();
  const kept: KafkajsMessage[] = [];
  let nextAborted = 0;
  for (const message of messages) {
    const offset = Number(message.offset);
    const { producerId, inTransaction } = message.batchContext;
    for (; nextAborted < aborted.length && aborted[nextAborted]!.firstOffset <= offset; nextAborted++) dropping.add(aborted[nextAborted]!.producerId);
    if (message.isControlRecord) {
      // int16 version, int16 kind: 0 aborts
      if (message.key?.readInt16BE(2) === 0) dropping.delete(producerId);
    } else if (offset >= from && !(inTransaction && dropping.has(producerId))) kept.push(message);
  }
  const last = messages.at(-1)?.batchContext;
  // batches without records are not shown: they are stepped over one offset at a time
  const next = last === undefined ? (Number(lastStableOffset) > from ? from + 1 : from) : Number(last.firstOffset) + last.lastOffsetDelta + 1;
  return { block: kept.length === 0 ? undefined : blockOf(kept), next };
}

function blockOf(messages: readonly KafkajsMessage[]): RecordBlock {
  const writer = new BlockWriter();
  const offsets = new Float64Array(messages.length);
  for (const [row, { offset, key, value, timestamp, headers }] of messages.entries()) {
    offsets[row] = Number(offset);
    writer.append(key, value, Number(timestamp), headersOf(headers));
  }
  return { ...writer.take(), baseOffset: offsets[0]!, offsets };
}

function headersOf(headers: KafkajsMessage['headers']): Header[] | undefined {
  const names = Object.keys(headers);
  if (names.length === 0) return undefined;
  return names.flatMap((key) => [headers[key]!].flat().map((value) => ({ key, value: (value as Uint8Array | null) ?? new Uint8Array(0) })));
}
