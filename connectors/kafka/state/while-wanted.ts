import type { StateCopy } from './state-copy.js';

/** A copy that nothing is changed of any more when what is brought is not wanted: it may be closed, or the task be with this process in another way. */
export function whileWanted(copy: StateCopy, isWanted: () => boolean): StateCopy {
  const check = (): void => {
    if (!isWanted()) throw new Error('the task is not wanted any more');
  };
  return {
    ...copy,
    point(task) {
      check();
      return copy.point(task);
    },
    apply(changes) {
      check();
      copy.apply(changes);
    },
    clear(task) {
      check();
      copy.clear(task);
    },
  };
}
