import { joinedState } from '../../dataflow/state/joined-state.js';
import type { StateBackend } from '../../dataflow/ports/state-backend.js';
import type { CopyPoint, StateCopy } from '../../connectors/kafka/state/state-copy.js';

/** What the disk of a machine holds: copies of state by directory. It outlives processes. */
export type Disk = Map<string, StoredCopy>;

interface StoredCopy {
  readonly tasks: Map<number, StoredTask>;
  held: readonly number[];
}

interface StoredTask {
  readonly steps: Map<string, Map<string, Uint8Array>>;
  point: CopyPoint | undefined;
}

/** A copy of state on a simulated disk, in the place of LMDB: a change is there as a whole or not at all. @param opening one that grows from process to process on a machine */
export function memoryCopy(disk: Disk, directory: string, instance: string, opening: number): StateCopy {
  let stored = disk.get(directory);
  if (stored === undefined) disk.set(directory, (stored = { tasks: new Map(), held: [] }));
  const copy = stored;
  const text = (key: Uint8Array): string => Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
  const taskOf = (task: number): StoredTask => {
    let found = copy.tasks.get(task);
    if (found === undefined) copy.tasks.set(task, (found = { steps: new Map(), point: undefined }));
    return found;
  };
  const tasks = (): readonly number[] => [...copy.tasks].filter(([, { point }]) => point !== undefined).map(([task]) => task).sort((a, b) => a - b);
  const of = (task: number): StateBackend => ({
    get: (_pipeline, step, key) => copy.tasks.get(task)?.steps.get(step)?.get(text(key)),
    *range(_pipeline, step, from, to) {
      const first = text(from);
      const last = to === undefined ? undefined : text(to);
      const entries = copy.tasks.get(task)?.steps.get(step) ?? new Map<string, Uint8Array>();
      for (const key of [...entries.keys()].sort()) if (key >= first && (last === undefined || key < last)) yield { key: Buffer.from(key, 'latin1'), value: entries.get(key)! };
    },
    steps: () => [...(copy.tasks.get(task)?.steps.keys() ?? [])].sort(),
    of,
    tasks: () => [task],
    refresh() {},
  });
  return {
    state: { ...joinedState(() => copy.held.map(of)), of, tasks: () => copy.held, refresh() {} },
    instance,
    opening,
    directory,
    hold(own) {
      copy.held = own;
    },
    tasks,
    point: (task) => copy.tasks.get(task)?.point,
    apply(changes) {
      for (const { task, writes, point } of changes) {
        const stored = taskOf(task);
        for (const { step, key, value } of writes) {
          let entries = stored.steps.get(step);
          if (entries === undefined) stored.steps.set(step, (entries = new Map()));
          if (value === null) entries.delete(text(key));
          else entries.set(text(key), Uint8Array.from(value));
        }
        stored.point = point;
      }
    },
    clear: (task) => void copy.tasks.delete(task),
    close: async () => undefined,
  };
}
