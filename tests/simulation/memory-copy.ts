import type { CopyPoint, StateCopy } from '../../connectors/kafka/state-copy.js';
import { joinedState } from '../../dataflow/joined-state.js';
import type { StateBackend } from '../../dataflow/ports/state-backend.js';

/** What the disk of a machine holds: copies of state by directory. It outlives processes. */
export type Disk = Map<string, StoredCopy>;

/** Copies of tasks. */
type StoredCopy = Map<number, StoredTask>;

interface StoredTask {
  readonly steps: Map<string, Map<string, Uint8Array>>;
  point: CopyPoint;
}

/** A copy of state on a simulated disk, in the place of LMDB: a change is there as a whole or not at all. */
export function memoryCopy(disk: Disk, directory: string): StateCopy {
  const stored: StoredCopy = disk.get(directory) ?? new Map<number, StoredTask>();
  disk.set(directory, stored);
  const text = (key: Uint8Array): string => Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
  const tasks = () => [...stored.keys()].sort((a, b) => a - b);
  const of = (task: number): StateBackend => ({
    get: (_pipeline, step, key) => stored.get(task)?.steps.get(step)?.get(text(key)),
    *range(_pipeline, step, from, to) {
      const first = text(from);
      const last = to === undefined ? undefined : text(to);
      const entries = stored.get(task)?.steps.get(step) ?? new Map<string, Uint8Array>();
      for (const key of [...entries.keys()].sort()) if (key >= first && (last === undefined || key < last)) yield { key: Buffer.from(key, 'latin1'), value: entries.get(key)! };
    },
    steps: () => [...(stored.get(task)?.steps.keys() ?? [])].sort(),
    of,
    tasks,
    refresh() {},
  });
  let held = tasks();
  return {
    state: { ...joinedState(() => held.map(of)), of, tasks: () => held, refresh() {} },
    instance: directory,
    directory,
    hold(own) {
      held = [...own];
    },
    tasks,
    point: (task) => stored.get(task)?.point,
    apply(changes) {
      for (const { task, writes, point } of changes) {
        const copy = stored.get(task) ?? { steps: new Map<string, Map<string, Uint8Array>>(), point };
        stored.set(task, copy);
        for (const { step, key, value } of writes) {
          let entries = copy.steps.get(step);
          if (entries === undefined) copy.steps.set(step, (entries = new Map()));
          if (value === null) entries.delete(text(key));
          else entries.set(text(key), Uint8Array.from(value));
        }
        copy.point = point;
      }
    },
    clear: (task) => void stored.delete(task),
    close: async () => undefined,
  };
}
