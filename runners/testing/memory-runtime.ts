import { HeadraceError } from '../../dataflow/errors.js';
import { joinedState } from '../../dataflow/state/joined-state.js';
import type { StateWrite } from '../../dataflow/ports/log-client.js';
import type { RegisteredSchema, SchemaRegistry } from '../../dataflow/ports/schema-registry.js';
import { maxKeyBytes, type StateBackend } from '../../dataflow/ports/state-backend.js';
import type { StateEntry } from '../../dataflow/state/state-table.js';
import type { Runtime } from '../engine/job.js';
import { memoryArtefacts } from './memory-artefacts.js';
import { memoryLog } from './memory-log.js';

/** A runtime in memory: what a run has committed stays in it, so that another run goes on from there. */
export interface MemoryRuntime extends Runtime {
  /** Changes state outside of any epoch: what `play` saves at a barrier. */
  writeState(pipeline: string, writes: readonly StateWrite[]): void;
}

/** A runtime that keeps log, state, schemas and artefacts in memory. */
export function memoryRuntime(): MemoryRuntime {
  const { state, writeState } = memoryState();
  return { log: memoryLog(writeState), state, registry: memoryRegistry(), artefacts: memoryArtefacts(), writeState };
}

function memoryState(): { state: StateBackend; writeState: MemoryRuntime['writeState'] } {
  const pipelines = new Map<string, Map<number, Map<string, Map<string, StateEntry>>>>();
  // Text of one character a byte sorts as the bytes do.
  const name = (key: Uint8Array) => Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
  const check = (key: Uint8Array) => {
    if (key.length > maxKeyBytes) throw new HeadraceError('HR_ARGUMENT', `A state key has at most ${maxKeyBytes} bytes, not ${key.length}.`);
    return key;
  };
  const put = (pipeline: string, { task = 0, step, key, value }: StateWrite) => {
    const tasks = pipelines.get(pipeline) ?? new Map<number, Map<string, Map<string, StateEntry>>>();
    const steps = tasks.get(task) ?? new Map<string, Map<string, StateEntry>>();
    const held = steps.get(step) ?? new Map<string, StateEntry>();
    pipelines.set(pipeline, tasks.set(task, steps.set(step, held)));
    if (value === null) held.delete(name(key));
    else held.set(name(key), { key: Uint8Array.from(key), value: Uint8Array.from(value) });
  };
  const tasks = (pipeline: string) => [...(pipelines.get(pipeline)?.keys() ?? [])].sort((a, b) => a - b);
  const refresh = () => undefined;
  const of = (task: number): StateBackend => {
    const entries = (pipeline: string, step: string) => pipelines.get(pipeline)?.get(task)?.get(step);
    return {
      get: (pipeline, step, key) => entries(pipeline, step)?.get(name(check(key)))?.value,
      range(pipeline, step, from, to) {
        const [first, last] = [name(from), to && name(to)];
        return [...(entries(pipeline, step) ?? [])]
          .filter(([key]) => key >= first && (last === undefined || key < last))
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([, entry]) => entry);
      },
      steps: (pipeline) => [...(pipelines.get(pipeline)?.get(task) ?? [])].filter(([, held]) => held.size > 0).map(([step]) => step).sort(),
      of,
      tasks,
      refresh,
    };
  };
  const all = () => [...new Set([...pipelines.values()].flatMap((known) => [...known.keys()]))].sort((a, b) => a - b).map(of);
  return {
    state: { ...joinedState(all), get: (pipeline, step, key) => joinedState(all).get(pipeline, step, check(key)), of, tasks, refresh },
    writeState(pipeline, writes) {
      for (const write of writes) check(write.key);
      for (const write of writes) put(pipeline, write);
    },
  };
}

function memoryRegistry(): SchemaRegistry {
  const texts: string[] = [];
  const subjects = new Map<string, RegisteredSchema>();
  return {
    async register(subject, schemaText) {
      const known = texts.indexOf(schemaText) + 1;
      const id = known === 0 ? texts.push(schemaText) : known;
      subjects.set(subject, { id, schemaText });
      return id;
    },
    schemaById: async (id) => texts[id - 1],
    latest: async (subject) => subjects.get(subject),
  };
}
