import type { TaskContext } from '../task-context.js';

/** Tells how many rows a step of this task holds; those of all tasks add up. */
export function stateRows(): (context: TaskContext, step: string, rows: number | void) => void {
  let told = 0;
  return (context, step, rows) => {
    if (typeof rows !== 'number' || rows === told) return;
    context.metrics.add('headrace_state_rows', step, rows - told);
    told = rows;
  };
}
