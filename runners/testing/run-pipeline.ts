import { HeadraceError } from '../../dataflow/errors.js';
import { createMetrics, type MetricName } from '../../dataflow/metrics.js';
import type { Pipeline } from '../../dataflow/pipeline.js';
import type { FeaturePublisher } from '../../dataflow/ports/feature-publisher.js';
import { writtenBy } from '../../dataflow/step.js';
import { definition, type Topic } from '../../dataflow/topic.js';
import { type JobOptions, type JobResult, runJob } from '../engine/job.js';
import { buildGraph, type PipelineGraph } from '../engine/task.js';
import { createTaskGroup } from '../engine/task-group.js';
import { memoryRuntime, type MemoryRuntime } from './memory-runtime.js';
import { virtualClock, type VirtualClock } from './virtual-clock.js';
import { CutOff, type Faults, withFaults } from './seeded-faults.js';
import { blockOfRecords, byPartition, type InputRecords, topicRecords, type TopicRecord } from './topic-records.js';

/** How a pipeline is run over records. */
export interface RunPipelineOptions {
  /** Records of the input topics, by name: a list, or a list a partition. They are appended to what is there. */
  readonly inputs?: Readonly<Record<string, InputRecords>>;
  /** Partitions of input topics that are new. @default as many as there are lists, else 1 */
  readonly partitions?: number;
  /** Rows read ahead of each input in one step; small ones cut the input into many steps. @default 16,384 */
  readonly stepRows?: number;
  /** Milliseconds between commits; 0: one after each step. @default 1,000 */
  readonly commitMs?: number;
  /** Cuts the run off at random commits and starts it again, until it ends. @default never */
  readonly restarts?: Faults;
  /** Stops at the end of the input with every window closed; false: as a live run that is stopped there. @default true */
  readonly bounded?: boolean;
  /** Called when a live run has done all that there is to do: true to go on, when there is more. @default the run ends */
  readonly onWait?: () => Promise<boolean>;
  /** Cuts an input partition into blocks. @default one block */
  readonly blocks?: (records: readonly unknown[]) => readonly (readonly unknown[])[];
  /** Goes on with what another run has left. @default a fresh one */
  readonly runtime?: MemoryRuntime;
  /** Takes what `toFeatureStore` publishes. @default none: look-ups read the state */
  readonly publisher?: FeaturePublisher;
  /** Goes on by itself while the run waits for calls. @default begins at 0 */
  readonly clock?: VirtualClock;
}

/** What a run has left. */
export interface PipelineRun {
  readonly result: JobResult;
  /** Records of all output topics, by topic, partition after partition. */
  readonly outputs: Readonly<Record<string, readonly TopicRecord[]>>;
  /** The values in a topic, partition after partition. */
  values<T>(topic: Topic<T, unknown>): readonly T[];
  /** Records that were set aside; `headers` say why (`hr-code`, `hr-offset`, …). */
  readonly deadLetters: readonly TopicRecord<Uint8Array | null>[];
  /** A metric of this run, of one step or of all together. */
  metric(name: MetricName, step?: string): number;
  readonly warnings: readonly string[];
  /** For another run over the same log and state. */
  readonly runtime: MemoryRuntime;
}

/**
 * Runs a whole pipeline in memory, to the end of its input.
 *
 * @throws what the pipeline throws, by code
 * @example
 * const run = await runPipeline(itemCtr, { inputs: { clicks: [click('u1', 'i1', 1_000)] }, partitions: 4 });
 * expect(run.values(itemCtrTopic)).toEqual([{ itemId: 'i1', ctr: 1 }]);
 */
export async function runPipeline(pipeline: Pipeline, options: RunPipelineOptions = {}): Promise<PipelineRun> {
  const runtime = options.runtime ?? memoryRuntime();
  const graph = buildGraph(pipeline);
  await writeInputs(runtime, graph, options);
  const metrics = createMetrics();
  const warnings = new Map<string, string>();
  const stop = new AbortController();
  const clock = options.clock ?? virtualClock();
  const bounded = options.bounded ?? true;
  const log = options.restarts === undefined ? runtime.log : withFaults(runtime.log, options.restarts);
  const job: JobOptions = {
    pipeline,
    runtime: { ...runtime, log },
    clock,
    metrics,
    publisher: options.publisher,
    abort: stop.signal,
    bounded,
    ...(options.commitMs === undefined ? {} : { commitMs: options.commitMs }),
    ...(options.stepRows === undefined ? {} : { stepRows: options.stepRows }),
    wait: async (ms) => {
      if (bounded) await clock.wait(ms);
      else if (!((await options.onWait?.()) ?? false)) stop.abort();
    },
    warn: (what, message) => void warnings.set(what, message),
    groups: (setting) => [
      createTaskGroup({
        pipeline,
        tasks: Array.from({ length: setting.taskCount }, (_, i) => i),
        taskCount: setting.taskCount,
        log,
        registry: runtime.registry,
        environment: setting.environment,
        partitions: setting.partitions,
        positions: setting.positions,
      }),
    ],
  };
  let result: JobResult | undefined;
  while (result === undefined) {
    try {
      result = await runJob(job);
    } catch (error) {
      if (!(error instanceof CutOff)) throw error;
    }
  }
  const written = graph.steps.flatMap(writtenBy);
  const outputs: Record<string, readonly TopicRecord[]> = {};
  for (const topic of written) outputs[topic[definition].name] = await topicRecords(runtime.log, runtime.registry, topic[definition].name);
  const deadLetters: TopicRecord<Uint8Array | null>[] = [];
  for (const { name } of await runtime.log.topics()) {
    if (name.endsWith('.dlq')) deadLetters.push(...((await topicRecords(runtime.log, runtime.registry, name)) as TopicRecord<Uint8Array | null>[]));
  }
  return {
    result,
    outputs,
    values: <T>(topic: Topic<T, unknown>) => (outputs[topic[definition].name] ?? []).map((r) => r.value as T),
    deadLetters,
    metric: (name, step) => metrics.snapshot().reduce((sum, m) => (m.name === name && (step === undefined || m.step === step) ? sum + m.value : sum), 0),
    warnings: [...warnings.values()],
    runtime,
  };
}

async function writeInputs(runtime: MemoryRuntime, graph: PipelineGraph, options: RunPipelineOptions): Promise<void> {
  for (const [name, records] of Object.entries(options.inputs ?? {})) {
    const topic = graph.sources.find((s) => s.topic.name === name)?.topic;
    if (topic === undefined) throw new HeadraceError('HR_ARGUMENT', `The pipeline does not read a topic "${name}"; it reads ${graph.sources.map((s) => s.topic.name).join(', ')}.`);
    const lists = records.length > 0 && records.every((r) => Array.isArray(r)) ? records.length : 1;
    const known = (await runtime.log.topics()).find((t) => t.name === name);
    const partitions = known?.partitions ?? topic.partitions ?? options.partitions ?? lists;
    if (known === undefined) await runtime.log.createTopic(name, { partitions, retentionMs: topic.retentionMs });
    const schemaId = await runtime.registry.register(`${name}-value`, JSON.stringify(topic.schema));
    for (const [partition, list] of byPartition(records, topic, partitions).entries()) {
      for (const part of options.blocks?.(list) ?? [list]) await runtime.log.append([{ topic: name, partition, block: blockOfRecords(part, topic, schemaId) }]);
    }
  }
}
