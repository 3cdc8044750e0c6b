import { restoreTask, type TaskHome } from '../state/restore-task.js';
import { whileWanted } from '../state/while-wanted.js';

/** Copies of the state of tasks that others run: whoever is given such a task need not read it first. */
export interface StandbyCopies {
  /** Keeps copies of these from now on, and follows no others. */
  follow(tasks: readonly number[]): void;
  /** Those whose copies have been up to date since they are followed. */
  readonly ready: readonly number[];
}

export interface StandbyOptions extends TaskHome {
  readonly pipeline: string;
  /** Told of what keeps a copy from being kept. */
  readonly warn: (message: string) => void;
}

interface Following {
  /** It was up to date since it is followed. */
  isReady: boolean;
  /** What was told last. */
  warned: string;
}

/** Between two looks at the changelogs of others. */
export const standbyMs = 1_000;

/** Copies follow the changelog one after the other, in the thread of the run: each look costs two requests a task, more where something has come, and the changes since are applied as those of its own epochs are. */
export function standbyCopies({ pipeline, client, log, copy, warn }: StandbyOptions): StandbyCopies {
  const followed = new Map<number, Following>();
  let isLooking = false;

  const catchUp = async (task: number, standing: Following): Promise<void> => {
    const isWanted = () => followed.get(task) === standing;
    if (!isWanted()) return;
    try {
      await restoreTask(client, { pipeline, task }, whileWanted(copy, isWanted), await log.lastEpoch(pipeline, task), 'standby');
      standing.isReady = true;
      standing.warned = '';
    } catch (error) {
      // one whose owner has deleted what it had still to read begins anew with the next look
      if (!isWanted()) return;
      const message = `The copy of task ${task} of ${pipeline} cannot follow: ${error instanceof Error ? error.message : String(error)}`;
      if (message !== standing.warned) warn(message);
      standing.warned = message;
    }
  };
  const look = async (): Promise<void> => {
    isLooking = true;
    while (followed.size > 0) {
      for (const [task, standing] of [...followed]) await catchUp(task, standing);
      await client.clock.wait(standbyMs);
    }
    isLooking = false;
  };
  return {
    follow(tasks) {
      for (const task of followed.keys()) if (!tasks.includes(task)) followed.delete(task);
      for (const task of tasks) if (!followed.has(task)) followed.set(task, { isReady: false, warned: '' });
      if (followed.size > 0 && !isLooking) void look();
    },
    get ready() {
      return [...followed].filter(([, { isReady }]) => isReady).map(([task]) => task);
    },
  };
}
