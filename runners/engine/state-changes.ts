import { HeadraceError } from '../../dataflow/errors.js';
import type { StateWrite } from '../../dataflow/ports/log-client.js';
import type { StateBackend } from '../../dataflow/ports/state-backend.js';
import type { Runtime } from './job.js';
import { formWrite, isOwnState, type StateForm, storedForms } from './job-state.js';

/** What becomes of a step's state when the pipeline starts. */
export interface StateFate {
  readonly step: string;
  /** Its operator; of a step that is no longer there, as it was. */
  readonly kind: string | undefined;
  /** `carriesOver`: it goes on with what is stored; `new`: nothing is stored; `gone`: stored, and the pipeline has no such step; `differs`: stored in another form; `dropped`, `moved`: as the rules said. */
  readonly fate: 'carriesOver' | 'new' | 'gone' | 'differs' | 'dropped' | 'moved';
  /** Where moved state was before. */
  readonly from?: string;
  /** The forms, where they differ. */
  readonly stored?: StateForm | undefined;
  readonly declared?: StateForm | undefined;
}

/** What may be done about state that does not fit. */
export interface StateRules {
  /** Steps whose state is forgotten if it does not fit. @default none */
  readonly drop?: readonly string[];
  /** Steps that have another id now: their state moves there. @default none */
  readonly move?: readonly { readonly from: string; readonly to: string }[];
}

/** Where state is. */
export interface StatePlace extends Pick<Runtime, 'log' | 'state'> {
  /** The tasks of this process. @default those that have state */
  readonly tasks?: readonly number[];
  /** Other processes have tasks of the pipeline, too. @default false */
  readonly shared?: boolean;
}

/** Entries that one epoch changes when state is dropped or moved. */
const entriesAtOnce = 50_000;
const noKey = new Uint8Array(0);

/** What becomes of each step's state, in the order of the pipeline; those without a step come last. */
export function stateFates(state: StateBackend, pipeline: string, declared: ReadonlyMap<string, StateForm>): StateFate[] {
  const known = storedForms(state, pipeline);
  const stored = new Set(state.steps(pipeline).filter((step) => !isOwnState(step)));
  const fates = [...declared].map(([step, form]): StateFate => {
    if (!stored.has(step)) return { step, kind: form.kind, fate: 'new' };
    const before = known.get(step);
    // state of a version that did not write its form down is looked at by the step itself
    const fits = before === undefined || (before.kind === form.kind && before.form === form.form);
    return fits ? { step, kind: form.kind, fate: 'carriesOver' } : { step, kind: form.kind, fate: 'differs', stored: before, declared: form };
  });
  return [...fates, ...[...stored].filter((step) => !declared.has(step)).map((step): StateFate => ({ step, kind: known.get(step)?.kind, fate: 'gone', stored: known.get(step) }))];
}

/**
 * Brings stored state and pipeline together before tasks open: moves and drops what the rules name, refuses what still does not fit. A rule for a step that fits does nothing, so that a
 * restart with the same rules is harmless; so is one that was interrupted.
 *
 * @throws HR_STATE_MISMATCH naming each step whose state does not fit, and what can be told
 */
export async function settleState(runtime: StatePlace, pipeline: string, declared: ReadonlyMap<string, StateForm>, { drop = [], move = [] }: StateRules): Promise<StateFate[]> {
  const before = stateFates(runtime.state, pipeline, declared);
  const fateOf = (step: string) => before.find((f) => f.step === step)?.fate;
  const unknown = [...drop, ...move.map((m) => m.to)].filter((step) => fateOf(step) === undefined && !declared.has(step));
  const moved = new Map<string, string>();
  for (const { from, to } of move) {
    if (fateOf(from) !== 'gone') continue;
    if (!declared.has(to)) throw new HeadraceError('HR_STATE_MISMATCH', `State cannot move from ${from} to ${to}: the pipeline has no step ${to} with state.`, { place: { pipeline, step: to } });
    const form = storedForms(runtime.state, pipeline).get(from);
    await rewriteState(runtime, pipeline, from, to);
    await commitState(runtime, pipeline, partsOf(runtime, pipeline).flatMap(({ task }) => [formWrite(to, form, task), formWrite(from, undefined, task)]));
    moved.set(to, from);
  }
  const dropped: StateFate[] = [];
  for (const { step, kind, fate } of stateFates(runtime.state, pipeline, declared)) {
    if (!drop.includes(step) || (fate !== 'gone' && fate !== 'differs')) continue;
    await dropState(runtime, pipeline, step);
    dropped.push({ step, kind, fate: 'dropped' });
  }
  const after = stateFates(runtime.state, pipeline, declared);
  const misfits = after.filter(({ fate }) => fate === 'gone' || fate === 'differs');
  if (misfits.length > 0) throw misfitError(pipeline, misfits, unknown);
  const told = after.map((fate): StateFate => dropped.find((d) => d.step === fate.step) ?? (moved.has(fate.step) && fate.fate === 'carriesOver' ? { ...fate, fate: 'moved', from: moved.get(fate.step)! } : fate));
  return [...told, ...dropped.filter((d) => !after.some((fate) => fate.step === d.step))];
}

/** Forgets the state of a step. */
export async function dropState(runtime: StatePlace, pipeline: string, step: string): Promise<void> {
  await rewriteState(runtime, pipeline, step, undefined);
  await commitState(runtime, pipeline, partsOf(runtime, pipeline).map(({ task }) => formWrite(step, undefined, task)));
}

/** What a run writes down about its state's forms: what has changed since the last one. */
export function formWrites(place: StatePlace, pipeline: string, declared: ReadonlyMap<string, StateForm>): StateWrite[] {
  return partsOf(place, pipeline).flatMap(({ task, state }) => {
    const known = storedForms(state, pipeline);
    return [...declared].flatMap(([step, form]) => (JSON.stringify(known.get(step)) === JSON.stringify(form) ? [] : [formWrite(step, form, task)]));
  });
}

/** The state of each task. */
function partsOf({ state, tasks }: StatePlace, pipeline: string): { readonly task: number; readonly state: StateBackend }[] {
  return (tasks ?? state.tasks(pipeline)).map((task) => ({ task, state: state.of(task) }));
}

/** Deletes the entries of a step, or gives them to another one; a part of them with each epoch, so that none is too long. */
async function rewriteState(runtime: StatePlace, pipeline: string, from: string, to: string | undefined): Promise<void> {
  for (const { task, state } of partsOf(runtime, pipeline)) {
    for (;;) {
      const writes: StateWrite[] = [];
      for (const entry of state.range(pipeline, from, noKey)) {
        const key = Uint8Array.from(entry.key);
        if (to !== undefined) writes.push({ task, step: to, key, value: Uint8Array.from(entry.value) });
        writes.push({ task, step: from, key, value: null });
        if (writes.length >= entriesAtOnce) break;
      }
      if (writes.length === 0) break;
      await commitState(runtime, pipeline, writes);
    }
  }
}

/** An epoch that changes nothing but state. */
async function commitState({ log, state, tasks, shared }: StatePlace, pipeline: string, writes: readonly StateWrite[]): Promise<void> {
  const { epoch = 0, times } = (await log.committed(pipeline)) ?? {};
  await log.commit({ pipeline, epoch: epoch + 1, ...(shared && tasks && { tasks }), outputs: [], state: writes, positions: [], journal: [], ...(times && { times }) });
  state.refresh();
}

function misfitError(pipeline: string, misfits: readonly StateFate[], unknown: readonly string[]): HeadraceError {
  const lines = misfits.map(({ step, fate, stored, declared }) =>
    fate === 'gone' ? `${step}: its state${stored === undefined ? '' : ` (${stored.kind})`} is stored, and the pipeline has no such step` : `${step}: stored is ${shown(stored)}, the step has ${shown(declared)}`,
  );
  const hint = unknown.length === 0 ? '' : ` There is no step ${unknown.join(', ')} with state.`;
  return new HeadraceError('HR_STATE_MISMATCH', `State of ${pipeline} does not fit the pipeline as it is now: ${lines.join('; ')}.${hint}`, {
    place: { pipeline, step: misfits[0]!.step },
    remedy: `Give a changed step a new id and drop the old one's state: --drop-state ${misfits[0]!.step} forgets it; --move-state OLD=NEW keeps it where a step has a new id. Or go back to the pipeline before.`,
  });
}

/** Longest form in a message. */
const shownLength = 160;

function shown(form: StateForm | undefined): string {
  const text = form === undefined ? 'unknown' : `${form.kind} ${form.form}`;
  return text.length > shownLength ? `${text.slice(0, shownLength)}…` : text;
}
