import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { HeadraceError } from '../../../dataflow/errors.js';
import type { StateWrite } from '../../../dataflow/ports/log-client.js';
import { joinedState } from '../../../dataflow/state/joined-state.js';
import type { StateBackend } from '../../../dataflow/ports/state-backend.js';
import { embeddedState, writeState } from '../../embedded/embedded-state.js';
import { type Environment, openEnvironment, type EnvironmentOptions } from '../../embedded/environment.js';

/** How far the copy of a task is: the epoch that it has, and the offset in the changelog from which on it has to be read. */
export interface CopyPoint {
  readonly epoch: number;
  readonly next: number;
}

/** Changes of one task's state. */
export interface CopyChange {
  readonly task: number;
  readonly writes: Iterable<StateWrite>;
  readonly point: CopyPoint;
  /** Bytes on disk that they take at most. @default counted */
  readonly size?: number;
}

/** What a change of so many bytes may take on disk: a page, beside its bytes. */
export function sizeOnDisk(bytes: number, entries: number): number {
  return bytes + 4_096 * (entries + 1);
}

/** The state of tasks of one pipeline on this machine: a copy of what their changelogs say, which can be read at once. */
export interface StateCopy {
  /** Of the tasks that `hold` has named last; `of` gives that of one. */
  readonly state: StateBackend;
  /** Name of this copy, which it keeps: who has the copy has the tasks again after a restart. */
  readonly instance: string;
  /** How many processes have written to it, with this one. */
  readonly opening: number;
  /** Where it is. */
  readonly directory: string;
  /** The tasks that `state` shows from now on. Those of others stay, in case that they come back. */
  hold(tasks: readonly number[]): void;
  /** The tasks that there is something of. */
  tasks(): readonly number[];
  /** Undefined when there is none yet. */
  point(task: number): CopyPoint | undefined;
  /** Applies the changes of an epoch, of all tasks in one transaction. */
  apply(changes: readonly CopyChange[]): void;
  /** Forgets everything of a task. */
  clear(task: number): void;
  close(): Promise<void>;
}

const instanceKey = Buffer.from('kafka-instance');
const openingKey = Buffer.from('kafka-opening');
const pointPrefix = 'kafka-copy/';
/** Processes on one machine that run one pipeline over one data directory. */
const mostSlots = 256;

/** Opens the copy in a directory of its own. Errors: HR_DATA_DIR, HR_STATE_LOCKED. */
export function openStateCopy(pipeline: string, options: EnvironmentOptions): StateCopy {
  const env: Environment = openEnvironment(options);
  const all = embeddedState(env);
  const pointKey = (task: number) => Buffer.from(`${pointPrefix}${task}`);
  const put = ({ task, writes, point }: CopyChange) => {
    writeState(env, pipeline, writes, task);
    env.meta.putSync(pointKey(task), Buffer.from(JSON.stringify(point)));
  };
  const tasks = () => [...env.meta.getKeys({ start: Buffer.from(pointPrefix), end: Buffer.from(`${pointPrefix}~`) })].map((key) => Number(Buffer.from(key).toString().slice(pointPrefix.length))).sort((a, b) => a - b);
  let held: readonly number[] = tasks();
  const stored = env.meta.get(instanceKey);
  const instance = stored === undefined ? randomUUID() : Buffer.from(stored).toString();
  const opening = Number(env.meta.get(openingKey) === undefined ? 0 : Buffer.from(env.meta.get(openingKey)!).toString()) + 1;
  if (options.mode === 'write') {
    env.transact(() => {
      env.meta.putSync(instanceKey, Buffer.from(instance));
      env.meta.putSync(openingKey, Buffer.from(`${opening}`));
    });
  }
  return {
    state: { ...joinedState(() => held.map(all.of)), of: all.of, tasks: () => held, refresh: all.refresh },
    instance,
    opening,
    directory: options.dataDir,
    hold(own) {
      held = own;
    },
    tasks,
    point(task) {
      const known = env.meta.get(pointKey(task));
      return known === undefined ? undefined : (JSON.parse(Buffer.from(known).toString()) as CopyPoint);
    },
    apply(changes) {
      env.transact(() => changes.forEach(put), changes.reduce((sum, { writes, size }) => sum + (size ?? countSize(writes)), 0));
    },
    clear(task) {
      env.transact(() => {
        const state = all.of(task);
        for (const step of state.steps(pipeline)) {
          const keys = [...state.range(pipeline, step, new Uint8Array(0))].map(({ key }) => Uint8Array.from(key));
          writeState(env, pipeline, keys.map((key) => ({ step, key, value: null })), task);
        }
        env.meta.removeSync(pointKey(task));
      });
    },
    close: () => env.close(),
  };
}

function countSize(writes: Iterable<StateWrite>): number {
  let [bytes, entries] = [0, 0];
  for (const { value } of writes) {
    bytes += value?.length ?? 0;
    entries += 1;
  }
  return sizeOnDisk(bytes, entries);
}

/**
 * Opens the first copy in a directory that no other process on this machine has: several may run one pipeline over one data directory.
 *
 * @throws HR_STATE_LOCKED when there are no more than that can be; HR_DATA_DIR
 */
export function openFreeCopy(pipeline: string, { dataDir, ...options }: EnvironmentOptions, open: typeof openStateCopy = openStateCopy): StateCopy {
  for (let slot = 0; ; slot++) {
    try {
      return open(pipeline, { ...options, dataDir: join(dataDir, `${slot}`) });
    } catch (error) {
      if (!(error instanceof HeadraceError) || error.code !== 'HR_STATE_LOCKED' || slot === mostSlots) throw error;
    }
  }
}

/** The copies that there are in a directory, to read. */
export function openCopies(pipeline: string, dataDir: string): StateCopy[] {
  const copies: StateCopy[] = [];
  for (let slot = 0; existsSync(join(dataDir, `${slot}`, 'data.mdb')); slot++) copies.push(openStateCopy(pipeline, { dataDir: join(dataDir, `${slot}`), mode: 'read' }));
  return copies;
}
