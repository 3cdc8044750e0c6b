import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openKafka } from '../connectors/kafka/kafka-runtime.js';
import { kafkaSettings } from '../connectors/kafka/kafka-settings.js';
import { HeadraceError } from '../dataflow/errors.js';
import { topicsOfPipeline } from '../connectors/kafka/internal-topics.js';
import dayTotals, { writeAmounts } from './day-totals.js';
import { deleteTopics } from './delete-topics.js';

/** How long a process needs to join, and how many keys of a copy it takes in a millisecond, at the least. */
const [joiningMs, copiedPerMs] = [5_000, 200];
/** How long anything is waited for. */
const patienceMs = 240_000;

/**
 * A task with a million keys whose process is killed (SIGKILL): how long it takes until another process has processed a record that comes afterwards. Both are started as users do;
 * KAFKA_BROKERS names the broker, on which topics of a run before are deleted.
 *
 * @param standby 1: that process has kept a copy of the state (KAFKA_STANDBY); 0: its machine has none
 */
export async function takeover({ keys, standby }: { readonly keys: number; readonly standby: 0 | 1 }): Promise<Record<string, string | number>> {
  const settings = kafkaSettings();
  if (settings === undefined) throw new HeadraceError('HR_KAFKA_SETTINGS', 'KAFKA_BROKERS is not set.', { remedy: 'Start a broker (`npm run services -- start kafka`) and set the variable that it prints.' });
  await deleteTopics(settings, ['day-events', 'totals', ...topicsOfPipeline(dayTotals.name)]);
  const home = await mkdtemp(join(tmpdir(), 'headrace-takeover-'));
  const runtime = await openKafka({ settings, dataDir: home, mode: 'write' });
  const children: ChildProcess[] = [];
  const start = (name: string): ChildProcess => {
    const command = fileURLToPath(new URL('../runners/headrace.js', import.meta.url));
    const child = spawn(process.execPath, [command, 'run', fileURLToPath(new URL('./day-totals.js', import.meta.url)), '--data-dir', join(home, name)], { stdio: 'ignore', env: { ...process.env, KAFKA_STANDBY: String(standby) } });
    children.push(child);
    return child;
  };
  /** Waits until all records that there are have been processed. */
  const caughtUp = async (): Promise<void> => {
    const { end } = await runtime.log.bounds('day-events', 0);
    for (let waited = 0; waited < patienceMs; waited += 20) {
      const at = (await runtime.log.committed(dayTotals.name))?.positions[0]?.offset ?? 0;
      if (at >= end) return;
      await delay(20);
    }
    throw new HeadraceError('HR_ARGUMENT', `Not all records were processed within ${patienceMs / 1_000} s.`);
  };
  try {
    await writeAmounts(runtime, { keys, partitions: 1 });
    const first = start('first');
    await caughtUp();
    start('second');
    // long enough to have joined, and to have a copy: it stands by, since there is one task
    await delay(joiningMs + (standby * keys) / copiedPerMs);
    first.kill('SIGKILL');
    const killed = performance.now();
    await writeAmounts(runtime, { keys: 1, partitions: 1 });
    await caughtUp();
    const takeoverS = (performance.now() - killed) / 1e3;
    return { workload: 'takeover', keys, standby, sessionS: settings.sessionMs / 1e3, takeoverS: Number(takeoverS.toFixed(2)), behindSessionS: Number((takeoverS - settings.sessionMs / 1e3).toFixed(2)) };
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await runtime.close();
    await rm(home, { recursive: true, force: true });
  }
}
