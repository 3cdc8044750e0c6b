import type { JournalEntry, LogClient, Position } from '../../dataflow/ports/log-client.js';
import type { JobSetting } from './job.js';

/** Records of a partition in one entry at most, where processes go through entries together: none is far behind the others for long. */
const sharedRecords = 1 << 17;
/** Records that an entry may have in any case, and those of the first one, of which the pace is not known. */
const leastRecords = 2_048;
/** Of fewer records the pace of a run cannot be told: the costs of an epoch are most of it. */
const tellingRecords = 512;
/** An entry takes this part of the time that all would take which is waiting: the further behind a run is, the larger its epochs are, which cost less a record. */
const partOfBacklog = 1 / 4;
/** Commit intervals that an entry takes at most. */
const longestIntervals = 10;

/** How much input the next live entry takes, by how fast those before were. */
export interface EntryPace {
  /** Records of all inputs together, when `waiting` of them are there. */
  limit(waiting: number): number;
  /** An entry of so many records took `ms`. */
  took(records: number, ms: number): void;
}

/**
 * The pace of a live run: an entry ends with an epoch, and ticks are not cut, so what an entry has is what becomes visible at once. Without a limit a run that fell behind would take everything that waits as one epoch, and more
 * would wait behind it.
 *
 * @param commitMs how long an epoch should take
 */
export function entryPace(commitMs: number): EntryPace {
  let perMs = Number.NaN;
  return {
    limit(waiting) {
      if (Number.isNaN(perMs)) return leastRecords;
      const ms = Math.min(Math.max(commitMs, (waiting / perMs) * partOfBacklog), commitMs * longestIntervals);
      return Math.max(leastRecords, perMs * ms);
    },
    took(records, ms) {
      if (records < tellingRecords || ms <= 0) return;
      const now = records / ms;
      perMs = Number.isNaN(perMs) ? now : (perMs + now) / 2;
    },
  };
}

/**
 * The bounds of the next entry: the ends of the inputs, or as far towards them as it may go.
 *
 * @param last the entry before; undefined: none, or the run is bounded and takes everything
 * @param pace undefined: there is no limit
 */
export async function entryBounds(
  log: LogClient,
  { graph, tasks, partitions }: Pick<JobSetting, 'graph' | 'tasks' | 'partitions'>,
  { last, isShared, pace }: { readonly last: JournalEntry | undefined; readonly isShared: boolean; readonly pace: EntryPace | undefined },
): Promise<Position[]> {
  const inputs = [...new Set(graph.sources.map((s) => s.topic.name))].flatMap((topic) => tasks.filter((task) => task < partitions.get(topic)!).map((partition) => ({ topic, partition })));
  const known = await Promise.all(
    inputs.map(async (input) => {
      const { start, end } = await log.bounds(input.topic, input.partition);
      const from = last?.bounds.find((b) => b.topic === input.topic && b.partition === input.partition)?.offset ?? start;
      return { ...input, from, end: isShared ? Math.min(end, from + sharedRecords) : end };
    }),
  );
  const waiting = known.reduce((sum, { from, end }) => sum + Math.max(0, end - from), 0);
  const part = pace === undefined ? 1 : Math.min(1, pace.limit(waiting) / waiting);
  return known.map(({ topic, partition, from, end }) => ({ topic, partition, offset: part < 1 && end > from ? from + Math.ceil((end - from) * part) : end }));
}
