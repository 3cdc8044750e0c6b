import type { KafkaRuntime } from '../../connectors/kafka/kafka-runtime.js';
import { HeadraceError } from '../../dataflow/errors.js';
import type { EpochCommit, StateWrite } from '../../dataflow/ports/log-client.js';
import { BlockWriter, offsetAt } from '../../dataflow/record-block.js';
import type { SimulatedProcess } from './simulated-process.js';
import type { SimulatedTime } from './simulated-time.js';

/** Names of what the simulated pipeline works with. */
export const simulated = { pipeline: 'sim', input: 'in', output: 'out', step: 'counts' } as const;

/** What a pipeline process tells the world. */
export interface PipelineReport {
  /** It has these tasks, and goes on behind this epoch, with the state of these positions. */
  opened(epoch: number, next: ReadonlyMap<number, number>): void;
  committed(epoch: number, next: ReadonlyMap<number, number>): void;
  /** It began to look for records at this time, and there were none. */
  idle(since: number): void;
  /** Others have its tasks; it joins again. */
  lost(): void;
}

/** What it does next to the outputs of an epoch. */
export interface PipelineOrders {
  /** It commits one more epoch and stops. */
  readonly isLast: boolean;
}

/** Where it runs. */
export interface PipelinePlace {
  readonly runtime: KafkaRuntime;
  readonly time: SimulatedTime;
  readonly process: SimulatedProcess;
  readonly partitions: number;
}

const idleMs = 10;
const longestIdleMs = 2_000;
const { pipeline, input, output, step } = simulated;

/**
 * A whole job in small: reads each input partition, counts the records of each key in state, and writes for each record its value and the count so far to the partition of the same number. What it
 * writes is a function of the input alone, however it is cut into epochs.
 */
export async function runPipeline(place: PipelinePlace, orders: PipelineOrders, report: PipelineReport): Promise<void> {
  const tasks = Array.from({ length: place.partitions }, (_, i) => i);
  await runTasks(place, { tasks, isShared: false, isOver: () => false }, orders, report);
}

/** The same as a member of a group, with the tasks that are given to it. */
export async function runMember(place: PipelinePlace, orders: PipelineOrders, report: PipelineReport): Promise<void> {
  const { runtime, partitions, time, process } = place;
  const shares = await runtime.join({ pipeline, tasks: partitions, whole: false, topics: new Map([[input, partitions]]) });
  for (;;) {
    try {
      const tasks = await shares.next();
      if (tasks.length > 0) await runTasks(place, { tasks, isShared: true, isOver: () => shares.moving }, orders, report);
      for (; tasks.length === 0 && !shares.moving && !orders.isLast; await process.clock.wait(200)) report.idle(time.now());
      if (!orders.isLast) continue;
      await shares.leave();
      return;
    } catch (error) {
      if (!(error instanceof HeadraceError) || error.code !== 'HR_EPOCH_FENCED') throw error;
      report.lost();
      await shares.lose();
    }
  }
}

interface Tasks {
  readonly tasks: readonly number[];
  readonly isShared: boolean;
  readonly isOver: () => boolean;
}

async function runTasks({ runtime: { log, state }, time, process }: PipelinePlace, { tasks, isShared, isOver }: Tasks, orders: PipelineOrders, report: PipelineReport): Promise<void> {
  const committed = await log.committed(pipeline);
  let epoch = committed?.epoch ?? 0;
  const next = new Map(tasks.map((partition) => [partition, committed?.positions.find((p) => p.topic === input && p.partition === partition)?.offset ?? 0]));
  report.opened(epoch, next);
  let pause = idleMs;
  while (!isOver()) {
    const { isLast } = orders;
    const since = time.now();
    const rowsOfEpoch = 1 + time.random.below(12);
    const counts = new Map<string, { readonly task: number; count: number }>();
    const outputs: EpochCommit['outputs'][number][] = [];
    const positions: EpochCommit['positions'][number][] = [];
    for (const partition of tasks) {
      const block = await log.read(input, partition, next.get(partition)!);
      if (block === undefined) continue;
      const own = isShared ? state.of(partition) : state;
      const rows = Math.min(block.count, rowsOfEpoch);
      const writer = new BlockWriter();
      for (let row = 0; row < rows; row++) {
        const text = (at: number, size: number): string => Buffer.from(block.bytes.buffer, block.bytes.byteOffset + at, size).toString();
        const key = text(block.keyOffset[row]!, block.keyLength[row]!);
        const name = `${partition}/${key}`;
        const count = (counts.get(name)?.count ?? countOf(own.get(pipeline, step, Buffer.from(name)))) + 1;
        counts.set(name, { task: partition, count });
        writer.append(Buffer.from(key), Buffer.from(`${text(block.valueOffset[row]!, block.valueLength[row]!)} ${count}`), block.timestamps[row]!);
      }
      outputs.push({ topic: output, partition, block: writer.take() });
      next.set(partition, offsetAt(block, rows - 1) + 1);
      positions.push({ topic: input, partition, offset: next.get(partition)! });
    }
    if (outputs.length === 0 && !isLast) {
      report.idle(since);
      await process.clock.wait(pause);
      pause = Math.min(longestIdleMs, pause * 2);
      continue;
    }
    pause = idleMs;
    const writes: StateWrite[] = [...counts].map(([name, { task, count }]) => ({ step, key: Buffer.from(name), value: countBytes(count), ...(isShared ? { task } : {}) }));
    epoch += 1;
    await log.commit({ pipeline, epoch, outputs, state: writes, positions, journal: [], ...(isShared ? { tasks } : {}) });
    report.committed(epoch, next);
    if (isLast) return;
  }
}

/** A count, with enough behind it that the changelog grows. */
export function countBytes(count: number): Uint8Array {
  const bytes = Buffer.alloc(60, count & 255);
  bytes.writeUInt32LE(count);
  return bytes;
}

export function countOf(value: Uint8Array | undefined): number {
  return value === undefined ? 0 : Buffer.from(value.buffer, value.byteOffset, value.length).readUInt32LE(0);
}
