import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openEmbedded } from '../connectors/embedded/embedded-runtime.js';
import { BlockWriter } from '../dataflow/record-block.js';
import { nodeFlags } from '../runners/node-flags.js';
import { wirePrefix } from '../schemas/wire.js';
import { topicChecksum } from './peer-checksum.js';
import { PeerClicks, peerClickBound, peerClickSchema, peerPartitions } from './peer-clicks.js';

/** Settings of the benchmark. */
export interface ClickTilesOptions {
  readonly events: number;
  readonly seed: number;
  readonly runtime: 'embedded';
  readonly workers?: number;
}

/** Writes the peers' events into topic `peer-clicks` of a data directory. */
export async function writePeerClicks(dataDir: string, options: { readonly events: number; readonly seed: number }): Promise<void> {
  const { log, registry, close } = openEmbedded({ dataDir, mode: 'write', owner: 'benchmark' });
  await log.createTopic('peer-clicks', { partitions: peerPartitions });
  const prefix = wirePrefix(await registry.register('peer-clicks-value', JSON.stringify(peerClickSchema)));
  const events = new PeerClicks({ events: options.events, seed: options.seed });
  const writers = Array.from({ length: peerPartitions }, () => new BlockWriter());
  const flush = async () => {
    const outputs = writers.flatMap((w, partition) => (w.count === 0 ? [] : [{ topic: 'peer-clicks', partition, block: w.take() }]));
    if (outputs.length > 0) await log.append(outputs);
  };
  for (let i = 0; i < events.count; i++) {
    events.load(i);
    const writer = writers[events.partition]!;
    const at = writer.reserve(peerClickBound + 64);
    const keyEnd = events.encodeKey(writer.buffer, at);
    writer.buffer.set(prefix, keyEnd);
    const end = events.encode(i, writer.buffer, keyEnd + prefix.length);
    writer.commit(keyEnd - at, end - keyEnd, events.timestamp);
    if (i % 65_536 === 65_535) await flush();
  }
  await flush();
  await close();
}

/**
 * The click-tiles job of the peers, embedded: events from a topic of 4 partitions to user and item tiles with state and
 * offsets, exactly once. The job runs in a process of its own, so that generating the events and checking the outputs do not count.
 */
export async function clickTiles(options: ClickTilesOptions): Promise<Record<string, string | number>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'headrace-click-tiles-'));
  try {
    await writePeerClicks(dataDir, options);
    const job = fileURLToPath(new URL('./click-tiles-job.js', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [...nodeFlags, job, dataDir, String(options.workers ?? 1)]);
    const measured = JSON.parse(stdout) as { wallS: number; cpuS: number; peakRssMiB: number };
    const users = await topicChecksum(dataDir, 'user-tiles');
    const items = await topicChecksum(dataDir, 'item-tiles');
    return {
      workload: 'click-tiles',
      runtime: 'embedded',
      workers: options.workers ?? 1,
      events: options.events,
      seed: options.seed,
      ...measured,
      eventsPerS: Math.round(options.events / measured.wallS),
      eventsPerCpuS: Math.round(options.events / measured.cpuS),
      outputs: users.outputs + items.outputs,
      checksum: Number((users.checksum + items.checksum) & ((1n << 53n) - 1n)),
    };
  } finally {
    await rm(dataDir, { recursive: true });
  }
}
