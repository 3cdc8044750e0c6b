import type { Share } from '../../dataflow/ports/task-shares.js';
import type { Position } from '../../dataflow/ports/log-client.js';
import type { TaskEnvironment } from './task.js';
import type { TaskGroup } from './task-group.js';

/** The groups that host the tasks, from one stretch of live input to the next, and from one share to the next where tasks are kept. */
export interface Hosting {
  /** Undefined before the first stretch, and after one that ends the input. */
  groups: readonly TaskGroup[] | undefined;
  /** Tasks were opened beside those that stay, and have not been in a stretch yet. */
  hasNew: boolean;
  /** What the tasks were opened with. */
  environment?: TaskEnvironment;
  /** Ends calls that are under way. */
  over: AbortController;
}

export function createHosting(): Hosting {
  return { groups: undefined, hasNew: false, over: new AbortController() };
}

/** Closes all tasks. */
export async function closeHosting(hosting: Hosting): Promise<void> {
  const { groups, over } = hosting;
  hosting.groups = undefined;
  hosting.hasNew = false;
  delete hosting.environment;
  hosting.over = new AbortController();
  over.abort();
  for (const group of groups ?? []) await group.close('shutdown');
}

/**
 * Brings what is open to another share: tasks that are kept stay open, others are closed, and new ones opened beside them. All is closed where nothing is kept, and where as many groups as there are would not have the tasks evenly.
 *
 * @param groupCount how many groups a number of tasks has
 * @param positions where new tasks go on
 */
export async function changeHosting(hosting: Hosting, { tasks, kept }: Share, groupCount: number, positions: readonly Position[]): Promise<void> {
  const { groups } = hosting;
  if (groups === undefined) return;
  const shares = groups.map((group) => kept.filter((task) => group.tasks.includes(task)));
  for (const task of tasks.filter((task) => !kept.includes(task))) shares.reduce((least, share) => (share.length < least.length ? share : least)).push(task);
  const sizes = shares.map((share) => share.length);
  if (shares.flat().length !== tasks.length || kept.length === 0 || groups.length !== groupCount || Math.max(...sizes) - Math.min(...sizes) > 1) return closeHosting(hosting);
  await Promise.all(groups.map((group, i) => group.change(shares[i]!, kept, positions)));
  hosting.hasNew ||= kept.length < tasks.length;
}
