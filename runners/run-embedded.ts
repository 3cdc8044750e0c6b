import { openEmbedded } from '../connectors/embedded/embedded-runtime.js';
import { type Clock, systemClock } from '../dataflow/clock.js';
import { HeadraceError } from '../dataflow/errors.js';
import { createMetrics, type Metrics } from '../dataflow/metrics.js';
import type { Pipeline } from '../dataflow/pipeline.js';
import { type JobProgress, type JobResult, runJob } from './engine/job.js';
import { createTaskGroup } from './engine/task-group.js';
import { createWorkerGroup, type WorkerGroup } from './engine/worker-group.js';

/** How a pipeline runs on this machine alone. */
export interface RunOptions {
  /** Where topics, state and offsets are. */
  readonly dataDir: string;
  /** Stop at the end of the input, every window closed. @default false */
  readonly bounded?: boolean;
  /** Worker threads that share the tasks; with more than one, `source` is needed. @default 1: everything in this thread */
  readonly workers?: number;
  /** Name or file of the pipeline, which every worker thread loads itself. */
  readonly source?: string;
  /** Milliseconds between commits. @default 200 live, 2,000 bounded */
  readonly commitMs?: number;
  /** Rows read ahead of each input in one step. @default 16,384 */
  readonly stepRows?: number;
  /** @default the machine's */
  readonly clock?: Clock;
  readonly metrics?: Metrics;
  readonly abort?: AbortSignal;
  /** Waits for new input in a live run. @default a timer */
  readonly wait?: (ms: number) => Promise<void>;
  /** Told once for each kind of trouble that does not stop the run. @default nothing */
  readonly warn?: (message: string) => void;
  readonly onProgress?: (progress: JobProgress) => void;
}

/**
 * Runs a pipeline over the topics of a data directory, exactly once, until its input ends (`bounded`) or `abort`.
 *
 * @throws HR_STATE_LOCKED, HR_DATA_DIR, HR_TOPIC_MISSING and whatever the pipeline's definition is refused for, before anything runs
 */
export async function runEmbedded(pipeline: Pipeline, options: RunOptions): Promise<JobResult> {
  const warned = new Set<string>();
  let threads: readonly WorkerGroup[] = [];
  const { source } = options;
  const workers = options.workers ?? 1;
  if (workers > 1 && source === undefined) throw new HeadraceError('HR_ARGUMENT', 'Worker threads load the pipeline themselves: give its name or file as `source`.');
  const runtime = openEmbedded({ dataDir: options.dataDir, mode: 'write', owner: pipeline.name });
  try {
    return await runJob({
      pipeline,
      runtime,
      clock: options.clock ?? systemClock,
      metrics: options.metrics ?? createMetrics(),
      abort: options.abort ?? new AbortController().signal,
      bounded: options.bounded ?? false,
      ...(options.commitMs === undefined ? {} : { commitMs: options.commitMs }),
      ...(options.stepRows === undefined ? {} : { stepRows: options.stepRows }),
      wait: options.wait ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms))),
      warn(what, message) {
        if (warned.has(what)) return;
        warned.add(what);
        options.warn?.(message);
      },
      ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
      groups(setting) {
        const { taskCount, environment, partitions, positions } = setting;
        const all = Array.from({ length: taskCount }, (_, i) => i);
        const threadCount = Math.min(workers, taskCount);
        if (threadCount < 2) {
          return [createTaskGroup({ pipeline, tasks: all, taskCount, log: runtime.log, registry: runtime.registry, environment, partitions, positions })];
        }
        threads = Array.from({ length: threadCount }, (_, thread) =>
          createWorkerGroup(
            {
              pipeline: source!,
              dataDir: options.dataDir,
              tasks: all.filter((task) => task % threadCount === thread),
              taskCount,
              partitions: [...partitions],
              positions,
              outputs: [...environment.outputs],
              bounded: environment.bounded,
            },
            setting,
          ),
        );
        return threads;
      },
    });
  } finally {
    await Promise.all(threads.map((thread) => thread.stop()));
    await runtime.close();
  }
}
