import { createMetrics } from '../../dataflow/metrics.js';
import type { Pipeline } from '../../dataflow/pipeline.js';
import { emptyState } from '../../dataflow/ports/state-backend.js';
import { isOwnState, type StateForm } from './job-state.js';
import { createTask, type TaskEnvironment } from './task.js';

/** What a task tells of itself when it is opened. */
export interface TaskProbe {
  /** The forms of state that steps declare. */
  readonly forms: ReadonlyMap<string, StateForm>;
  /** Whether records go from one task to another: then all tasks have to be in one process. */
  readonly sendsToOthers: boolean;
}

/** Opens one task over no state, and closes it again. */
export function probeTask(pipeline: Pipeline, taskCount: number, environment: Omit<TaskEnvironment, 'state' | 'metrics' | 'replaying' | 'warn'>): TaskProbe {
  const task = createTask(pipeline, 0, taskCount, { ...environment, state: emptyState, metrics: createMetrics(), replaying: true, warn: () => undefined });
  const kinds = new Map(task.graph.steps.map((step) => [step.id, step.kind]));
  const forms = new Map([...task.tables].filter(([step]) => !isOwnState(step)).map(([step, table]) => [step, { kind: kinds.get(step) ?? '', form: table.form }]));
  task.close('shutdown');
  return { forms, sendsToOthers: task.sendsToOthers };
}
