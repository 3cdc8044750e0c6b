import { BlockWriter } from '../dataflow/record-block.js';
import type { LogClient } from '../dataflow/ports/log-client.js';
import { PeerClicks, peerClickBound, peerPartitions } from './peer-clicks.js';

/** Writes the peers' events into the topic `clicks`, which is made. */
export async function writePeerClicks(log: LogClient, options: { readonly events: number; readonly seed: number }): Promise<void> {
  await log.createTopic('clicks', { partitions: peerPartitions });
  const events = new PeerClicks(options);
  const writers = Array.from({ length: peerPartitions }, () => new BlockWriter());
  const flush = async () => {
    const outputs = writers.flatMap((w, partition) => (w.count === 0 ? [] : [{ topic: 'clicks', partition, block: w.take() }]));
    if (outputs.length > 0) await log.append(outputs);
  };
  for (let i = 0; i < events.count; i++) {
    events.load(i);
    const writer = writers[events.partition]!;
    const at = writer.reserve(peerClickBound + 64);
    const keyEnd = events.encodeKey(writer.buffer, at);
    const end = events.encode(i, writer.buffer, keyEnd);
    writer.commit(keyEnd - at, end - keyEnd, events.timestamp);
    if (i % 65_536 === 65_535) await flush();
  }
  await flush();
}
