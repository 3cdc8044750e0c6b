import { readFileSync } from 'node:fs';
import { createMetrics } from '../../dataflow/metrics.js';
import { runJob } from '../../runners/engine/job.js';
import { createTaskGroup } from '../../runners/engine/task-group.js';
import { memoryRuntime } from '../../runners/testing/memory-runtime.js';
import { growingLog } from './growing-log.js';
import { soakSteps, soakTopics } from './steps.js';

/** What a step held under a growing key space. */
export interface SoakResult {
  readonly step: string;
  readonly events: number;
  /** The most rows that the step held at the end of an epoch, and what it may hold. */
  readonly rows: number;
  readonly bound: number;
  /** The most entries and bytes that the state store held for the step, in the first half and in all. */
  readonly entriesHalf: number;
  readonly entries: number;
  readonly stateKiB: number;
  readonly rssHalfMiB: number;
  readonly peakRssMiB: number;
  readonly eventsPerCpuS: number;
}

const rssMiB = (name: 'VmRSS' | 'VmHWM'): number => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? process.resourceUsage().maxRSS) / 1024);

/**
 * Runs one step over events of a growing key space, in this thread; state stays in memory.
 *
 * @param commitMs milliseconds between epochs; 0: one after each 16,384 events
 */
export async function runSoak(name: string, count: number, commitMs = 50): Promise<SoakResult> {
  const { pipeline, bound } = soakSteps[name]!;
  const memory = memoryRuntime();
  const metrics = createMetrics();
  const held = new Map<string, number>();
  const peak = { rows: 0, entries: 0, bytes: 0, entriesHalf: 0, rssHalfMiB: 0 };
  let bytes = 0;
  const log = growingLog(soakTopics, count, (commit) => {
    memory.writeState(pipeline.name, commit.state);
    for (const { step, key, value } of commit.state) {
      if (step !== 'step') continue;
      const id = Buffer.from(key).toString('latin1');
      bytes += (value?.length ?? 0) - (held.get(id) ?? 0);
      if (value === null) held.delete(id);
      else held.set(id, value.length);
    }
    peak.rows = Math.max(peak.rows, metrics.snapshot().find((m) => m.name === 'headrace_state_rows')?.value ?? 0);
    peak.entries = Math.max(peak.entries, held.size);
    peak.bytes = Math.max(peak.bytes, bytes);
    if (commit.positions.some((p) => p.topic === 'events' && p.offset <= count / 2)) {
      peak.entriesHalf = peak.entries;
      peak.rssHalfMiB = rssMiB('VmRSS');
    }
  });
  const cpu = process.cpuUsage();
  await runJob({
    pipeline,
    runtime: { ...memory, log },
    clock: { now: () => 0 },
    metrics,
    abort: new AbortController().signal,
    bounded: true,
    commitMs,
    wait: async () => undefined,
    warn: (_what, message) => process.stderr.write(`${message}\n`),
    groups: (setting) => [
      createTaskGroup({
        pipeline,
        tasks: [0],
        taskCount: setting.taskCount,
        log,
        registry: memory.registry,
        environment: setting.environment,
        partitions: setting.partitions,
        positions: setting.positions,
      }),
    ],
  });
  const { user, system } = process.cpuUsage(cpu);
  return {
    step: name, events: count, rows: peak.rows, bound, entriesHalf: peak.entriesHalf, entries: peak.entries, stateKiB: Math.round(peak.bytes / 1024),
    rssHalfMiB: peak.rssHalfMiB, peakRssMiB: rssMiB('VmHWM'), eventsPerCpuS: Math.round(count / ((user + system) / 1e6)),
  };
}
