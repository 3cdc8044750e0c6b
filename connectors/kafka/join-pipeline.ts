import { HeadraceError } from '../../dataflow/errors.js';
import type { ParcelLog, SharedPipeline, TaskShares } from '../../dataflow/ports/task-shares.js';
import { offsetAt } from '../../dataflow/record-block.js';
import { changelogAssembler } from './changelog.js';
import { changelogTopic, parcelsTopic } from './internal-topics.js';
import type { KafkaClient } from './kafka-client.js';
import { type KafkaLog, type Ownership, wholeId } from './kafka-log.js';
import type { StateCopy } from './state-copy.js';

/** What tasks need on this machine. */
export interface TaskHome {
  readonly client: KafkaClient;
  readonly log: KafkaLog;
  readonly copy: StateCopy;
}

/**
 * Takes part in running a pipeline: its tasks are spread over all processes that do.
 *
 * @param uniqueName a name that no other process gets
 */
export function joinPipeline({ pipeline, tasks, whole, exchanges, topics }: SharedPipeline, { uniqueName, ...home }: TaskHome & { readonly uniqueName: () => string }): TaskShares {
  const { client, log, copy } = home;
  const membership = client.membership({ group: pipeline, instance: copy.instance, tasks, whole, topics });
  let transactionalId = wholeId(pipeline);
  let holds: readonly number[] = copy.tasks();
  let runs = false;
  let shares = 0;
  const at = (task: number) => ({ topic: parcelsTopic(pipeline), partition: task });
  const readParcels = async (task: number, offset: number) => {
    try {
      return await client.reader.read(at(task), offset);
    } catch (error) {
      // only who has taken over deletes what this process has not drained
      throw error instanceof HeadraceError && error.code === 'HR_OFFSET_GONE' ? takenOver(pipeline, 'while it read what its tasks are sent', error) : error;
    }
  };
  return {
    get parcels(): ParcelLog | undefined {
      return exchanges ? { sender: `${transactionalId}/${shares}`, bounds: (task) => client.reader.bounds(at(task)), read: readParcels } : undefined;
    },
    get moving() {
      return membership.moving;
    },
    async next() {
      shares += 1;
      const { tasks: owned, member, isContinuous } = await membership.join({ tasks: holds, runs });
      // what is known of its tasks is not what others have made of them meanwhile
      if (runs && !isContinuous) {
        log.release(pipeline);
        runs = false;
      }
      // one that others may have ended is not used again
      if (!runs) transactionalId = `${wholeId(pipeline)}.${uniqueName()}`;
      await takeTasks(pipeline, home, { tasks, owned, transactionalId, member, exchanges });
      holds = owned;
      runs = true;
      return owned;
    },
    async lose() {
      if (membership.replaced) throw new HeadraceError('HR_EPOCH_FENCED', `Another process has taken over ${pipeline}.`, { place: { pipeline } });
      log.release(pipeline);
      runs = false;
    },
    async leave() {
      log.release(pipeline);
      await membership.leave();
    },
  };
}

/** Claims tasks, and brings their copies to their last epochs. */
export async function takeTasks(pipeline: string, { client, log, copy }: TaskHome, ownership: Ownership): Promise<void> {
  for (const [task, last] of await log.claim(pipeline, ownership)) await restoreTask(client, { pipeline, task }, copy, last, 'owner');
  copy.hold(ownership.owned);
  await log.attach(pipeline, copy);
}

/**
 * Brings the copy of a task to its last epoch.
 *
 * @param as what it is for: an owner meets no epoch after its last one, unless another has taken over from it meanwhile
 */
export async function restoreTask(client: KafkaClient, { pipeline, task }: { readonly pipeline: string; readonly task: number }, copy: StateCopy, last: { readonly epoch: number; readonly changelogFrom: number } | undefined, as: 'owner' | 'reader'): Promise<void> {
  const epoch = last?.epoch ?? 0;
  const at = { topic: changelogTopic(pipeline), partition: task };
  const { reader } = client;
  const { start } = await reader.bounds(at);
  let point = copy.point(task);
  if (point?.epoch === epoch) return;
  // one that is ahead, or too old for what is left of the changelog, is of no use
  if (point === undefined || point.epoch > epoch || point.next < start) {
    if (point !== undefined) copy.clear(task);
    point = { epoch: 0, next: Math.max(start, last?.changelogFrom ?? 0) };
  }
  const fenced = (cause?: unknown) => takenOver(pipeline, 'while its state was restored', cause);
  const assemble = changelogAssembler();
  let { next, epoch: reached } = point;
  try {
    for await (const block of reader.all(at, next)) {
      next = offsetAt(block, block.count - 1) + 1;
      for (const { epoch: changed, writes } of assemble(block)) {
        // a later restore must not begin behind changes that this one leaves out
        if (changed > epoch && as === 'owner') throw fenced();
        if (changed <= point.epoch || changed > epoch) continue;
        copy.apply([{ task, writes, point: { epoch: point.epoch, next: point.next } }]);
        reached = changed;
      }
    }
  } catch (error) {
    // only who has taken over deletes what the last epoch needs
    throw as === 'owner' && error instanceof HeadraceError && error.code === 'HR_OFFSET_GONE' ? fenced(error) : error;
  }
  // not `epoch`: to one that has been shut out meanwhile, the end of that transaction may show in one topic and not yet in the other
  copy.apply([{ task, writes: [], point: { epoch: reached, next } }]);
}

function takenOver(pipeline: string, when: string, cause: unknown): HeadraceError {
  return new HeadraceError('HR_EPOCH_FENCED', `Another process has taken over ${pipeline} ${when}.`, { cause, place: { pipeline } });
}
