import { HeadraceError } from '../../dataflow/errors.js';
import type { StateWrite } from '../../dataflow/ports/log-client.js';
import { maxKeyBytes, type StateBackend } from '../../dataflow/ports/state-backend.js';
import { copyingGet } from './copying-get.js';
import type { Environment } from './environment.js';
import { assignNumber, namesOf, numberOf } from './numbering.js';

/**
 * Keyed state in an embedded environment: what the last commit of each pipeline left. It is written by `EmbeddedLog.commit`.
 * A key is the number of its step, big-endian, and the key bytes.
 */
export function embeddedState(env: Environment): StateBackend {
  const valueOf = copyingGet(env.state);
  // numbers are given once and for all, so those that were read as committed may be kept
  const known = new Map<string, Map<string, number>>();
  const numberOfStep = (pipeline: string, step: string): number | undefined => {
    const found = known.get(pipeline)?.get(step);
    if (found !== undefined) return found;
    const id = numberOf(env, 'step', stepName(pipeline, step));
    if (id === undefined) return undefined;
    const steps = known.get(pipeline) ?? new Map<string, number>();
    known.set(pipeline, steps.set(step, id));
    return id;
  };
  return {
    get(pipeline, step, key) {
      const id = numberOfStep(pipeline, step);
      return id === undefined ? undefined : valueOf(stateKey(id, key));
    },
    *range(pipeline, step, from, to) {
      const id = numberOfStep(pipeline, step);
      if (id === undefined) return;
      const end = to === undefined ? stateKey(id + 1, new Uint8Array(0)) : stateKey(id, to);
      for (const { key, value } of env.state.getRange({ start: stateKey(id, from), end })) yield { key: key.subarray(4), value };
    },
    steps(pipeline) {
      const steps: string[] = [];
      for (const name of namesOf(env, 'step', stepName(pipeline, '').slice(0, -2))) {
        const [, step] = JSON.parse(name) as [string, string];
        const id = numberOfStep(pipeline, step)!;
        const nothing = new Uint8Array(0);
        if (env.state.getKeysCount({ start: stateKey(id, nothing), end: stateKey(id + 1, nothing), limit: 1 }) > 0) steps.push(step);
      }
      return steps;
    },
    refresh: () => env.refresh(),
  };
}

/** Puts changes into the state of a pipeline. Only within `env.transact`. Errors: HR_ARGUMENT for a key longer than `maxKeyBytes`. */
export function writeState(env: Environment, pipeline: string, writes: readonly StateWrite[]): void {
  // not kept beyond this transaction: a number given in one that fails is not given
  const ids = new Map<string, number>();
  for (const { step, key, value } of writes) {
    let id = ids.get(step);
    if (id === undefined) ids.set(step, (id = assignNumber(env, 'step', stepName(pipeline, step))));
    if (value === null) env.state.removeSync(stateKey(id, key));
    else env.state.putSync(stateKey(id, key), value);
  }
}

/** The name under which a step is numbered. */
function stepName(pipeline: string, step: string): string {
  return JSON.stringify([pipeline, step]);
}

/** Key of a state entry. Errors: HR_ARGUMENT for a key longer than `maxKeyBytes`. */
function stateKey(stepId: number, key: Uint8Array): Uint8Array {
  if (key.length > maxKeyBytes) throw new HeadraceError('HR_ARGUMENT', `A state key has at most ${maxKeyBytes} bytes, not ${key.length}.`);
  const bytes = Buffer.allocUnsafe(4 + key.length);
  bytes.writeUInt32BE(stepId, 0);
  bytes.set(key, 4);
  return bytes;
}
