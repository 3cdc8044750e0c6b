import type { TakenTask } from '../kafka-log.js';
import { restoreTask, type TaskHome } from '../state/restore-task.js';
import { whileWanted } from '../state/while-wanted.js';

/** Tasks that a process has been given while it goes on with others: what they need is brought here beside these. */
export interface ArrivingTasks {
  /** These are with this process and do not run; of all others nothing is wanted any more. */
  want(tasks: readonly number[]): void;
  /** Some can run, or it has failed. */
  readonly isReady: boolean;
  /** Hands over those of some tasks that can run. @throws what has failed */
  take(tasks: readonly number[]): ReadonlyMap<number, TakenTask>;
  /** Wants nothing any more, and does nothing more. */
  stop(): void;
}

/** @param transactionalId that of the process */
export function arrivingTasks(pipeline: string, { client, log, copy }: TaskHome, transactionalId: () => string): ArrivingTasks {
  /** What is wanted: one that is no more, and then again, is brought anew, since another may have had it meanwhile. */
  const wanted = new Map<number, symbol>();
  const ready = new Map<number, TakenTask>();
  let failure: unknown;
  /** One after the other: the thread is left to what runs between their slices. */
  let restoring: Promise<unknown> = Promise.resolve();

  const bring = async (task: number, want: symbol): Promise<void> => {
    const isWanted = () => wanted.get(task) === want;
    try {
      const taken = await log.take(pipeline, task, transactionalId());
      const restored = restoring.then(() => (isWanted() ? restoreTask(client, { pipeline, task }, whileWanted(copy, isWanted), taken.last, 'owner') : undefined));
      restoring = restored.catch(() => undefined);
      await restored;
      if (isWanted()) ready.set(task, taken);
    } catch (error) {
      if (isWanted()) failure ??= error;
    }
  };
  const forget = (task: number): void => {
    wanted.delete(task);
    ready.delete(task);
  };
  return {
    want(tasks) {
      for (const task of [...wanted.keys()]) if (!tasks.includes(task)) forget(task);
      for (const task of tasks) {
        if (wanted.has(task)) continue;
        const want = Symbol(`task ${task}`);
        wanted.set(task, want);
        void bring(task, want);
      }
    },
    get isReady() {
      return ready.size > 0 || failure !== undefined;
    },
    take(tasks) {
      if (failure !== undefined) throw failure;
      const taken = new Map([...ready].filter(([task]) => tasks.includes(task)));
      for (const task of ready.keys()) forget(task);
      return taken;
    },
    stop() {
      for (const task of [...wanted.keys()]) forget(task);
      failure = undefined;
    },
  };
}
