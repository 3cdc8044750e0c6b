import { HeadraceError } from '../../dataflow/errors.js';
import type { StateWrite } from '../../dataflow/ports/log-client.js';
import { maxKeyBytes, type StateBackend } from '../../dataflow/ports/state-backend.js';
import { copyingGet } from './copying-get.js';
import type { Environment } from './environment.js';
import { joinedState } from '../../dataflow/joined-state.js';
import { assignNumber, lastNumber, namesOf, numberOf } from './numbering.js';

/**
 * Keyed state in an embedded environment: what the last commit of each pipeline left. It is written by `EmbeddedLog.commit`.
 * A key is the number of its step and task, big-endian, and the key bytes.
 */
export function embeddedState(env: Environment): StateBackend {
  const valueOf = copyingGet(env.state);
  // numbers are given once and for all: what is known holds until another one is given
  let known = new Map<string, readonly StepNumber[]>();
  let last = Number.NaN;
  const numbersOf = (pipeline: string): readonly StepNumber[] => {
    const now = lastNumber(env);
    if (now !== last) known = new Map();
    last = now;
    const found = known.get(pipeline);
    if (found !== undefined) return found;
    const numbers = [...namesOf(env, 'step', `${JSON.stringify([pipeline]).slice(0, -1)},`)].map((name): StepNumber => {
      const [, step, task] = JSON.parse(name) as [string, string, number];
      return { step, task, id: numberOf(env, 'step', name)! };
    });
    known.set(pipeline, numbers.sort((x, y) => x.task - y.task));
    return numbers;
  };
  const part = (choose: (number: StepNumber) => boolean): Pick<StateBackend, 'get' | 'range' | 'steps'> => ({
    get(pipeline, step, key) {
      for (const number of numbersOf(pipeline)) {
        if (number.step !== step || !choose(number)) continue;
        const value = valueOf(stateKey(number.id, key));
        if (value !== undefined) return value;
      }
      return undefined;
    },
    range(pipeline, step, from, to) {
      const parts = numbersOf(pipeline).filter((number) => number.step === step && choose(number));
      return parts.length === 1 ? rangeOf(parts[0]!.id, from, to) : joinedState(() => parts.map(({ id }) => ({ ...nothing, range: () => rangeOf(id, from, to) }))).range(pipeline, step, from, to);
    },
    steps(pipeline) {
      const none = new Uint8Array(0);
      const filled = numbersOf(pipeline).filter((number) => choose(number) && env.state.getKeysCount({ start: stateKey(number.id, none), end: stateKey(number.id + 1, none), limit: 1 }) > 0);
      return [...new Set(filled.map(({ step }) => step))].sort();
    },
  });
  function* rangeOf(id: number, from: Uint8Array, to: Uint8Array | undefined) {
    const end = to === undefined ? stateKey(id + 1, new Uint8Array(0)) : stateKey(id, to);
    for (const { key, value } of env.state.getRange({ start: stateKey(id, from), end })) yield { key: key.subarray(4), value };
  }
  const tasks = (pipeline: string) => [...new Set(numbersOf(pipeline).map(({ task }) => task))];
  const refresh = () => env.refresh();
  const of = (task: number): StateBackend => ({ ...part((number) => number.task === task), of, tasks, refresh });
  return { ...part(() => true), of, tasks, refresh };
}

interface StepNumber {
  readonly step: string;
  readonly task: number;
  readonly id: number;
}

const nothing: Pick<StateBackend, 'get' | 'steps'> = { get: () => undefined, steps: () => [] };

/** Puts changes into the state of a pipeline. Only within `env.transact`. Errors: HR_ARGUMENT for a key longer than `maxKeyBytes`. */
export function writeState(env: Environment, pipeline: string, writes: readonly StateWrite[]): void {
  // not kept beyond this transaction: a number given in one that fails is not given
  const ids = new Map<string, number>();
  for (const { task = 0, step, key, value } of writes) {
    const name = `${task} ${step}`;
    let id = ids.get(name);
    if (id === undefined) ids.set(name, (id = assignNumber(env, 'step', JSON.stringify([pipeline, step, task]))));
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
