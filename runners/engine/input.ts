import { Batch } from '../../dataflow/batch.js';
import { HeadraceError } from '../../dataflow/errors.js';
import type { LogClient } from '../../dataflow/ports/log-client.js';
import type { RecordBlock } from '../../dataflow/record-block.js';
import { offsetAt } from '../../dataflow/record-block.js';
import type { TopicDefinition } from '../../dataflow/topic.js';
import type { DecodedRun, RecordReader } from './record-rows.js';

/** Records of one input partition within one tick. */
export interface TickSlice {
  readonly tick: number;
  /** The usable records; undefined when there are none. */
  readonly batch: Batch<unknown> | undefined;
  readonly bad: readonly { readonly batch: Batch<unknown>; readonly row: number; readonly error: HeadraceError }[];
  /** Offset behind the slice, and the newest event time up to there. */
  readonly end: number;
  readonly progress: number;
  /** Records in it, usable or not. */
  readonly count: number;
}

/** One partition of one source topic, read ahead and cut at ticks. */
export interface Input {
  /** Offset behind what has been taken; the bound, when nothing is left before it. */
  readonly offset: number;
  /** Newest event time of what has been taken; -Infinity before the first record. */
  readonly progress: number;
  /** Rows read and not yet taken. */
  readonly buffered: number;
  /** Tick of the next slice, Infinity when nothing is buffered. */
  readonly nextTick: number;
  /** Highest tick of which everything up to the bound is buffered. */
  readonly completeTick: number;
  /** Reads until `rows` are buffered or the bound is reached. */
  prefetch(rows: number, bound: number): Promise<void>;
  /** The next slice if it belongs to `tick` or an earlier one. */
  take(tick: number): TickSlice | undefined;
}

/** Event times from here on are taken for a mistake of unit: the year 2100. */
const latestTime = 4_102_444_800_000;
/** Between these, an event time is taken for seconds (1973 to 2286 as seconds; January 1970 to 1973 as milliseconds). */
const secondsFrom = 1e8;
const secondsTo = 1e11;

/**
 * @param topic where to read
 * @param tickMs grid of event time
 * @param start where to begin: offset, and newest event time before it
 */
export function createInput(options: {
  readonly log: LogClient;
  readonly reader: RecordReader;
  readonly topic: TopicDefinition;
  readonly partition: number;
  readonly tickMs: number;
  readonly start: { readonly offset: number; readonly progress: number };
}): Input {
  const { log, reader, topic, partition, tickMs } = options;
  let offset = options.start.offset;
  let progress = options.start.progress;
  let readOffset = offset;
  let readProgress = progress;
  let buffered = 0;
  let atBound = false;
  let queue: TickSlice[] = [];
  let head = 0;

  const enqueue = (run: DecodedRun) => {
    const { block } = run;
    const times = eventTimes(run, topic);
    const bad = new Map(run.bad.map(({ row, error }) => [row, error]));
    const all = new Batch<unknown>(run.rows, times);
    checkTimes(times, block, bad, topic, partition);
    let from = 0;
    const limit = (p: number) => (Math.floor(p / tickMs) + 1) * tickMs;
    let end = readProgress === Number.NEGATIVE_INFINITY ? readProgress : limit(readProgress);
    const flush = (to: number) => {
      if (to === from) return;
      queue.push(tickSlice(all, from, to, bad, Math.floor(readProgress / tickMs), offsetAt(block, to - 1) + 1, readProgress));
      from = to;
    };
    for (let i = 0; i < block.count; i++) {
      const t = times[i]!;
      if (t > readProgress && !(bad.size > 0 && bad.has(i))) {
        if (t >= end) {
          flush(i);
          end = limit(t);
        }
        readProgress = t;
      }
    }
    flush(block.count);
    buffered += block.count;
    readOffset = offsetAt(block, block.count - 1) + 1;
  };

  return {
    get offset() {
      // behind the last record there may be offsets without one
      return buffered === 0 && atBound ? Math.max(offset, readOffset) : offset;
    },
    get progress() {
      return progress;
    },
    get buffered() {
      return buffered;
    },
    get nextTick() {
      return head < queue.length ? queue[head]!.tick : Number.POSITIVE_INFINITY;
    },
    get completeTick() {
      if (atBound) return Number.POSITIVE_INFINITY;
      return head < queue.length ? queue[queue.length - 1]!.tick - 1 : Number.NEGATIVE_INFINITY;
    },
    async prefetch(rows, bound) {
      while (buffered < rows && readOffset < bound) {
        const block = await log.read(topic.name, partition, readOffset);
        if (block === undefined) {
          readOffset = bound;
          break;
        }
        const within = cutAt(block, bound);
        if (within.count === 0) {
          readOffset = bound;
          break;
        }
        await reader.learn(within);
        for (const run of reader.decode(within, partition)) enqueue(run);
      }
      atBound = readOffset >= bound;
    },
    take(tick) {
      if (head === queue.length || queue[head]!.tick > tick) return undefined;
      const slice = queue[head]!;
      head += 1;
      if (head === queue.length || head >= 64) {
        queue = queue.slice(head);
        head = 0;
      }
      buffered -= slice.count;
      offset = slice.end;
      progress = slice.progress;
      return slice;
    },
  };
}

function tickSlice(all: Batch<unknown>, from: number, to: number, bad: ReadonlyMap<number, HeadraceError>, tick: number, end: number, progress: number): TickSlice {
  const common = { tick, end, progress, count: to - from };
  if (bad.size === 0) return { ...common, batch: all.slice(from, to), bad: [] };
  const good: number[] = [];
  const refused: { batch: Batch<unknown>; row: number; error: HeadraceError }[] = [];
  for (let row = from; row < to; row++) {
    const error = bad.get(row);
    if (error === undefined) good.push(row);
    else refused.push({ batch: all, row, error });
  }
  return { ...common, batch: good.length === 0 ? undefined : all.select(Int32Array.from(good)), bad: refused };
}

function cutAt(block: RecordBlock, bound: number): RecordBlock {
  let count = block.count;
  while (count > 0 && offsetAt(block, count - 1) >= bound) count--;
  if (count === block.count) return block;
  return { ...block, count, timestamps: block.timestamps.subarray(0, count) };
}

function eventTimes(run: DecodedRun, topic: TopicDefinition): Float64Array {
  if (topic.time === undefined) return run.block.timestamps;
  if (run.bad.length === run.block.count) return new Float64Array(run.block.count);
  const column = run.rows.field(topic.time);
  if (column.kind !== 'number') throw new HeadraceError('HR_EVENT_TIME', `The time of topic ${topic.name} is ${topic.time}, which is not a number.`);
  const times = column.data instanceof Float64Array ? column.data : Float64Array.from(column.data);
  if (column.nulls) for (let i = 0; i < times.length; i++) if (column.nulls[i]) times[i] = Number.NaN;
  return times;
}

function checkTimes(times: Float64Array, block: RecordBlock, bad: Map<number, HeadraceError>, topic: TopicDefinition, partition: number): void {
  for (let i = 0; i < times.length; i++) {
    const t = times[i]!;
    if (t >= secondsTo && t < latestTime) continue;
    if (t > -secondsTo && t < secondsFrom) continue;
    if (bad.has(i)) continue;
    const reason = !Number.isFinite(t)
      ? 'it is missing'
      : t >= secondsFrom && t < secondsTo
        ? `${t} looks like seconds; milliseconds are expected`
        : t >= latestTime
          ? `${t} is after the year 2100; are these microseconds?`
          : `${t} is before 1966`;
    const place = { topic: topic.name, partition, offset: offsetAt(block, i) };
    bad.set(i, new HeadraceError('HR_EVENT_TIME', `The event time cannot be used: ${reason}.`, { place }));
  }
}
