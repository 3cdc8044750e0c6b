import { systemClock } from '../../dataflow/clock.js';
import { createMetrics } from '../../dataflow/metrics.js';
import type { Pipeline } from '../../dataflow/pipeline.js';
import { emptyState } from '../../dataflow/ports/state-backend.js';
import { stepOf } from '../../dataflow/step.js';
import { type AnyTopic, definition } from '../../dataflow/topic.js';
import { buildGraph, createTask, tickOf } from '../engine/task.js';
import { memoryArtefacts } from '../testing/memory-artefacts.js';

/** A pipeline as it is drawn: steps and topics, and the ways of records between them. */
export interface Topology {
  readonly pipeline: string;
  readonly tickMs: number;
  readonly nodes: readonly (StepNode | TopicNode)[];
  readonly edges: readonly TopologyEdge[];
}

export interface StepNode {
  readonly node: string;
  readonly type: 'step';
  readonly kind: string;
  readonly id: string;
  readonly details: Readonly<Record<string, string>>;
  /** Records leave the task here, unless there is one task only. */
  readonly exchange: boolean;
}

export interface TopicNode {
  readonly node: string;
  readonly type: 'topic';
  readonly name: string;
  /** Field that decides the partition. */
  readonly key: string | null;
  /** Field of the event time. */
  readonly time: string | null;
}

export interface TopologyEdge {
  readonly from: string;
  readonly to: string;
  /** `side`: a side output, such as late records. */
  readonly type: 'records' | 'side';
}

/** The steps and topics of a pipeline. Throws what its definition is refused for. */
export function topologyOf(pipeline: Pipeline): Topology {
  const graph = buildGraph(pipeline);
  const exchanging = exchangingSteps(pipeline);
  const nodes = new Map<string, StepNode | TopicNode>();
  const edges: TopologyEdge[] = [];
  const topicNode = (topic: AnyTopic): string => {
    const { name, key, time } = topic[definition];
    const node = `topic:${name}`;
    if (!nodes.has(node)) nodes.set(node, { node, type: 'topic', name, key: key ?? null, time: time ?? null });
    return node;
  };
  for (const step of graph.steps) {
    const node = `step:${step.id}`;
    if (step.role === 'source' && step.topic !== undefined) edges.push({ from: topicNode(step.topic), to: node, type: 'records' });
    nodes.set(node, { node, type: 'step', kind: step.kind, id: step.id, details: step.details, exchange: exchanging.has(step.id) });
    for (const input of step.inputs) edges.push({ from: `step:${stepOf(input)!.id}`, to: node, type: 'records' });
    if (step.role === 'sink' && step.topic !== undefined) edges.push({ from: node, to: topicNode(step.topic), type: 'records' });
    for (const side of step.sides ?? []) edges.push({ from: node, to: topicNode(side), type: 'side' });
  }
  return { pipeline: pipeline.name, tickMs: tickOf(pipeline, graph.sources), nodes: [...nodes.values()], edges };
}

/** The steps that exchange records when there are several tasks: only a task that is open knows. Nothing is read or written. */
function exchangingSteps(pipeline: Pipeline): ReadonlySet<string> {
  const outputs = { get: () => ({ partitions: 2, schemaId: 1 }) } as unknown as ReadonlyMap<string, { partitions: number; schemaId: number }>;
  const task = createTask(pipeline, 0, 2, {
    state: emptyState,
    artefacts: memoryArtefacts(),
    clock: systemClock,
    metrics: createMetrics(),
    abort: new AbortController().signal,
    bounded: true,
    // As many partitions as tasks, which is how topics are made.
    inputs: { get: () => 2 } as unknown as ReadonlyMap<string, number>,
    outputs,
    replaying: false,
    wait: () => Promise.resolve(),
    warn: () => undefined,
  });
  return new Set(task.exchanges.keys());
}
