import type { KafkaRuntime } from '../../connectors/kafka/kafka-runtime.js';
import type { EpochCommit, StateWrite } from '../../dataflow/ports/log-client.js';
import { BlockWriter, offsetAt } from '../../dataflow/record-block.js';
import type { SimulatedProcess } from './simulated-process.js';
import type { SimulatedTime } from './simulated-time.js';

/** Names of what the simulated pipeline works with. */
export const simulated = { pipeline: 'sim', input: 'in', output: 'out', step: 'counts' } as const;

/** What a pipeline process tells the world. */
export interface PipelineReport {
  /** It has taken over, and goes on behind this epoch, with the state of these positions. */
  opened(epoch: number, next: readonly number[]): void;
  committed(epoch: number, next: readonly number[]): void;
  /** It began to look for records at this time, and there were none. */
  idle(since: number): void;
}

/** What it does next to the outputs of an epoch. */
export interface PipelineOrders {
  /** It commits one more epoch and stops. */
  readonly isLast: boolean;
}

const idleMs = 10;
const longestIdleMs = 2_000;

/**
 * A whole job in small: reads each input partition, counts the records of each key in state, and writes for each record its value and the count so far to the partition of the same number. What it
 * writes is a function of the input alone, however it is cut into epochs.
 */
export async function runPipeline({ log, state }: KafkaRuntime, time: SimulatedTime, process: SimulatedProcess, partitions: number, orders: PipelineOrders, report: PipelineReport): Promise<void> {
  const { pipeline, input, output, step } = simulated;
  const committed = await log.committed(pipeline);
  let epoch = committed?.epoch ?? 0;
  const next = Array.from({ length: partitions }, (_, partition) => committed?.positions.find((p) => p.topic === input && p.partition === partition)?.offset ?? 0);
  report.opened(epoch, next);
  let pause = idleMs;
  for (;;) {
    const { isLast } = orders;
    const since = time.now();
    const rowsOfEpoch = 1 + time.random.below(12);
    const counts = new Map<string, number>();
    const outputs: EpochCommit['outputs'][number][] = [];
    const positions: EpochCommit['positions'][number][] = [];
    let isIdle = true;
    for (let partition = 0; partition < partitions; partition++) {
      const block = await log.read(input, partition, next[partition]!);
      if (block === undefined) continue;
      isIdle = false;
      const rows = Math.min(block.count, rowsOfEpoch);
      const writer = new BlockWriter();
      for (let row = 0; row < rows; row++) {
        const text = (at: number, size: number): string => Buffer.from(block.bytes.buffer, block.bytes.byteOffset + at, size).toString();
        const key = text(block.keyOffset[row]!, block.keyLength[row]!);
        const name = `${partition}/${key}`;
        const before = counts.get(name) ?? countOf(state.get(pipeline, step, Buffer.from(name)));
        counts.set(name, before + 1);
        writer.append(Buffer.from(key), Buffer.from(`${text(block.valueOffset[row]!, block.valueLength[row]!)} ${before + 1}`), block.timestamps[row]!);
      }
      outputs.push({ topic: output, partition, block: writer.take() });
      next[partition] = offsetAt(block, rows - 1) + 1;
      positions.push({ topic: input, partition, offset: next[partition]! });
    }
    if (isIdle) report.idle(since);
    if (isIdle && !isLast) {
      await process.clock.wait(pause);
      pause = Math.min(longestIdleMs, pause * 2);
      continue;
    }
    pause = idleMs;
    const writes: StateWrite[] = [...counts].map(([name, count]) => ({ step, key: Buffer.from(name), value: countBytes(count) }));
    epoch += 1;
    await log.commit({ pipeline, epoch, outputs, state: writes, positions, journal: [] });
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
