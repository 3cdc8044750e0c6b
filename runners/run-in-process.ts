import type { KafkaSettings } from '../connectors/kafka/kafka-settings.js';
import { systemClock } from '../dataflow/clock.js';
import { HeadraceError } from '../dataflow/errors.js';
import { createMetrics } from '../dataflow/metrics.js';
import type { Pipeline } from '../dataflow/pipeline.js';
import type { Warehouse } from '../dataflow/ports/warehouse.js';
import { type JobResult, runJob } from './engine/job.js';
import { buildGraph } from './engine/task.js';
import { createTaskGroup } from './engine/task-group.js';
import { createWorkerGroup, type WorkerGroup } from './engine/worker-group.js';
import { openPublisher } from './open-publisher.js';
import { openRuntime, type OpenRuntime } from './open-runtime.js';
import { openWarehouse } from './open-warehouse.js';
import type { RunOptions } from './run-embedded.js';
import { openWarehouseCopier, type WarehouseCopier, warehouseTargets } from './warehouse-copier.js';

/** Runs all tasks of a pipeline in this process, in this thread or in several, over the embedded runtime or over Kafka. */
export async function runInProcess(pipeline: Pipeline, options: RunOptions, kafka: KafkaSettings | undefined): Promise<JobResult> {
  const warned = new Set<string>();
  let threads: readonly WorkerGroup[] = [];
  const { source } = options;
  const workers = options.workers ?? 1;
  if (workers > 1 && source === undefined) throw new HeadraceError('HR_ARGUMENT', 'Worker threads load the pipeline themselves: give its name or file as `source`.');
  const given = options.runtime;
  const runtime: OpenRuntime = given ?? await openRuntime({ dataDir: options.dataDir, kafka, mode: 'run', pipeline: pipeline.name, copyMayLag: workers === 1 && options.redis !== undefined, ...(options.warn === undefined ? {} : { warn: options.warn }), ...(options.observer === undefined ? {} : { reachable: options.observer.reachable }) });
  options.observer?.connected(runtime.log);
  const publisher = options.redis && (await openPublisher(options.redis));
  const clock = options.clock ?? systemClock;
  const metrics = options.metrics ?? createMetrics();
  const abort = options.abort ?? new AbortController().signal;
  const warn = (what: string, message: string): void => {
    if (warned.has(what)) return;
    warned.add(what);
    options.warn?.(message);
  };
  const targets = options.clickHouse === undefined ? [] : warehouseTargets(buildGraph(pipeline));
  let warehouse: Warehouse | undefined;
  let copier: WarehouseCopier | undefined;
  try {
    if (targets.length > 0) {
      warehouse = await openWarehouse(options.clickHouse!, options.dataDir);
      copier = await openWarehouseCopier({ log: runtime.log, registry: runtime.registry, warehouse, targets, clock, metrics, warn });
    }
    const result = await runJob({
      pipeline,
      runtime: copier === undefined ? runtime : { ...runtime, log: copier.log },
      clock,
      metrics,
      publisher,
      abort,
      bounded: options.bounded ?? false,
      ...(options.commitMs === undefined ? {} : { commitMs: options.commitMs }),
      ...(options.stepRows === undefined ? {} : { stepRows: options.stepRows }),
      wait: options.wait ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms))),
      warn,
      ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
      observer: options.observer,
      ...(options.stateRules && { stateRules: options.stateRules }),
      ...(options.onState && { onState: options.onState }),
      groupCount: (tasks) => Math.max(1, Math.min(workers, tasks)),
      groups(setting) {
        const { taskCount, tasks, environment, partitions, positions, packsParcels } = setting;
        const threadCount = Math.max(1, Math.min(workers, tasks.length));
        if (threadCount < 2) {
          return [createTaskGroup({ pipeline, tasks, taskCount, log: runtime.log, registry: runtime.registry, environment, partitions, positions })];
        }
        threads = Array.from({ length: threadCount }, (_, thread) =>
          createWorkerGroup(
            {
              pipeline: source!,
              dataDir: options.dataDir,
              ...(kafka === undefined ? {} : { kafka }),
              ...(options.redis === undefined ? {} : { redis: options.redis }),
              tasks: tasks.filter((_, i) => i % threadCount === thread),
              copyDirectory: runtime.copyDirectory?.(),
              taskCount,
              partitions: [...partitions],
              positions,
              outputs: [...environment.outputs],
              bounded: environment.bounded,
              packsParcels,
            },
            setting,
          ),
        );
        return threads;
      },
    });
    await copier?.drain(abort);
    return result;
  } finally {
    copier?.stop();
    await Promise.all(threads.map((thread) => thread.stop()));
    await publisher?.close();
    await warehouse?.close();
    options.observer?.ended();
    if (given === undefined) await runtime.close();
  }
}
