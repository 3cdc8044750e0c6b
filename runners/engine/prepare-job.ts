import { HeadraceError } from '../../dataflow/errors.js';
import type { LogClient } from '../../dataflow/ports/log-client.js';
import type { StateBackend } from '../../dataflow/ports/state-backend.js';
import { writtenBy } from '../../dataflow/step.js';
import { definition, type TopicDefinition } from '../../dataflow/topic.js';
import { parseRecordSchema } from '../../schemas/avro-schema.js';
import { compileReader } from '../../schemas/reader.js';
import type { Runtime } from './job.js';
import { isPlanting, stateTasks } from './job-state.js';
import { outcomesTopic } from './outcome-history.js';
import type { PipelineGraph } from './task.js';

/** Keys and their state belong to tasks: with another number of them, a key would not find its state. */
export function checkTasks(state: StateBackend, pipeline: string, taskCount: number): void {
  if (isPlanting(state, pipeline)) throw new HeadraceError('HR_SAVEPOINT', `A savepoint is half planted in ${pipeline}.`, { place: { pipeline }, remedy: 'Start it once more with `headrace savepoint start`; it begins anew and replaces what is there.' });
  const before = stateTasks(state, pipeline);
  if (before === undefined || before === taskCount) return;
  throw new HeadraceError('HR_STATE_MISMATCH', `${pipeline} has state of ${before} tasks, and its input topics have ${taskCount} partitions now.`, {
    place: { pipeline },
    remedy: 'Read topics with as many partitions as before, or begin anew in another data directory.',
  });
}

/** Creates the topics that a pipeline both reads and writes: what it reads there may be its own, or what others write as well. */
export async function createOwnInputs(graph: PipelineGraph, log: LogClient): Promise<void> {
  const existing = new Set((await log.topics()).map((t) => t.name));
  for (const { name, partitions = 1, retentionMs } of ownInputs(graph)) if (!existing.has(name)) await log.createTopic(name, { partitions, retentionMs });
}

/** The topics that a pipeline both reads and writes. */
export function ownInputs({ steps, sources }: PipelineGraph): readonly TopicDefinition[] {
  const written = new Set(steps.filter((s) => s.role === 'sink').map((s) => s.topic![definition].name));
  return sources.map((s) => s.topic).filter(({ name }) => written.has(name));
}

/** The input topics of a pipeline and the number of its tasks. Errors: HR_TOPIC_MISSING. */
export async function findInputs(graph: PipelineGraph, pipeline: string, log: LogClient): Promise<{ partitions: Map<string, number>; taskCount: number }> {
  const topics = new Map((await log.topics()).map((t) => [t.name, t]));
  const partitions = new Map<string, number>();
  for (const source of graph.sources) {
    const topic = topics.get(source.topic.name);
    if (topic === undefined) {
      await refuseDenied(log, source.topic.name);
      const known = [...topics.keys()].filter((name) => !name.endsWith('.dlq'));
      const hint = known.length === 0 ? 'there are no topics yet' : `there are ${known.join(', ')}`;
      throw new HeadraceError('HR_TOPIC_MISSING', `Topic "${source.topic.name}" does not exist; ${hint}.`, { place: { pipeline, step: source.id, topic: source.topic.name } });
    }
    partitions.set(topic.name, topic.partitions);
  }
  return { partitions, taskCount: Math.max(...partitions.values()) };
}

/** A topic that this user may not see is not in the list; asked for by its name, the log says so. Errors: HR_KAFKA_DENIED. */
async function refuseDenied(log: LogClient, topic: string): Promise<void> {
  try {
    await log.bounds(topic, 0);
  } catch (error) {
    if (!(error instanceof HeadraceError && error.code === 'HR_TOPIC_MISSING')) throw error;
  }
}

/** Refuses a pipeline that cannot read what its input topics are written with now; single records that it cannot read are dead letters. */
export async function checkSchemas(graph: PipelineGraph, partitions: ReadonlyMap<string, number>, pipeline: string, { log, registry }: Runtime): Promise<void> {
  for (const { id: step, topic } of graph.sources) {
    const latest = await registry.latest(`${topic.name}-value`);
    if (latest === undefined || topic.framing === 'plain') continue;
    try {
      compileReader(parseRecordSchema(latest.schemaText), parseRecordSchema(topic.schema));
    } catch (cause) {
      const place = { pipeline, step, topic: topic.name, ...(await firstRecord(log, topic.name, partitions.get(topic.name)!)) };
      throw new HeadraceError('HR_SCHEMA_MISMATCH', `Records of topic ${topic.name} have schema ${latest.id}, which does not fit: ${(cause as Error).message}`, { cause, place });
    }
  }
}

async function firstRecord(log: LogClient, topic: string, partitions: number): Promise<{ partition?: number; offset?: number }> {
  for (let partition = 0; partition < partitions; partition++) {
    const { start, end } = await log.bounds(topic, partition);
    if (start < end) return { partition, offset: start };
  }
  return {};
}

/** Creates the topics that a pipeline writes, and registers their schemas. */
export async function prepareOutputs(graph: PipelineGraph, taskCount: number, runtime: Runtime): Promise<Map<string, { partitions: number; schemaId: number }>> {
  const outputs = new Map<string, { partitions: number; schemaId: number }>();
  const existing = new Map((await runtime.log.topics()).map((t) => [t.name, t]));
  for (const step of graph.steps) {
    if (step.outside && !existing.has(outcomesTopic(step.id))) await runtime.log.createTopic(outcomesTopic(step.id), { partitions: taskCount });
    for (const topic of writtenBy(step)) {
      const meta = topic[definition];
      const partitions = existing.get(meta.name)?.partitions ?? meta.partitions ?? taskCount;
      if (!existing.has(meta.name)) await runtime.log.createTopic(meta.name, { partitions, retentionMs: meta.retentionMs });
      outputs.set(meta.name, { partitions, schemaId: await runtime.registry.register(`${meta.name}-value`, JSON.stringify(meta.schema)) });
    }
  }
  return outputs;
}
