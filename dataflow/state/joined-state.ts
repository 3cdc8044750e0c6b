import type { StateBackend } from '../ports/state-backend.js';
import type { StateEntry } from './state-table.js';

/** What can be read of a state, whatever else it is. */
export type ReadableState = Pick<StateBackend, 'get' | 'range' | 'steps'>;

/**
 * The state of several tasks as one, in the order of its keys. Tasks have no key in common that matters: where they do, the first one's counts.
 *
 * @param parts those of the tasks, as they are at each call
 */
export function joinedState(parts: () => readonly ReadableState[]): ReadableState {
  return {
    get(pipeline, step, key) {
      for (const part of parts()) {
        const value = part.get(pipeline, step, key);
        if (value !== undefined) return value;
      }
      return undefined;
    },
    range(pipeline, step, from, to) {
      const ranges = parts().map((part) => part.range(pipeline, step, from, to));
      return ranges.length === 1 ? ranges[0]! : inOrder(ranges);
    },
    steps: (pipeline) => [...new Set(parts().flatMap((part) => part.steps(pipeline)))].sort(),
  };
}

/** Entries of several ranges in the order of their keys. Who leaves early closes all of them. */
function* inOrder(ranges: readonly Iterable<StateEntry>[]): Iterable<StateEntry> {
  const heads = ranges.map((range) => range[Symbol.iterator]());
  try {
    const next = heads.map((head) => head.next());
    for (let last: Uint8Array | undefined; ; ) {
      let least = -1;
      for (const [i, { done, value }] of next.entries()) {
        if (done !== true && (least < 0 || Buffer.compare(value.key, next[least]!.value.key) < 0)) least = i;
      }
      if (least < 0) return;
      const { value } = next[least]!;
      if (last === undefined || Buffer.compare(last, value.key) !== 0) yield value;
      last = Uint8Array.from(value.key);
      next[least] = heads[least]!.next();
    }
  } finally {
    for (const head of heads) head.return?.();
  }
}
