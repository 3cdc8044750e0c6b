import type { StateBackend } from '../../dataflow/ports/state-backend.js';
import type { JournalEntry, Position, StateWrite } from '../../dataflow/ports/log-client.js';

/** Step under which a job keeps what belongs to all of its tasks. */
const journalStep = '~journal';
const finishedKey = Buffer.from('finished');
const tasksKey = Buffer.from('tasks');
const formPrefix = 'form/';
const plantingKey = Buffer.from('planting');

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
export function formWrite(step: string, form: StateForm | undefined): StateWrite {
  return { step: journalStep, key: Buffer.from(`${formPrefix}${step}`), value: form === undefined ? null : Buffer.from(JSON.stringify(form)) };
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
  return { writes: finishedWrites(before + 1, tasks), entries: [{ kind: 'live', bounds: positions }] };
}

/** Whether a name is that of a run's own state, and no step's. */
export function isOwnState(step: string): boolean {
  return step.startsWith('~');
}

function number(stored: Uint8Array | undefined): number | undefined {
  return stored === undefined ? undefined : Buffer.from(stored).readUInt32LE(0);
}
