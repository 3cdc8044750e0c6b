import { entryOfTask } from '../../dataflow/journal-entries.js';
import type { JournalEntry, Position, StateWrite } from '../../dataflow/ports/log-client.js';
import type { StateBackend } from '../../dataflow/ports/state-backend.js';

/** Step under which a job keeps how far each task is in its journal. */
const journalStep = '~journal';
const tasksKey = Buffer.from('tasks');
const formPrefix = 'form/';
const plantingKey = Buffer.from('planting');
const taskKey = (task: number) => Buffer.from(`task/${task}`);

/** The journal entry that a task has begun last. */
export interface TaskProgress {
  readonly index: number;
  /** With the bounds of this task's partitions. */
  readonly entry: JournalEntry;
  readonly isFinished: boolean;
}

/** How far a task is; undefined before its first entry. */
export function taskProgress(state: StateBackend, pipeline: string, task: number): TaskProgress | undefined {
  const stored = state.of(task).get(pipeline, journalStep, taskKey(task));
  return stored === undefined ? undefined : (JSON.parse(Buffer.from(stored).toString()) as TaskProgress);
}

/** Number of tasks that the state of a pipeline belongs to; undefined before its first run has ended an entry. */
export function stateTasks(state: StateBackend, pipeline: string): number | undefined {
  const stored = state.get(pipeline, journalStep, tasksKey);
  return stored === undefined ? undefined : Buffer.from(stored).readUInt32LE(0);
}

/** Writes down how far tasks are, each with its part of the entry. */
export function progressWrites(tasks: readonly number[], { index, entry, isFinished }: TaskProgress): StateWrite[] {
  return tasks.map((task) => {
    const own: TaskProgress = { index, isFinished, entry: entryOfTask({ kind: entry.kind, bounds: entry.bounds, ...(entry.idle && { idle: entry.idle }) }, task) };
    return { task, step: journalStep, key: taskKey(task), value: Buffer.from(JSON.stringify(own)) };
  });
}

/** What is known of a step whose state is stored: its operator, and what it has declared. */
export interface StateForm {
  readonly kind: string;
  readonly form: string;
}

/** The forms of stored state, by step, as the last run wrote them down. */
export function storedForms(state: StateBackend, pipeline: string): Map<string, StateForm> {
  const forms = new Map<string, StateForm>();
  for (const { key, value } of state.range(pipeline, journalStep, Buffer.from(formPrefix), Buffer.from('form0'))) {
    forms.set(Buffer.from(key).toString('utf8', formPrefix.length), JSON.parse(Buffer.from(value).toString()) as StateForm);
  }
  return forms;
}

/** Writes down the form of a step's state, or that it has none. */
export function formWrite(step: string, form: StateForm | undefined, task = 0): StateWrite {
  return { task, step: journalStep, key: Buffer.from(`${formPrefix}${step}`), value: form === undefined ? null : Buffer.from(JSON.stringify(form)) };
}

/** Whether a savepoint is half planted: the state is neither that of before nor that of the savepoint. */
export function isPlanting(state: StateBackend, pipeline: string): boolean {
  return state.get(pipeline, journalStep, plantingKey) !== undefined;
}

/** Writes down that a savepoint is being planted, or that it is there. */
export function plantingWrite(is: boolean): StateWrite {
  return { step: journalStep, key: plantingKey, value: is ? Buffer.of(1) : null };
}

/** The journal of a pipeline that begins at `positions`: one entry behind those that there are, finished. */
export function plantedJournal(positions: readonly Position[], tasks: number, before: number): { readonly writes: StateWrite[]; readonly entries: JournalEntry[] } {
  const all = Array.from({ length: tasks }, (_, i) => i);
  const entry: JournalEntry = { kind: 'live', bounds: positions };
  return { writes: [...progressWrites(all, { index: before, entry, isFinished: true }), ...all.map((task) => tasksWrite(task, tasks))], entries: [{ ...entry, index: before }] };
}

/** Whether a name is that of a run's own state, and no step's. */
export function isOwnState(step: string): boolean {
  return step.startsWith('~');
}

/** Writes down how many tasks there are. */
export function tasksWrite(task: number, tasks: number): StateWrite {
  const value = Buffer.alloc(4);
  value.writeUInt32LE(tasks);
  return { task, step: journalStep, key: tasksKey, value };
}
