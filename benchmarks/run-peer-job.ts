import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { topicsOfPipeline } from '../connectors/kafka/internal-topics.js';
import { type KafkaSettings, kafkaSettings } from '../connectors/kafka/kafka-settings.js';
import { HeadraceError } from '../dataflow/errors.js';
import { nodeFlags } from '../runners/node-flags.js';
import { openRuntime } from '../runners/open-runtime.js';
import { deleteTopics } from './delete-topics.js';
import { topicChecksum } from './peer-checksum.js';
import { peerPartitions } from './peer-clicks.js';
import { writePeerClicks } from './write-peer-clicks.js';

/** Settings of the benchmark. */
export interface PeerJobOptions {
  readonly workload: keyof typeof outputs;
  readonly events: number;
  readonly seed: number;
  readonly runtime: 'embedded' | 'kafka';
  readonly workers?: number;
}

/** The topics that each job writes. */
const outputs = { 'click-tiles': ['user-tiles', 'item-tiles'], rolling: ['user-rolling'] } as const;

/** Flush events behind the clicks of the peers, one partition. */
const flushEvents = 16;

/**
 * A job of the peers over events in a topic of 4 partitions, with state and offsets, exactly once: 5-minute tiles of users and items (`click-tiles`), or an hour of users every five minutes (`rolling`). The job runs
 * in a process of its own, so that generating the events and checking the outputs do not count. On Kafka (KAFKA_BROKERS, with the client of HEADRACE_KAFKA_CLIENT) it reads the topic `clicks` as it is there,
 * or makes it; the outputs of a run before are deleted first.
 */
export async function peerJob(options: PeerJobOptions): Promise<Record<string, string | number>> {
  const { workload, events, seed, workers = 1 } = options;
  const dataDir = await mkdtemp(join(tmpdir(), 'headrace-peer-job-'));
  const chosen = options.runtime === 'kafka' ? kafkaSettings() : undefined;
  if (options.runtime === 'kafka' && chosen === undefined) throw new HeadraceError('HR_KAFKA_SETTINGS', 'KAFKA_BROKERS is not set.', { remedy: 'Start a broker (`npm run services -- start kafka`) and set the variable that it prints.' });
  // the client that was chosen is that of the job alone
  const kafka: KafkaSettings | undefined = chosen && { ...chosen, client: 'columnar' };
  try {
    if (kafka !== undefined) await deleteTopics(kafka, [...outputs[workload], ...topicsOfPipeline(workload)]);
    const writing = await openRuntime({ dataDir, kafka, mode: 'write', owner: 'benchmark' });
    const known = (await writing.log.topics()).find((t) => t.name === 'clicks');
    if (known === undefined) await writePeerClicks(writing.log, { events, seed });
    await writing.close();
    const { stdout } = await promisify(execFile)(process.execPath, [...nodeFlags, fileURLToPath(new URL('./peer-job.js', import.meta.url)), dataDir, String(workers), options.runtime, workload]);
    const { records, ...measured } = JSON.parse(stdout) as { records: number; wallS: number; cpuS: number; peakRssMiB: number };
    if (records !== events + peerPartitions * flushEvents) {
      throw new HeadraceError('HR_ARGUMENT', `The topic clicks has ${records} records, and not those of ${events} events with ${peerPartitions * flushEvents} to flush.`, { remedy: 'Delete it, or give --events as it was made.' });
    }
    const runtime = await openRuntime({ dataDir, kafka, mode: 'read' });
    const sums = [];
    for (const topic of outputs[workload]) sums.push(await topicChecksum(runtime, topic));
    await runtime.close();
    return {
      workload,
      runtime: options.runtime,
      ...(chosen && { client: chosen.client }),
      workers,
      events,
      seed,
      ...measured,
      eventsPerS: Math.round(events / measured.wallS),
      eventsPerCpuS: Math.round(events / measured.cpuS),
      outputs: sums.reduce((sum, s) => sum + s.outputs, 0),
      checksum: Number(sums.reduce((sum, s) => sum + s.checksum, 0n) & ((1n << 53n) - 1n)),
    };
  } finally {
    await rm(dataDir, { recursive: true });
  }
}
