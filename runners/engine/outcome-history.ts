import { BlockWriter, offsetAt, type RecordBlock } from '../../dataflow/record-block.js';
import type { LogClient, Position } from '../../dataflow/ports/log-client.js';
import type { TaskOutput } from './task.js';
import type { Outcomes } from './task-group.js';

/** Name of the topic that keeps the outcomes of the calls that `step` made: partition p those of task p. */
export const outcomesTopic = (step: string): string => `${step}.outcomes`;

/** Where outcomes entered the stream: at the beginning of an epoch, behind the records before `positions`. */
export interface OutcomePlace {
  /** Number of the journal entry that was being worked on. */
  readonly entry: number;
  readonly epoch: number;
  /** Whether the entry's end had been told (the last watermark of a bounded run). */
  readonly afterEnd: boolean;
  readonly positions: readonly Position[];
}

/** Outcomes of all steps and tasks that entered at one place. */
export interface OutcomeFeed {
  readonly place: OutcomePlace;
  readonly outcomes: readonly Outcomes[];
}

/** The feeds of a run, in their order, for a replay. */
export interface RecordedOutcomes {
  /** The next feed, or undefined behind the last one. */
  peek(): Promise<OutcomeFeed | undefined>;
  /** Goes on to the feed behind it. */
  skip(): void;
}

const placeHeader = 'hr-outcomes';

/**
 * Outcomes as records of their topics, first in their epoch.
 *
 * @param time timestamp of the records (epoch milliseconds): the newest event time before them
 */
export function outcomeRecords({ place, outcomes }: OutcomeFeed, time: number): TaskOutput[] {
  const header = { key: placeHeader, value: Buffer.from(JSON.stringify(place)) };
  return outcomes.map(({ step, task, bytes }) => {
    const writer = new BlockWriter();
    writer.append(null, bytes, Number.isFinite(time) ? Math.max(0, time) : 0, [header]);
    return { topic: outcomesTopic(step), partition: task, block: writer.take(), stretch: 0, tick: Number.NEGATIVE_INFINITY, writer: 0, task };
  });
}

/** One partition of an outcomes topic, read in order. */
interface Cursor {
  readonly step: string;
  readonly task: number;
  block: RecordBlock | undefined;
  row: number;
  offset: number;
}

/** Reads what the steps of a run have written down. */
export async function recordedOutcomes(log: LogClient, steps: readonly string[]): Promise<RecordedOutcomes> {
  const partitions = new Map((await log.topics()).map((t) => [t.name, t.partitions]));
  const cursors: Cursor[] = [];
  for (const step of steps) {
    for (let task = 0; task < (partitions.get(outcomesTopic(step)) ?? 0); task++) {
      cursors.push({ step, task, block: undefined, row: 0, offset: (await log.bounds(outcomesTopic(step), task)).start });
    }
  }
  const placeOf = async (cursor: Cursor): Promise<OutcomePlace | undefined> => {
    if (cursor.block === undefined || cursor.row >= cursor.block.count) {
      cursor.block = await log.read(outcomesTopic(cursor.step), cursor.task, cursor.offset);
      cursor.row = 0;
    }
    const header = cursor.block?.headers?.get(cursor.row)?.find((h) => h.key === placeHeader);
    return header && (JSON.parse(Buffer.from(header.value).toString()) as OutcomePlace);
  };
  let next: OutcomeFeed | undefined;
  return {
    async peek() {
      if (next !== undefined) return next;
      const places = await Promise.all(cursors.map(placeOf));
      const epoch = places.reduce((least, place) => Math.min(least, place?.epoch ?? Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY);
      const outcomes: Outcomes[] = [];
      let place: OutcomePlace | undefined;
      for (const [i, cursor] of cursors.entries()) {
        if (places[i]?.epoch !== epoch) continue;
        place = places[i];
        const block = cursor.block!;
        const at = block.valueOffset[cursor.row]!;
        outcomes.push({ step: cursor.step, task: cursor.task, bytes: block.bytes.slice(at, at + block.valueLength[cursor.row]!) });
        cursor.offset = offsetAt(block, cursor.row) + 1;
        cursor.row += 1;
      }
      return (next = place && { place, outcomes });
    },
    skip() {
      next = undefined;
    },
  };
}
