import fc from 'fast-check';
import { partitionOf } from '../../dataflow/partitioner.js';
import { topic } from '../../dataflow/topic.js';

const start = 1_600_000_000_000;

/** Records of the model streams: the topic is keyed by `k`; `j` is another key, which needs an exchange. */
export const input = topic<Row>('in', {
  key: 'k', time: 't',
  value: {
    type: 'record', name: 'In',
    fields: [
      { name: 'id', type: 'int' },
      { name: 'k', type: 'string' },
      { name: 'j', type: 'string' },
      { name: 'e', type: { type: 'enum', name: 'E', symbols: ['ONE', 'TWO', 'THREE', 'NEVER'] } },
      { name: 'ne', type: ['null', { type: 'enum', name: 'NE', symbols: ['UP', 'DOWN'] }] },
      { name: 'cat', type: ['null', 'string'] },
      { name: 'g', type: ['null', 'int'] },
      { name: 'v', type: ['null', 'int'] },
      { name: 'x', type: ['null', 'double'] },
      { name: 'b', type: ['null', 'boolean'] },
      { name: 't', type: { type: 'long', logicalType: 'timestamp-millis' } },
    ],
  },
});

/** A record with every field; tests say what matters. `t` counts from a moment in 2020. */
export function aRow(id: number, k: string, t: number, more: Partial<Row> = {}): Row {
  return { id, k, j: k, e: 'ONE', ne: null, cat: null, g: null, v: null, x: null, b: null, t: start + t, ...more };
}

export interface Row {
  readonly id: number;
  readonly k: string;
  readonly j: string;
  readonly e: 'ONE' | 'TWO' | 'THREE' | 'NEVER';
  readonly ne: 'UP' | 'DOWN' | null;
  readonly cat: string | null;
  readonly g: number | null;
  readonly v: number | null;
  readonly x: number | null;
  readonly b: boolean | null;
  readonly t: number;
}

/** Any value that is an object, as text in one field. */
export const results = topic('results', { key: 'k', value: { k: 'string', json: 'string' } });

export const asJson = (value: unknown): string => JSON.stringify(value, (_name, v: unknown) => (v instanceof Float64Array ? [...v] : v));

/** A random stream: partitions, and rows with disorder, duplicates, ties, gaps and late ones. */
export interface Stream {
  readonly partitions: readonly (readonly Row[])[];
  readonly tick: number;
  readonly disorder: number;
}

const aValue = fc.record({
  e: fc.constantFrom('ONE' as const, 'TWO' as const, 'THREE' as const),
  ne: fc.constantFrom('UP' as const, 'DOWN' as const, null),
  cat: fc.constantFrom('Comedy', 'Drama', 'Ünïcode', '', null),
  g: fc.constantFrom(0, 1, 2, 3, 7, -1, null),
  v: fc.option(fc.integer({ min: -20, max: 1_000 })),
  x: fc.option(fc.double({ min: -1e6, max: 1e6, noNaN: true })),
  b: fc.constantFrom(true, false, null),
});

/** Streams of up to `rows` rows over `keys` keys. Time goes forward by 0 to 20 ms a row, now and then by a long gap; some rows are behind. */
export function aStream({ rows = 60, keys = 4, maxPartitions = 8 } = {}): fc.Arbitrary<Stream> {
  const aStep = fc.record({
    step: fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 0, max: 20 }) }, { weight: 1, arbitrary: fc.integer({ min: 100, max: 400 }) }),
    back: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 3, arbitrary: fc.integer({ min: 0, max: 30 }) }, { weight: 1, arbitrary: fc.integer({ min: 30, max: 300 }) }),
    k: fc.integer({ min: 0, max: keys - 1 }),
    j: fc.integer({ min: 0, max: keys - 1 }),
    again: fc.integer({ min: 0, max: 9 }),
    value: aValue,
  });
  return fc
    .record({
      partitions: fc.integer({ min: 1, max: maxPartitions }),
      tick: fc.constantFrom(1, 5, 20, 50),
      disorder: fc.constantFrom(0, 10, 30),
      steps: fc.array(aStep, { maxLength: rows }),
    })
    .map(({ partitions, tick, disorder, steps }) => {
      const lists: Row[][] = Array.from({ length: partitions }, () => []);
      let now = start;
      let id = 0;
      for (const { step, back, k, j, again, value } of steps) {
        now += step;
        // With few keys some partitions stay empty.
        const list = lists[partitionOf(Buffer.from(`k${k}`), 0, 2, partitions)]!;
        const row: Row = { id: id++, k: `k${k}`, j: `j${j}`, ...value, t: now - back };
        list.push(row);
        if (again === 0) list.push(row);
      }
      return { partitions: lists, tick, disorder };
    });
}

/** What happens in one task, in order: a watermark, or a row. */
export type Event = { readonly watermark: number } | { readonly row: Row };

interface Slice {
  readonly tick: number;
  readonly from: number;
  readonly rows: Row[];
}

/** The slices of a partition: a row belongs to the tick of the newest row up to it. */
function slices(rows: readonly Row[], from: number, tickMs: number): Slice[] {
  const made: Slice[] = [];
  let newest = Number.NEGATIVE_INFINITY;
  for (const row of rows) {
    newest = Math.max(newest, row.t);
    const tick = Math.floor(newest / tickMs);
    if (made.at(-1)?.tick === tick) made.at(-1)!.rows.push(row);
    else made.push({ tick, from, rows: [row] });
  }
  return made;
}

/** What each task sees of its own partition: a watermark before each tick, the end last. */
export function ownEvents({ partitions, tick, disorder }: Stream): Event[][] {
  return partitions.map((rows, from) => [
    ...slices(rows, from, tick).flatMap((s): Event[] => [{ watermark: s.tick * tick - disorder }, ...s.rows.map((row) => ({ row }))]),
    { watermark: Number.POSITIVE_INFINITY },
  ]);
}

/** What comes behind an exchange: slices in the order (tick, partition), watermarks merged by min over the partitions that have not ended. */
export function mergedEvents({ partitions, tick, disorder }: Stream): Event[] {
  const all = partitions.map((rows, from) => slices(rows, from, tick));
  const ordered = all.flat().sort((a, b) => a.tick - b.tick || a.from - b.from);
  const marks = all.map((own) => (own.length === 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY));
  const events: Event[] = [];
  let merged = Number.NEGATIVE_INFINITY;
  const advance = () => {
    const least = Math.min(...marks);
    if (least > merged && least < Number.POSITIVE_INFINITY) events.push({ watermark: (merged = least) });
  };
  for (const slice of ordered) {
    marks[slice.from] = slice.tick * tick - disorder;
    advance();
    events.push(...slice.rows.map((row) => ({ row })));
    if (all[slice.from]!.at(-1) === slice) {
      marks[slice.from] = Number.POSITIVE_INFINITY;
      advance();
    }
  }
  return [...events, { watermark: Number.POSITIVE_INFINITY }];
}

/** Lists as sets: in an order of their own. */
export const sorted = (values: readonly unknown[]): string[] => values.map((v) => JSON.stringify(v)).sort();
