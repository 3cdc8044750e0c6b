import type { StateBackend } from '../../dataflow/ports/state-backend.js';
import type { StateWrite } from '../../dataflow/ports/log-client.js';

/** Step under which a job keeps what belongs to all of its tasks. */
const journalStep = '~journal';
const finishedKey = Buffer.from('finished');
const tasksKey = Buffer.from('tasks');

/** Journal entries that a pipeline has finished. */
export function finishedEntries(state: StateBackend, pipeline: string): number {
  return number(state.get(pipeline, journalStep, finishedKey)) ?? 0;
}

/** Number of tasks that the state of a pipeline belongs to; undefined before its first run has ended an entry. */
export function stateTasks(state: StateBackend, pipeline: string): number | undefined {
  return number(state.get(pipeline, journalStep, tasksKey));
}

/** Writes down that so many entries are finished, by so many tasks. */
export function finishedWrites(entries: number, tasks: number): StateWrite[] {
  return [[finishedKey, entries] as const, [tasksKey, tasks] as const].map(([key, n]) => {
    const value = Buffer.alloc(4);
    value.writeUInt32LE(n);
    return { step: journalStep, key, value };
  });
}

function number(stored: Uint8Array | undefined): number | undefined {
  return stored === undefined ? undefined : Buffer.from(stored).readUInt32LE(0);
}
