import { HeadraceError } from '../../dataflow/errors.js';
import { joinedState } from '../../dataflow/state/joined-state.js';
import type { StateWrite } from '../../dataflow/ports/log-client.js';
import { maxKeyBytes, type StateBackend } from '../../dataflow/ports/state-backend.js';
import { copyingGet } from './copying-get.js';
import type { Environment } from './environment.js';
import { assignNumber, lastNumber, namesOf, numberOf } from './numbering.js';

/**
 * Keyed state in an embedded environment: what the last commit of each pipeline left. It is written by `EmbeddedLog.commit`.
 * A key is the number of its step and task, big-endian, and the key bytes.
 */
export function embeddedState(env: Environment): StateBackend {
  const valueOf = copyingGet(env.state);
  // numbers are given once and for all, so those that were read as committed may be kept
  const ids = new Map<string, number>();
  const idOf = (name: string): number | undefined => {
    const id = ids.get(name) ?? numberOf(env, 'step', name);
    if (id !== undefined) ids.set(name, id);
    return id;
  };
  // what there is of a pipeline holds until another number is given
  let known = new Map<string, { readonly steps: readonly { readonly step: string; readonly task: number }[]; readonly tasks: readonly number[] }>();
  let last = Number.NaN;
  const whatIsThere = (pipeline: string) => {
    const now = lastNumber(env);
    if (now !== last) known = new Map();
    last = now;
    let found = known.get(pipeline);
    if (found === undefined) {
      const steps = [...namesOf(env, 'step', `${JSON.stringify([pipeline]).slice(0, -1)},`)].map((name) => {
        const [, step, task] = JSON.parse(name) as [string, string, number];
        return { step, task };
      });
      found = { steps, tasks: [...new Set(steps.map(({ task }) => task))].sort((a, b) => a - b) };
      known.set(pipeline, found);
    }
    return found;
  };
  const tasks = (pipeline: string) => whatIsThere(pipeline).tasks;
  const refresh = () => env.refresh();
  const parts = new Map<number, StateBackend>();
  const of = (task: number): StateBackend => {
    const part = parts.get(task) ?? partOf(task);
    parts.set(task, part);
    return part;
  };
  /** Ids of a task's steps. Making the name of a step would cost more than the look-up. */
  const stepIds = (task: number) => {
    const ofSteps = new Map<string, Map<string, number>>();
    return (pipeline: string, step: string): number | undefined => {
      let ofPipeline = ofSteps.get(pipeline);
      if (ofPipeline === undefined) ofSteps.set(pipeline, (ofPipeline = new Map()));
      const id = ofPipeline.get(step) ?? idOf(stepName(pipeline, step, task));
      if (id !== undefined) ofPipeline.set(step, id);
      return id;
    };
  };
  const partOf = (task: number, stepId = stepIds(task)): StateBackend => ({
    get(pipeline, step, key) {
      const id = stepId(pipeline, step);
      return id === undefined ? undefined : valueOf(stateKey(id, key));
    },
    *range(pipeline, step, from, to) {
      const id = stepId(pipeline, step);
      if (id === undefined) return;
      const end = to === undefined ? stateKey(id + 1, none) : stateKey(id, to);
      for (const { key, value } of env.state.getRange({ start: stateKey(id, from), end })) yield { key: key.subarray(4), value };
    },
    steps: (pipeline) =>
      whatIsThere(pipeline)
        .steps.filter((known) => {
          if (known.task !== task) return false;
          const id = stepId(pipeline, known.step)!;
          return env.state.getKeysCount({ start: stateKey(id, none), end: stateKey(id + 1, none), limit: 1 }) > 0;
        })
        .map(({ step }) => step)
        .sort(),
    of,
    tasks,
    refresh,
  });
  const together = (pipeline: string) => joinedState(() => tasks(pipeline).map(of));
  return {
    get: (pipeline, step, key) => together(pipeline).get(pipeline, step, key),
    range: (pipeline, step, from, to) => together(pipeline).range(pipeline, step, from, to),
    steps: (pipeline) => together(pipeline).steps(pipeline),
    of,
    tasks,
    refresh,
  };
}

const none = new Uint8Array(0);

/** The name under which a step is numbered, for each task. */
function stepName(pipeline: string, step: string, task: number): string {
  return JSON.stringify([pipeline, step, task]);
}

/** Puts changes into the state of a pipeline. Only within `env.transact`. Errors: HR_ARGUMENT for a key longer than `maxKeyBytes`. @param of the task whose state it is. @default what each change says */
export function writeState(env: Environment, pipeline: string, writes: Iterable<StateWrite>, of?: number): void {
  // not kept beyond this transaction: a number given in one that fails is not given
  const ids = new Map<string, number>();
  // those of a step come together
  let [lastTask, lastStep, id] = [Number.NaN, '', 0];
  for (const { task: its = 0, step, key, value } of writes) {
    const task = of ?? its;
    if (task !== lastTask || step !== lastStep) {
      const name = `${task} ${step}`;
      id = ids.get(name) ?? assignNumber(env, 'step', stepName(pipeline, step, task));
      ids.set(name, id);
      [lastTask, lastStep] = [task, step];
    }
    if (value === null) env.state.removeSync(stateKey(id, key));
    else env.state.putSync(stateKey(id, key), value);
  }
}

/** Key of a state entry. Errors: HR_ARGUMENT for a key longer than `maxKeyBytes`. */
function stateKey(stepId: number, key: Uint8Array): Uint8Array {
  if (key.length > maxKeyBytes) throw new HeadraceError('HR_ARGUMENT', `A state key has at most ${maxKeyBytes} bytes, not ${key.length}.`);
  const bytes = Buffer.allocUnsafe(4 + key.length);
  bytes.writeUInt32BE(stepId, 0);
  bytes.set(key, 4);
  return bytes;
}
