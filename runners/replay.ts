import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedded } from '../connectors/embedded/embedded-runtime.js';
import type { KafkaSettings } from '../connectors/kafka/kafka-settings.js';
import { systemClock } from '../dataflow/clock.js';
import { HeadraceError } from '../dataflow/errors.js';
import { createMetrics } from '../dataflow/metrics.js';
import type { Pipeline } from '../dataflow/pipeline.js';
import type { StateBackend } from '../dataflow/ports/state-backend.js';
import { compareTopics, type TopicComparison } from './compare-topics.js';
import { deadLetterTopic } from './engine/dead-letters.js';
import { type JobProgress, runJob } from './engine/job.js';
import { recordedOutcomes } from './engine/outcome-history.js';
import { ownInputs } from './engine/prepare-job.js';
import { buildGraph, type PipelineGraph, writtenTopics } from './engine/task.js';
import { createTaskGroup } from './engine/task-group.js';
import { openRuntime } from './open-runtime.js';
import { scratchRuntime } from './scratch-runtime.js';

/** What to replay. */
export interface ReplayOptions {
  readonly dataDir: string;
  /** Replays topics on Kafka; `dataDir` holds the copy of the state. */
  readonly kafka?: KafkaSettings | undefined;
  /** Records with timestamps in [from, to) are compared (epoch ms). @default all */
  readonly from?: number;
  readonly to?: number;
  readonly abort?: AbortSignal;
  readonly onProgress?: (progress: JobProgress) => void;
  /** Rows read ahead in one step: any number gives the same result. @default 16,384 */
  readonly stepRows?: number;
}

/** What a replay found, topic by topic. */
export interface ReplayResult {
  readonly records: number;
  readonly topics: readonly TopicComparison[];
  /** Tiles of each feature set by entity and hour, compared as a whole. */
  readonly features: readonly { readonly step: string; readonly hours: number; readonly differences: number }[];
  readonly equal: boolean;
}

/**
 * Runs a pipeline again over the history of its input topics, in a scratch state, and compares what comes out with what was emitted,
 * byte for byte. It begins with the first record, since state may reach back as far, and meets the ends of earlier runs where
 * they were (the journal).
 *
 * @throws HR_REPLAY when the pipeline has not run, or its last run was interrupted and not gone on with
 */
export async function replay(pipeline: Pipeline, options: ReplayOptions): Promise<ReplayResult> {
  const original = await openRuntime({ dataDir: options.dataDir, kafka: options.kafka, mode: 'read', pipeline: pipeline.name });
  const scratchDir = await mkdtemp(join(tmpdir(), 'headrace-replay-'));
  const scratch = openEmbedded({ dataDir: scratchDir, mode: 'write', owner: `replay of ${pipeline.name}` });
  try {
    const journal = await original.log.journal(pipeline.name);
    const committed = await original.log.committed(pipeline.name);
    if (committed === undefined || journal.length === 0) throw new HeadraceError('HR_REPLAY', `${pipeline.name} has not run here.`);
    const last = new Map(journal.flatMap((entry) => entry.bounds).map((b) => [`${b.topic}/${b.partition}`, b]));
    const behind = [...last.values()].find((b) => (committed.positions.find((p) => p.topic === b.topic && p.partition === b.partition)?.offset ?? 0) < b.offset);
    if (behind !== undefined) {
      throw new HeadraceError('HR_REPLAY', `The last run of ${pipeline.name} was interrupted before it had processed ${behind.topic} up to offset ${behind.offset}.`, {
        remedy: 'Run it once more, so that it goes on to the end, then replay.',
      });
    }
    const graph = buildGraph(pipeline);
    const own = ownInputs(graph).map(({ name }) => name);
    for (const { name, partitions } of await original.log.topics()) if (own.includes(name)) await scratch.log.createTopic(name, { partitions });
    const runtime = scratchRuntime(graph, original, scratch);
    const { records } = await runJob({
      pipeline,
      runtime,
      journal,
      outcomes: await recordedOutcomes(original.log, graph.steps.filter((s) => s.outside).map((s) => s.id)),
      clock: systemClock,
      metrics: createMetrics(),
      abort: options.abort ?? new AbortController().signal,
      bounded: true,
      ...(options.stepRows === undefined ? {} : { stepRows: options.stepRows }),
      wait: () => Promise.resolve(),
      warn: () => undefined,
      ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
      groups: ({ taskCount, environment, partitions, positions }) => [
        createTaskGroup({ pipeline, tasks: Array.from({ length: taskCount }, (_, i) => i), taskCount, log: runtime.log, registry: runtime.registry, environment, partitions, positions }),
      ],
    });
    const range = { from: options.from ?? Number.NEGATIVE_INFINITY, to: options.to ?? Number.POSITIVE_INFINITY };
    const topics: TopicComparison[] = [];
    for (const topic of outputTopics(graph)) topics.push(await compareTopics(topic, original.log, scratch.log, { ...range, othersWrite: own.includes(topic) }));
    const features = graph.steps.filter((s) => s.features !== undefined).map((s) => compareState(pipeline.name, s.id, original.state, scratch.state));
    return { records, topics, features, equal: [...topics, ...features].every((c) => c.differences === 0) };
  } finally {
    await scratch.close();
    await original.close();
    await rm(scratchDir, { recursive: true, force: true });
  }
}

function compareState(pipeline: string, step: string, emitted: StateBackend, replayed: StateBackend): { step: string; hours: number; differences: number } {
  let hours = 0;
  let differences = 0;
  const others = replayed.range(pipeline, step, Buffer.alloc(0))[Symbol.iterator]();
  for (const entry of emitted.range(pipeline, step, Buffer.alloc(0))) {
    hours += 1;
    const other = others.next();
    if (other.done || Buffer.compare(entry.key, other.value.key) !== 0 || Buffer.compare(entry.value, other.value.value) !== 0) differences += 1;
  }
  while (!others.next().done) differences += 1;
  return { step, hours, differences };
}

/** Every topic that a pipeline may have written: sinks, side outputs, dead letters. */
export function outputTopics(graph: PipelineGraph): string[] {
  return [...new Set([...writtenTopics(graph), ...graph.steps.map((step) => deadLetterTopic(step.id))])];
}
