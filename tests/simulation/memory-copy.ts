import type { StateWrite } from '../../dataflow/ports/log-client.js';
import type { CopyPoint, StateCopy } from '../../connectors/kafka/state-copy.js';

/** What the disk of a machine holds: copies of state by directory. It outlives processes. */
export type Disk = Map<string, StoredCopy>;

interface StoredCopy {
  readonly steps: Map<string, Map<string, Uint8Array>>;
  point: CopyPoint | undefined;
}

/** A copy of state on a simulated disk, in the place of LMDB: a change is there as a whole or not at all. */
export function memoryCopy(disk: Disk, directory: string): StateCopy {
  let stored = disk.get(directory);
  if (stored === undefined) disk.set(directory, (stored = { steps: new Map(), point: undefined }));
  const copy = stored;
  const text = (key: Uint8Array): string => Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
  return {
    state: {
      get: (_pipeline, step, key) => copy.steps.get(step)?.get(text(key)),
      *range(_pipeline, step, from, to) {
        const first = text(from);
        const last = to === undefined ? undefined : text(to);
        const entries = copy.steps.get(step) ?? new Map<string, Uint8Array>();
        for (const key of [...entries.keys()].sort()) if (key >= first && (last === undefined || key < last)) yield { key: Buffer.from(key, 'latin1'), value: entries.get(key)! };
      },
      steps: () => [...copy.steps.keys()].sort(),
      refresh() {},
    },
    point: () => copy.point,
    apply(writes: readonly StateWrite[], point) {
      for (const { step, key, value } of writes) {
        let entries = copy.steps.get(step);
        if (entries === undefined) copy.steps.set(step, (entries = new Map()));
        if (value === null) entries.delete(text(key));
        else entries.set(text(key), Uint8Array.from(value));
      }
      copy.point = point;
    },
    clear() {
      copy.steps.clear();
      copy.point = undefined;
    },
    close: async () => undefined,
  };
}
