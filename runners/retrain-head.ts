import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedded } from '../connectors/embedded/embedded-runtime.js';
import type { KafkaSettings } from '../connectors/kafka/kafka-settings.js';
import { systemClock } from '../dataflow/clock.js';
import { createMetrics } from '../dataflow/metrics.js';
import { pipeline } from '../dataflow/pipeline.js';
import type { HeadPlan } from '../learning/head-plan.js';
import { type ModelVersion, openModelRegistry } from '../learning/model-registry.js';
import { type TrainedInterval, trainHead } from '../learning/train-head.js';
import { trainingRows } from '../learning/training-rows.js';
import { filter } from '../operators/filter.js';
import { keyBy } from '../operators/key-by.js';
import { tap } from '../operators/tap.js';
import { loggedDecisions } from '../pipelines/logged-decisions.js';
import type { ModelEvent } from '../schemas/generated/model-event.js';
import { type JobProgress, runJob } from './engine/job.js';
import { buildGraph } from './engine/task.js';
import { createTaskGroup } from './engine/task-group.js';
import { openRuntime } from './open-runtime.js';
import { scratchRuntime } from './scratch-runtime.js';

/** What to train on. */
export interface RetrainOptions {
  readonly plan: HeadPlan;
  readonly dataDir: string;
  readonly kafka?: KafkaSettings | undefined;
  /** Decisions that were made in [from, to) (epoch ms). @default all */
  readonly from?: number;
  readonly to?: number;
  readonly abort?: AbortSignal;
  readonly warn?: (message: string) => void;
  readonly onProgress?: (progress: JobProgress) => void;
  readonly onInterval?: (interval: TrainedInterval) => void;
}

/** What a training over history gave. */
export interface Retrained {
  readonly intervals: readonly TrainedInterval[];
  /** The head that stood at its end, as it would be registered; undefined where none has passed. */
  readonly champion: ModelEvent | undefined;
}

/**
 * Trains a head over a stretch of history, from its first weights on: the same steps as the pipeline, in a scratch state; on the base that is champion now, where the plan has one. Artefacts are stored; nothing else is written.
 *
 * @throws HR_TOPIC_MISSING, HR_ONNX and what a run throws
 */
export async function retrainHead({ plan, dataDir, kafka, from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY, ...options }: RetrainOptions): Promise<Retrained> {
  const intervals: TrainedInterval[] = [];
  const base = plan.base && (await championOf(plan.base.model, { dataDir, kafka }));
  const job = pipeline('head-training', ({ from: source }) =>
    source(loggedDecisions, { disorder: '1m' }).pipe(
      filter((decision) => decision.time >= from && decision.time < to),
      trainingRows(plan),
      keyBy('model', () => plan.model),
      trainHead('head', plan, base === undefined ? {} : { base }),
      tap((interval) => {
        intervals.push(interval);
        options.onInterval?.(interval);
      }),
    ),
  );
  const original = await openRuntime({ dataDir, kafka, mode: 'read' });
  const scratchDir = await mkdtemp(join(tmpdir(), 'headrace-train-'));
  const scratch = openEmbedded({ dataDir: scratchDir, mode: 'write', owner: 'headrace train' });
  try {
    const runtime = scratchRuntime(buildGraph(job), original, scratch, Number.isFinite(from) ? from : undefined);
    await runJob({
      pipeline: job,
      runtime,
      clock: systemClock,
      metrics: createMetrics(),
      abort: options.abort ?? new AbortController().signal,
      bounded: true,
      wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      warn: (_what, message) => options.warn?.(message),
      ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
      groups: ({ taskCount, environment, partitions, positions }) => [
        createTaskGroup({ pipeline: job, tasks: Array.from({ length: taskCount }, (_, i) => i), taskCount, log: runtime.log, registry: runtime.registry, environment, partitions, positions }),
      ],
    });
  } finally {
    await scratch.close();
    await original.close();
    await rm(scratchDir, { recursive: true, force: true });
  }
  const standing = intervals.flatMap(({ events }) => events).findLast((event) => event.stage === 'CHAMPION');
  return { intervals, champion: standing };
}

async function championOf(model: string, { dataDir, kafka }: Pick<RetrainOptions, 'dataDir' | 'kafka'>): Promise<ModelVersion | undefined> {
  const runtime = await openRuntime({ dataDir, kafka, mode: 'read' });
  try {
    return (await openModelRegistry({ ...runtime, clock: systemClock })).champion(model);
  } finally {
    await runtime.close();
  }
}

/** Registers what a training over history gave, as a candidate. Errors: HR_STATE_LOCKED while a pipeline runs on the same data directory. */
export async function registerRetrained({ champion, intervals }: Retrained & { readonly champion: ModelEvent }, { dataDir, kafka }: Pick<RetrainOptions, 'dataDir' | 'kafka'>): Promise<ModelVersion> {
  const runtime = await openRuntime({ dataDir, kafka, mode: 'write', owner: 'headrace train' });
  try {
    const models = await openModelRegistry({ ...runtime, clock: systemClock });
    const period = { intervals: intervals.length, from: intervals[0]!.start, to: intervals.at(-1)!.end };
    return await models.register(champion.model, { artefact: await runtime.artefacts.get(champion.artefact), metrics: { ...champion.metrics, ...period }, inputs: champion.inputs });
  } finally {
    await runtime.close();
  }
}
