import { deserialize, serialize } from 'node:v8';
import type { StateTable } from '../dataflow/state/state-table.js';
import type { ModelEvent } from '../schemas/generated/model-event.js';
import { choicesOf, encodeChoices } from './choice-blocks.js';
import type { HeadPlan } from './head-plan.js';
import { type ModelLine, noVersions } from './model-line.js';
import { columnsOf, decodeColumns, encodeColumns, filtered } from './row-blocks.js';
import type { IntervalOutcome } from './train-interval.js';
import { drawOf } from './reservoir.js';
import type { Choice, TrainingRow } from './training-rows.js';

/** An interval of which no example is expected any more, and which has not been trained on. */
export interface ClosedInterval {
  readonly start: number;
  /** Changes of the model that others had made by then. */
  readonly changes: readonly ModelEvent[];
  /** Next offset by `topic/partition`, behind its examples and those before it. */
  readonly inputs: Readonly<Record<string, number>>;
}

/** Which blocks an interval is trained with. */
export interface IntervalBlocks {
  readonly carried: readonly Uint8Array[];
  readonly learned: readonly Uint8Array[];
  readonly judged: readonly Uint8Array[];
  readonly reservoir: readonly Uint8Array[];
  /** Examples of before that were learned already, as far back as a head is warmed on a new base. */
  readonly recent: readonly Uint8Array[];
  /** Of `encodeChoices`: the decisions of the judged part that policies are valued by. */
  readonly choices: readonly Uint8Array[];
}

/** The examples that wait, the reservoir, and the line of models: what a training keeps in its table. */
export interface TrainingState {
  line: ModelLine;
  /** Newest watermark that was not the end of the input. */
  readonly watermark: number;
  /** Largest draw that is in the reservoir. */
  readonly threshold: number;
  /** Oldest first. */
  readonly closed: readonly ClosedInterval[];
  /** Changes that no closed interval has yet. */
  readonly changes: readonly ModelEvent[];
  /** Examples whose interval was closed before they came: they count for the next one. */
  readonly late: number;
  add(row: TrainingRow): void;
  change(event: ModelEvent): void;
  /** Event time has come to `watermark`: closes the intervals before it that have examples. */
  reach(watermark: number): void;
  /** Reads what an interval is trained with, a block a turn of the event loop, so that a large interval stops nothing. */
  read(interval: ClosedInterval, withRecent: boolean): Promise<IntervalBlocks>;
  /** The oldest closed interval is done: its examples go where the outcome says. */
  finish(outcome: Pick<IntervalOutcome, 'start' | 'rows' | 'threshold'>, line: ModelLine): void;
  /** Puts what has changed into the table; answers with the rows that are kept. */
  save(): number;
}

/** A stretch of event time within an interval: what is learned from, or what is judged by. */
interface Segment {
  readonly start: number;
  rows: number;
  blocks: number;
  /** Those rows that may come into the reservoir, and their blocks. */
  sampleRows: number;
  samples: number;
  /** Blocks of choices; undefined: none. */
  choices?: number;
  /** Next offset by `topic/partition`, behind its examples. */
  readonly inputs: Record<string, number>;
}

interface Meta {
  readonly watermark: number;
  readonly closedTo: number;
  readonly threshold: number;
  readonly line: ModelLine;
  readonly closed: readonly ClosedInterval[];
  readonly changes: readonly ModelEvent[];
  readonly inputs: Readonly<Record<string, number>>;
  readonly segments: readonly Segment[];
  /** Segments whose samples are in the reservoir, and blocks that were put together. */
  readonly sampled: readonly Segment[];
  /** Segments that were learned and are kept for a new base. */
  readonly recent?: readonly Segment[];
}

const metaKind = 0;
const rowKind = 1;
const sampleKind = 2;
const choiceKind = 3;

/** Rows in one stored block. */
const blockRows = 8_192;

/**
 * @param table state of the step
 * @param task its number
 */
export function openTrainingState(table: StateTable, task: number, plan: HeadPlan): TrainingState {
  const { intervalMs, judgedMs } = plan;
  const width = plan.features;
  const keyOf = (kind: number, segment = 0, block = 0): Buffer => {
    const key = Buffer.alloc(15);
    key.writeUInt16BE(task);
    key[2] = kind;
    key.writeDoubleBE(segment, 3);
    key.writeUInt32BE(block, 11);
    return key;
  };
  const stored = table.get(keyOf(metaKind));
  const meta = stored === undefined ? undefined : (deserialize(stored) as Meta);
  let { watermark, closedTo, threshold, line } = meta ?? { watermark: Number.NEGATIVE_INFINITY, closedTo: Number.NEGATIVE_INFINITY, threshold: Number.POSITIVE_INFINITY, line: noVersions };
  let closed = [...(meta?.closed ?? [])];
  let changes = [...(meta?.changes ?? [])];
  const inputs: Record<string, number> = { ...meta?.inputs };
  const segments = new Map<number, Segment>(meta?.segments.map((s) => [s.start, { ...s, inputs: { ...s.inputs } }]));
  let sampled: Segment[] = [...(meta?.sampled ?? [])];
  let recent: Segment[] = [...(meta?.recent ?? [])];
  const buffered = new Map<number, TrainingRow[]>();
  // While the reservoir takes everything: the smallest draws of each segment so far. What is not among them cannot be among those of all.
  const smallest = new Map<number, Float64Array>();
  // The same of the choices that policies are valued by.
  const smallestChoices = new Map<number, Float64Array>();
  const waiting = new Map<number, Choice[]>();
  let late = 0;
  let isChanged = false;

  const intervalOf = (time: number) => Math.floor(time / intervalMs) * intervalMs;
  const segmentOf = (time: number) => {
    const start = intervalOf(time);
    const judged = start + intervalMs - judgedMs;
    return time < judged ? start : judged;
  };
  const isLearnedPart = ({ start }: Segment) => intervalOf(start) === start;
  const blocksOf = (kind: number, segment: Segment) => Array.from({ length: kind === rowKind ? segment.blocks : segment.samples }, (_, block) => keyOf(kind, segment.start, block));
  const drop = (kind: number, segment: Segment) => {
    for (const key of blocksOf(kind, segment)) table.delete(key);
  };
  const dropChoices = (segment: Segment) => {
    for (let block = 0; block < (segment.choices ?? 0); block++) table.delete(keyOf(choiceKind, segment.start, block));
    delete segment.choices;
    smallestChoices.delete(segment.start);
  };
  const largestSampled = (of: Map<number, Float64Array>, segment: number, added: Float64Array, most: number): number => {
    const known = of.get(segment) ?? new Float64Array(0);
    const draws = new Float64Array(known.length + added.length);
    draws.set(known);
    draws.set(added, known.length);
    of.set(segment, draws.sort().slice(0, most));
    return draws.length < most ? Number.POSITIVE_INFINITY : draws[most - 1]!;
  };
  const flush = () => {
    for (const [start, rows] of buffered) {
      const segment = segments.get(start)!;
      for (let at = 0; at < rows.length; at += blockRows) {
        const columns = columnsOf(rows.slice(at, at + blockRows), width);
        table.put(keyOf(rowKind, start, segment.blocks), encodeColumns(columns));
        segment.blocks += 1;
        // The threshold only falls: what is above it now will never be in the reservoir.
        const most = Number.isFinite(threshold) ? threshold : largestSampled(smallest, start, columns.draw, plan.reservoir);
        const samples = filtered(columns, (row) => columns.draw[row]! <= most);
        if (samples.length === 0) continue;
        segment.sampleRows += samples.length;
        table.put(keyOf(sampleKind, start, segment.samples), encodeColumns(samples));
        segment.samples += 1;
      }
    }
    buffered.clear();
    for (const [start, choices] of waiting) {
      const segment = segments.get(start)!;
      const draws = Float64Array.from(choices, ({ key }) => drawOf(key));
      const most = largestSampled(smallestChoices, start, draws, plan.policy!.slots);
      const kept = choices.filter((_, i) => draws[i]! <= most);
      if (kept.length === 0) continue;
      segment.choices = (segment.choices ?? 0) + 1;
      table.put(keyOf(choiceKind, start, segment.choices - 1), encodeChoices(choicesOf(kept, width)));
    }
    waiting.clear();
  };
  /** Where most of what is kept for the reservoir is above the threshold, what is not is written anew. */
  const compact = () => {
    const rows = sampled.reduce((sum, s) => sum + s.sampleRows, 0);
    if (rows <= 3 * plan.reservoir || !Number.isFinite(threshold)) return;
    const all = decodeColumns(sampled.flatMap((s) => blocksOf(sampleKind, s)).map((key) => table.get(key)!), width);
    for (const segment of sampled) drop(sampleKind, segment);
    const kept = filtered(all, (row) => all.draw[row]! <= threshold);
    const { start } = sampled.at(-1)!;
    let blocks = 0;
    for (let at = 0; at < kept.length; at += blockRows) table.put(keyOf(sampleKind, start, blocks++), encodeColumns(filtered(kept, (row) => row >= at && row < at + blockRows)));
    sampled = [{ start, rows: 0, blocks: 0, sampleRows: kept.length, samples: blocks, inputs: {} }];
  };

  return {
    get line() {
      return line;
    },
    set line(next) {
      line = next;
      isChanged = true;
    },
    get watermark() {
      return watermark;
    },
    get threshold() {
      return threshold;
    },
    get closed() {
      return closed;
    },
    get changes() {
      return changes;
    },
    get late() {
      return late;
    },
    add(row) {
      if (row.time < closedTo) late += 1;
      const start = segmentOf(Math.max(row.time, closedTo));
      const segment = segments.get(start) ?? { start, rows: 0, blocks: 0, sampleRows: 0, samples: 0, inputs: {} };
      segments.set(start, segment);
      segment.rows += 1;
      const rows = buffered.get(start);
      if (rows === undefined) buffered.set(start, [row]);
      else rows.push(row);
      // One that came late is judged by nothing: it was made before what is judged.
      if (row.choice !== undefined && start === segmentOf(row.time)) {
        const choices = waiting.get(start);
        if (choices === undefined) waiting.set(start, [row.choice]);
        else choices.push(row.choice);
      }
      segment.inputs[row.source] = Math.max(segment.inputs[row.source] ?? 0, row.next);
      isChanged = true;
    },
    change(event) {
      changes.push(event);
      isChanged = true;
    },
    reach(now) {
      if (Number.isFinite(now) && now > watermark) {
        watermark = now;
        isChanged = true;
      }
      const starts = [...new Set([...segments.keys()].map(intervalOf))].filter((start) => start >= closedTo && start + intervalMs <= now).sort((a, b) => a - b);
      for (const start of starts) {
        for (const segment of segments.values()) {
          if (intervalOf(segment.start) !== start) continue;
          for (const [source, next] of Object.entries(segment.inputs)) inputs[source] = Math.max(inputs[source] ?? 0, next);
        }
        closed.push({ start, changes, inputs: { ...inputs } });
        changes = [];
        closedTo = start + intervalMs;
        isChanged = true;
      }
      // Intervals without examples are closed as well: what comes for them now is late.
      if (Number.isFinite(now) && closedTo !== Number.NEGATIVE_INFINITY) closedTo = Math.max(closedTo, intervalOf(now));
    },
    async read({ start }, withRecent) {
      const order = [...segments.values()].sort((a, b) => a.start - b.start);
      const keys = {
        carried: order.filter((s) => s.start < start).flatMap((s) => blocksOf(rowKind, s)),
        learned: order.filter((s) => intervalOf(s.start) === start && isLearnedPart(s)).flatMap((s) => blocksOf(rowKind, s)),
        judged: order.filter((s) => intervalOf(s.start) === start && !isLearnedPart(s)).flatMap((s) => blocksOf(rowKind, s)),
        reservoir: sampled.flatMap((s) => blocksOf(sampleKind, s)),
        choices: order.filter((s) => intervalOf(s.start) === start).flatMap((s) => Array.from({ length: s.choices ?? 0 }, (_, block) => keyOf(choiceKind, s.start, block))),
        recent: withRecent ? recent.flatMap((s) => blocksOf(rowKind, s)) : [],
      };
      const blocks = { carried: [] as Uint8Array[], learned: [] as Uint8Array[], judged: [] as Uint8Array[], reservoir: [] as Uint8Array[], recent: [] as Uint8Array[], choices: [] as Uint8Array[] };
      for (const part of ['carried', 'learned', 'judged', 'reservoir', 'recent', 'choices'] as const) {
        for (const key of keys[part]) {
          // A copy with a buffer of its own, which can move to the trainer's thread.
          blocks[part].push(new Uint8Array(table.get(key)!));
          await new Promise<void>((resolve) => setImmediate(resolve));
        }
      }
      return blocks;
    },
    finish(outcome, next) {
      const { start } = closed.shift()!;
      line = next;
      threshold = Math.min(threshold, outcome.threshold);
      isChanged = true;
      const oldest = start - (plan.carried - 1) * intervalMs;
      for (const segment of segments.values()) if (segment.start < start + intervalMs) dropChoices(segment);
      for (const segment of [...segments.values()].filter((s) => s.start < start + intervalMs - judgedMs)) {
        if (outcome.rows === 'carried' && segment.start >= oldest) continue;
        if (outcome.rows === 'learned' && plan.base !== undefined) recent.push(segment);
        else drop(rowKind, segment);
        segments.delete(segment.start);
        smallest.delete(segment.start);
        if (outcome.rows === 'learned') sampled.push(segment);
        else drop(sampleKind, segment);
      }
      const since = start + intervalMs - (plan.base?.warmedMs ?? 0);
      for (const segment of recent) if (segment.start < since) drop(rowKind, segment);
      recent = recent.filter((segment) => segment.start >= since);
      compact();
    },
    save() {
      flush();
      if (isChanged) table.put(keyOf(metaKind), serialize({ watermark, closedTo, threshold, line, closed, changes, inputs, segments: [...segments.values()], sampled, ...(recent.length === 0 ? {} : { recent }) } satisfies Meta));
      isChanged = false;
      return [...segments.values()].reduce((sum, s) => sum + s.rows, 0);
    },
  };
}
