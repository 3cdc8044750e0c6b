import { HeadraceError } from '../../../dataflow/errors.js';
import type { ParcelLog, SharedPipeline, TaskShares } from '../../../dataflow/ports/task-shares.js';
import { arrivingTasks } from './arriving-tasks.js';
import { parcelsTopic } from '../internal-topics.js';
import { type Ownership, type TakenTask, wholeId } from '../kafka-log.js';
import type { Assignment, Membership } from './membership.js';
import { restoreTask, takenOver, type TaskHome } from '../state/restore-task.js';
import { standbyCopies, type StandbyOptions } from './standby-copies.js';

/**
 * Takes part in running a pipeline: its tasks are spread over all processes that do. Tasks that send nothing to one another go on while the group spreads them anew, and stop only where they move; those that do stop together.
 *
 * @param uniqueName a name that no other process gets
 */
export function joinPipeline({ pipeline, tasks, whole, exchanges, topics, terms }: SharedPipeline, { uniqueName, warn, ...home }: Omit<StandbyOptions, 'pipeline'> & { readonly uniqueName: () => string }): TaskShares {
  const { client, log, copy } = home;
  const goesOn = !exchanges;
  let transactionalId = wholeId(pipeline);
  let shares = 0;
  /** What it runs, and the assignment that has given it. */
  let running: { readonly tasks: readonly number[]; readonly life: number } | undefined;
  const arriving = arrivingTasks(pipeline, home, () => transactionalId);
  const standing = standbyCopies({ pipeline, ...home, warn });
  const onGiven = (given: Assignment): void => {
    if (running?.life !== given.life) return;
    standing.follow(without(given.standby, running.tasks));
    arriving.want(without(given.tasks, running.tasks));
    // what was on its way here, and is not any more, does not run
    membership.letGo(running.tasks);
  };
  const membership: Membership = client.membership({ group: pipeline, instance: copy.instance, incarnation: { number: copy.opening, process: uniqueName() }, terms, tasks, whole, goesOn, topics, copies: copy.tasks, standby: () => standing.ready, onGiven });
  const at = (task: number) => ({ topic: parcelsTopic(pipeline), partition: task });
  const readParcels = async (task: number, offset: number) => {
    try {
      return await client.reader.read(at(task), offset);
    } catch (error) {
      // only who has taken over deletes what this process has not drained
      throw error instanceof HeadraceError && error.code === 'HR_OFFSET_GONE' ? takenOver(pipeline, 'while it read what its tasks are sent', error) : error;
    }
  };
  const release = (): void => {
    log.release(pipeline);
    running = undefined;
  };
  return {
    get parcels(): ParcelLog | undefined {
      return exchanges ? { sender: `${transactionalId}/${shares}`, bounds: (task) => client.reader.bounds(at(task)), read: readParcels } : undefined;
    },
    get moving() {
      const { given } = membership;
      // when they are no more this process's own, that is told by `membership.moving` first
      return membership.moving || (goesOn && given !== undefined && (given.life !== running?.life || without(running.tasks, given.tasks).length > 0 || arriving.isReady));
    },
    async next() {
      shares += 1;
      const before = running;
      // what it has been given while it went on, or what a round gives now
      const { tasks: assigned, standby, member, life } = goesOn && before !== undefined && !membership.moving ? membership.given! : await membership.join(goesOn ? [] : (before?.tasks ?? []));
      standing.follow(without(standby, [...assigned, ...(running?.tasks ?? [])]));
      // what is known of its tasks is not what others have made of them meanwhile
      if (life !== before?.life) release();
      // one that others may have ended is not used again
      if (running === undefined) transactionalId = `${wholeId(pipeline)}.${uniqueName()}`;
      const had = running?.tasks ?? [];
      const isBeside = goesOn && running !== undefined;
      const taken = isBeside ? arriving.take(assigned) : new Map<number, TakenTask>();
      if (!isBeside) arriving.stop();
      const owned = isBeside ? assigned.filter((task) => had.includes(task) || taken.has(task)) : assigned;
      running = { tasks: owned, life };
      await takeTasks(pipeline, home, { tasks, owned, transactionalId, member, taken, exchanges });
      if (isBeside) membership.letGo(owned);
      return { tasks: owned, kept: goesOn ? owned.filter((task) => had.includes(task)) : [] };
    },
    async lose() {
      if (membership.replaced) throw new HeadraceError('HR_EPOCH_FENCED', `Another process has taken over ${pipeline}.`, { place: { pipeline } });
      release();
    },
    async leave() {
      log.release(pipeline);
      arriving.stop();
      standing.follow([]);
      await membership.leave();
    },
  };
}

/** Those of some tasks that are not among others. */
function without(tasks: readonly number[], others: readonly number[]): readonly number[] {
  return tasks.filter((task) => !others.includes(task));
}

/** Claims tasks, and brings their copies to their last epochs. */
export async function takeTasks(pipeline: string, { client, log, copy }: TaskHome, ownership: Ownership): Promise<void> {
  for (const [task, last] of await log.claim(pipeline, ownership)) if (!ownership.taken?.has(task)) await restoreTask(client, { pipeline, task }, copy, last, 'owner');
  copy.hold(ownership.owned);
  await log.attach(pipeline, copy);
}
