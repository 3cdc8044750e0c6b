import { createMetrics } from '../../dataflow/metrics.js';
import type { Pipeline } from '../../dataflow/pipeline.js';
import { emptyState } from '../../dataflow/ports/state-backend.js';
import { isOwnState, type StateForm } from './job-state.js';
import type { RouteStage } from './logged-route.js';
import { createTask, type TaskEnvironment } from './task.js';

/** What a task tells of itself when it is opened. */
export interface TaskProbe {
  /** The forms of state that steps declare. */
  readonly forms: ReadonlyMap<string, StateForm>;
  /** Whether records go from one task to another. */
  readonly sendsToOthers: boolean;
  /** The stages of its exchanges, in their order. */
  readonly stages: readonly RouteStage[];
}

/** Opens one task over no state, and closes it again. */
export function probeTask(pipeline: Pipeline, taskCount: number, environment: Omit<TaskEnvironment, 'state' | 'metrics' | 'replaying' | 'warn'>): TaskProbe {
  const task = createTask(pipeline, 0, taskCount, { ...environment, state: emptyState, metrics: createMetrics(), replaying: true, warn: () => undefined });
  const kinds = new Map(task.graph.steps.map((step) => [step.id, step.kind]));
  const forms = new Map([...task.tables].filter(([step]) => !isOwnState(step)).map(([step, table]) => [step, { kind: kinds.get(step) ?? '', form: table.form }]));
  task.close('shutdown');
  const ports = [...task.exchanges.values()];
  const stages = [...new Set(ports.map(({ stage }) => stage))].sort((a, b) => a - b).map((stage) => ({ stage, isLocal: ports.every((port) => port.stage !== stage || port.isLocal) }));
  return { forms, sendsToOthers: task.sendsToOthers, stages };
}
