import { HeadraceError } from '../../../dataflow/errors.js';
import type { StateWrite } from '../../../dataflow/ports/log-client.js';
import { offsetAt } from '../../../dataflow/record-block.js';
import { changelogAssembler, writeSize } from './changelog.js';
import { changelogTopic } from '../internal-topics.js';
import type { KafkaClient } from '../kafka-client.js';
import type { KafkaLog } from '../kafka-log.js';
import type { StateCopy } from './state-copy.js';

/** What tasks need on this machine. */
export interface TaskHome {
  readonly client: KafkaClient;
  readonly log: KafkaLog;
  readonly copy: StateCopy;
}

/** Changes that are applied at once, by number and size: some milliseconds, in which the thread does nothing else. */
const sliceWrites = 2_048;
const sliceBytes = 262_144;

/**
 * Brings the copy of a task to its last epoch, slice by slice: what else this process does goes on between two of them.
 *
 * @param as what it is for: an owner meets no epoch after its last one, unless another has taken over from it meanwhile; a reader is given the state as of `last`; one that stands by takes what it finds
 */
export async function restoreTask(client: KafkaClient, { pipeline, task }: { readonly pipeline: string; readonly task: number }, copy: StateCopy, last: { readonly epoch: number; readonly changelogFrom: number } | undefined, as: 'owner' | 'reader' | 'standby'): Promise<void> {
  const epoch = last?.epoch ?? 0;
  const at = { topic: changelogTopic(pipeline), partition: task };
  const { reader, clock } = client;
  const { start } = await reader.bounds(at);
  let point = copy.point(task);
  if (point?.epoch === epoch) return;
  // one that is ahead, or too old for what is left of the changelog, is of no use
  if (point === undefined || (point.epoch > epoch && as !== 'standby') || point.next < start) {
    if (point !== undefined) copy.clear(task);
    point = { epoch: 0, next: Math.max(start, last?.changelogFrom ?? 0) };
  }
  const fenced = (cause?: unknown) => takenOver(pipeline, 'while its state was restored', cause);
  const assemble = changelogAssembler();
  let { next, epoch: reached } = point;
  let slice: StateWrite[] = [];
  let bytes = 0;
  try {
    for await (const block of reader.all(at, next)) {
      next = offsetAt(block, block.count - 1) + 1;
      for (const { epoch: changed, writes } of assemble(block)) {
        // a later restore must not begin behind changes that this one leaves out
        if (changed > epoch && as === 'owner') throw fenced();
        if (changed <= point.epoch || (changed > epoch && as === 'reader')) continue;
        for (const write of writes) {
          slice.push(write);
          bytes += writeSize(write);
          if (slice.length < sliceWrites && bytes < sliceBytes) continue;
          // the point stays where it is: what is read again writes the same
          copy.apply([{ task, writes: slice, point: { epoch: point.epoch, next: point.next } }]);
          slice = [];
          bytes = 0;
          await clock.wait(0);
        }
        reached = changed;
      }
    }
  } catch (error) {
    // only who has taken over deletes what the last epoch needs
    throw as === 'owner' && error instanceof HeadraceError && error.code === 'HR_OFFSET_GONE' ? fenced(error) : error;
  }
  // not `epoch`: to one that has been shut out meanwhile, the end of that transaction may show in one topic and not yet in the other
  copy.apply([{ task, writes: slice, point: { epoch: reached, next } }]);
}

/** HR_EPOCH_FENCED, where that shows before anything is committed. */
export function takenOver(pipeline: string, when: string, cause: unknown): HeadraceError {
  return new HeadraceError('HR_EPOCH_FENCED', `Another process has taken over ${pipeline} ${when}.`, { cause, place: { pipeline } });
}
