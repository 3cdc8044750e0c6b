import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { topicsOfPipeline } from '../connectors/kafka/internal-topics.js';
import { kafkaSettings } from '../connectors/kafka/kafka-settings.js';
import { HeadraceError } from '../dataflow/errors.js';
import { openRuntime } from '../runners/open-runtime.js';
import { cpuSeconds } from './cpu-seconds.js';
import { deleteTopics } from './delete-topics.js';
import job from './item-totals.js';
import { topicChecksum } from './peer-checksum.js';
import { writePeerClicks } from './write-peer-clicks.js';

/** How long the work may take. */
const patienceMs = 600_000;
/** Nobody has written for so long: all has come through. */
const quietMs = 3_000;

/**
 * A job whose every event goes to another task, in one process or several, started as users do (KAFKA_BROKERS): from the start until all events are processed and have come through, and CPU-seconds of all processes. Linux.
 */
export async function repartition({ events, seed, processes }: { readonly events: number; readonly seed: number; readonly processes: number }): Promise<Record<string, string | number>> {
  const kafka = kafkaSettings();
  if (kafka === undefined) throw new HeadraceError('HR_KAFKA_SETTINGS', 'KAFKA_BROKERS is not set.', { remedy: 'Start a broker (`npm run services -- start kafka`) and set the variable that it prints.' });
  const home = await mkdtemp(join(tmpdir(), 'headrace-repartition-'));
  const { name } = job;
  await deleteTopics(kafka, ['item-totals', ...topicsOfPipeline(name)]);
  const runtime = await openRuntime({ dataDir: home, kafka, mode: 'write', owner: 'benchmark' });
  const children: ChildProcess[] = [];
  try {
    const known = (await runtime.log.topics()).find((t) => t.name === 'clicks');
    if (known === undefined) await writePeerClicks(runtime.log, { events, seed });
    const partitions = (await runtime.log.topics()).find((t) => t.name === 'clicks')!.partitions;
    const ends = await Promise.all(Array.from({ length: partitions }, async (_, p) => (await runtime.log.bounds('clicks', p)).end));
    const started = performance.now();
    for (let i = 0; i < processes; i++) {
      const command = fileURLToPath(new URL('../runners/headrace.js', import.meta.url));
      children.push(spawn(process.execPath, [command, 'run', fileURLToPath(new URL('./item-totals.js', import.meta.url)), '--data-dir', join(home, `${i}`)], { stdio: 'ignore' }));
    }
    let last = { epoch: -1, at: started };
    for (let isDone = false; !isDone; await delay(50)) {
      const committed = await runtime.log.committed(name);
      if ((committed?.epoch ?? -1) !== last.epoch) last = { epoch: committed?.epoch ?? -1, at: performance.now() };
      const isRead = ends.every((end, p) => (committed?.positions.find((at) => at.topic === 'clicks' && at.partition === p)?.offset ?? 0) >= end);
      isDone = isRead && performance.now() - last.at > quietMs;
      if (performance.now() - started > patienceMs) throw new HeadraceError('HR_ARGUMENT', `Not all events were processed within ${patienceMs / 1_000} s.`);
    }
    const wallS = (last.at - started) / 1e3;
    const cpuS = children.reduce((sum, { pid }) => sum + cpuSeconds(pid!), 0);
    const { outputs, checksum } = await topicChecksum(runtime, 'item-totals');
    return { workload: 'repartition', processes, events, partitions, outputs, checksum: String(checksum), wallS: Number(wallS.toFixed(2)), cpuS: Number(cpuS.toFixed(2)), eventsPerS: Math.round(events / wallS), eventsPerCpuS: Math.round(events / cpuS) };
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await runtime.close();
    await rm(home, { recursive: true, force: true });
  }
}
