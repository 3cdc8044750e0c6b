import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { epochRecord } from '../connectors/kafka/state/epochs.js';
import { epochsTopic } from '../connectors/kafka/internal-topics.js';
import { type KafkaRuntime, openKafka } from '../connectors/kafka/kafka-runtime.js';
import { kafkaSettings } from '../connectors/kafka/kafka-settings.js';
import { HeadraceError } from '../dataflow/errors.js';
import { offsetAt } from '../dataflow/record-block.js';
import dayTotals, { writeAmounts } from './day-totals.js';

const partitions = 8;
/** Between two changes of the group. */
const phaseMs = 12_000;
/** Between two records of a task. */
const pauseMs = 50;
const patienceMs = 240_000;

/**
 * A group that grows and shrinks, 1 → 2 → 3 → 1, while each task gets a record every 50 ms: the longest time between two commits of a task, of those that stay with their process and of those that move. Processes are started as users do, and
 * stopped by SIGTERM; KAFKA_BROKERS names a broker without topics of a run before.
 */
export async function* rebalance({ keys }: { readonly keys: number }): AsyncGenerator<Record<string, string | number>> {
  const settings = kafkaSettings();
  if (settings === undefined) throw new HeadraceError('HR_KAFKA_SETTINGS', 'KAFKA_BROKERS is not set.', { remedy: 'Start a broker (`npm run services -- start kafka`) and set the variable that it prints.' });
  const home = await mkdtemp(join(tmpdir(), 'headrace-rebalance-'));
  const runtime = await openKafka({ settings, dataDir: home, mode: 'write' });
  const children: ChildProcess[] = [];
  const start = (): void => {
    const command = fileURLToPath(new URL('../runners/headrace.js', import.meta.url));
    const args = ['run', fileURLToPath(new URL('./day-totals.js', import.meta.url)), '--data-dir', join(home, `${children.length}`)];
    children.push(spawn(process.execPath, [command, ...args], { stdio: 'ignore' }));
  };
  const caughtUp = async (): Promise<void> => {
    for (let waited = 0; waited < patienceMs; waited += 100) {
      const positions = (await runtime.log.committed(dayTotals.name))?.positions ?? [];
      const ends = await Promise.all(Array.from({ length: partitions }, (_, p) => runtime.log.bounds('day-events', p)));
      if (ends.every(({ end }, p) => (positions.find(({ partition }) => partition === p)?.offset ?? 0) >= end)) return;
      await delay(100);
    }
    throw new HeadraceError('HR_ARGUMENT', `Not all records were processed within ${patienceMs / 1_000} s.`);
  };
  let isOver = false;
  const trickle = async (): Promise<void> => {
    for (; !isOver; await delay(pauseMs)) await writeAmounts(runtime, { keys: partitions, partitions });
  };
  try {
    await writeAmounts(runtime, { keys, partitions });
    start();
    await caughtUp();
    const trickling = trickle();
    const phases: { readonly name: string; readonly from: number; readonly to: number }[] = [];
    const phase = async (name: string, change: () => void): Promise<void> => {
      const from = Date.now();
      change();
      await delay(phaseMs);
      phases.push({ name, from, to: Date.now() });
    };
    await phase('1', () => undefined);
    await phase('1 to 2', start);
    await phase('2 to 3', start);
    await phase('3 to 1', () => children.slice(1).forEach((child) => child.kill('SIGTERM')));
    isOver = true;
    await trickling;
    const stops = await stopsOf(runtime);
    for (const { name, from, to } of phases) {
      // by their ends, so that each is of one phase
      const of = (moved: boolean) => stops.filter((stop) => stop.isMove === moved && stop.to > from && stop.to <= to).map((stop) => stop.to - stop.from);
      const [stayed, moved] = [of(false), of(true)];
      yield { workload: 'rebalance', processes: name, keys, tasks: partitions, moved: moved.length, longestOfMovedMs: Math.max(0, ...moved), longestOfOthersMs: Math.max(0, ...stayed), medianMs: median(stayed) };
    }
  } finally {
    isOver = true;
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.map((child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')));
    await runtime.close();
    await rm(home, { recursive: true, force: true });
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

/** The times between commits of each task, by the clock that they carry; a move is one from process to process. */
async function stopsOf({ log }: KafkaRuntime): Promise<{ readonly from: number; readonly to: number; readonly isMove: boolean }[]> {
  const topic = epochsTopic(dayTotals.name);
  const stops: { readonly from: number; readonly to: number; readonly isMove: boolean }[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    const { start, end } = await log.bounds(topic, partition);
    let before: { readonly at: number; readonly by: string } | undefined;
    for (let next = start; next < end; ) {
      const block = await log.read(topic, partition, next);
      if (block === undefined) break;
      for (let row = 0; row < block.count; row++) {
        const { by, times } = epochRecord(block, row);
        const now = { at: times?.at ?? block.timestamps[row]!, by: by ?? '' };
        if (before !== undefined) stops.push({ from: before.at, to: now.at, isMove: before.by !== now.by });
        before = now;
      }
      next = offsetAt(block, block.count - 1) + 1;
    }
  }
  return stops;
}
