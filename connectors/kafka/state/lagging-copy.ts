import { type Clock, systemClock } from '../../../dataflow/clock.js';
import { joinedState } from '../../../dataflow/state/joined-state.js';
import type { StateBackend } from '../../../dataflow/ports/state-backend.js';
import { createMemtable } from './memtable.js';
import { type CopyPoint, sizeOnDisk, type StateCopy } from './state-copy.js';

/** How far the directory is behind at most: bytes of changes, and milliseconds since the first of them. */
const mostBytes = 16_777_216;
const mostMs = 5_000;

/**
 * A copy whose directory may lag behind what is read from it: changes are gathered in memory, so that what changes in one epoch after the other is written once, and a page of LMDB with it. It may since the changelog has
 * them: a restart reads from there what the directory lacks. Who reads the directory from outside sees changes so much later.
 */
export function laggingCopy(copy: StateCopy, { after }: Pick<Clock, 'after'> = systemClock, limits = { mostBytes, mostMs }): StateCopy {
  const memtable = createMemtable();
  // how far tasks are with what the memtable has of them
  const points = new Map<number, CopyPoint>();
  let held = copy.state.tasks('');
  let cancel: (() => void) | undefined;
  let isOverdue = false;
  const catchUp = () => {
    cancel?.();
    cancel = undefined;
    if (points.size === 0) return;
    copy.apply(
      [...points].map(([task, point]) => {
        const { bytes, entries } = memtable.count(task);
        return { task, writes: memtable.writes(task), point, size: sizeOnDisk(bytes, entries) };
      }),
    );
    memtable.clear();
    points.clear();
    isOverdue = false;
  };
  const catchUpLate = () => {
    try {
      catchUp();
    } catch {
      // the next change tries it again, and fails where it fails
      isOverdue = true;
    }
  };
  const parts = new Map<number, StateBackend>();
  const of = (task: number): StateBackend => {
    let part = parts.get(task);
    if (part === undefined) parts.set(task, (part = partOf(task)));
    return part;
  };
  const partOf = (task: number): StateBackend => {
    const below = copy.state.of(task);
    return {
      get(pipeline, step, key) {
        const own = memtable.get(task, step, key);
        return own === undefined ? below.get(pipeline, step, key) : (own ?? undefined);
      },
      range: (pipeline, step, from, to) => memtable.range(task, step, from, to, below.range(pipeline, step, from, to)),
      steps(pipeline) {
        // asked for now and then, and deletions count
        catchUp();
        return below.steps(pipeline);
      },
      of,
      tasks: () => [task],
      refresh: () => below.refresh(),
    };
  };
  return {
    state: { ...joinedState(() => held.map(of)), of, tasks: () => held, refresh: () => copy.state.refresh() },
    instance: copy.instance,
    opening: copy.opening,
    directory: copy.directory,
    hold(tasks) {
      held = tasks;
      copy.hold(tasks);
    },
    tasks: () => [...new Set([...copy.tasks(), ...points.keys()])].sort((a, b) => a - b),
    point: (task) => points.get(task) ?? copy.point(task),
    apply(changes) {
      for (const { task, writes, point } of changes) {
        for (const { step, key, value } of writes) memtable.put(task, step, key, value);
        points.set(task, point);
      }
      if (isOverdue || memtable.bytes >= limits.mostBytes) catchUp();
      else cancel ??= after!(limits.mostMs, catchUpLate);
    },
    clear(task) {
      memtable.clear(task);
      points.delete(task);
      copy.clear(task);
    },
    async close() {
      // the changelog has what can be written no more
      catchUpLate();
      await copy.close();
    },
  };
}
