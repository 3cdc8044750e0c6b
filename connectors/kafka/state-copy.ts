import { writeState, embeddedState } from '../embedded/embedded-state.js';
import { type Environment, openEnvironment, type EnvironmentOptions } from '../embedded/environment.js';
import type { StateWrite } from '../../dataflow/ports/log-client.js';
import type { StateBackend } from '../../dataflow/ports/state-backend.js';

/** How far a copy is: the epoch that it has, and the offset in the changelog from which on it has to be read. */
export interface CopyPoint {
  readonly epoch: number;
  readonly next: number;
}

/** The state of one pipeline on this machine: a copy of what its changelog says, which can be read at once. */
export interface StateCopy {
  readonly state: StateBackend;
  /** Undefined when there is none yet. */
  point(): CopyPoint | undefined;
  /** Applies the changes of an epoch. */
  apply(writes: readonly StateWrite[], point: CopyPoint): void;
  /** Forgets everything. */
  clear(): void;
  close(): Promise<void>;
}

const pointKey = Buffer.from('kafka-copy');

/** Opens the copy in a directory of its own. Errors: HR_DATA_DIR, HR_STATE_LOCKED. */
export function openStateCopy(pipeline: string, options: EnvironmentOptions): StateCopy {
  const env: Environment = openEnvironment(options);
  return {
    state: embeddedState(env),
    point() {
      const stored = env.meta.get(pointKey);
      return stored === undefined ? undefined : (JSON.parse(Buffer.from(stored).toString()) as CopyPoint);
    },
    apply(writes, point) {
      const size = writes.reduce((sum, w) => sum + (w.value?.length ?? 0) + 4_096, 0);
      env.transact(() => {
        writeState(env, pipeline, writes);
        env.meta.putSync(pointKey, Buffer.from(JSON.stringify(point)));
      }, size);
    },
    clear() {
      env.transact(() => {
        env.state.clearSync();
        env.meta.removeSync(pointKey);
      });
    },
    close: () => env.close(),
  };
}
