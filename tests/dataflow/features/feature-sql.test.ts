/*
 * Random definitions over random records: what SQL computes is what the stream has stored.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Aggregate } from '../../../dataflow/aggregates/aggregate.js';
import { count, histogram, max, mean, min, quantiles, ratio, sum } from '../../../dataflow/aggregates/index.js';
import { constant, type Expression, expression, text } from '../../../dataflow/expression.js';
import { featureSql } from '../../../dataflow/features/feature-sql.js';
import { features, type FeatureSet } from '../../../dataflow/features/features.js';
import { pipeline } from '../../../dataflow/pipeline.js';
import { topic } from '../../../dataflow/topic.js';
import { tiles } from '../../../operators/tiles.js';
import { toFeatureStore } from '../../../operators/to-feature-store.js';
import { checkFeatures } from '../../../runners/check-features.js';
import { runPipeline } from '../../../runners/testing/index.js';
import { hasChdb, withChdb } from '../../connectors/clickhouse/with-chdb.js';

interface Row {
  readonly k: string;
  readonly s: string;
  readonly cat: string | null;
  readonly e: 'ONE' | 'TWO' | 'THREE';
  readonly ne: 'UP' | 'DOWN' | null;
  readonly i: number;
  readonly v: number | null;
  readonly x: number | null;
  readonly y: number;
  readonly l: number;
  readonly b: boolean | null;
  readonly c: boolean;
  readonly t: number;
  readonly u: number | null;
  readonly from_1h: number;
}

const clock = { type: 'long', logicalType: 'timestamp-millis' };
const input = topic<Row>('in-put.1', {
  key: 'k', time: 't',
  value: {
    type: 'record', name: 'In',
    fields: [
      { name: 'k', type: 'string' },
      { name: 's', type: 'string' },
      { name: 'cat', type: ['null', 'string'] },
      { name: 'e', type: { type: 'enum', name: 'E', symbols: ['ONE', 'TWO', 'THREE'] } },
      { name: 'ne', type: ['null', { type: 'enum', name: 'NE', symbols: ['UP', 'DOWN'] }] },
      { name: 'i', type: 'int' },
      { name: 'v', type: ['null', 'int'] },
      { name: 'x', type: ['double', 'null'] },
      { name: 'y', type: 'double' },
      { name: 'l', type: 'long' },
      { name: 'b', type: ['null', 'boolean'] },
      { name: 'c', type: 'boolean' },
      { name: 't', type: clock },
      { name: 'u', type: ['null', clock] },
      { name: 'from_1h', type: 'int' },
    ],
  },
});

const start = Date.parse('2026-03-01T00:00:00Z');
const minute = 60_000;
const nasty = ['', 'a', "it's", '`\\', 'Ünïcode', '{}', '\u0000\n'];

/** Doubles whose sums both sides can hold: nothing between 0 and 10^-20. */
const aDouble = fc.oneof(fc.double({ min: -1e3, max: 1e3, noNaN: true }), fc.double({ noNaN: true }), fc.constantFrom(0.1, 0.2, -0.3, 1e16, -1e16)).map((x) => (Math.abs(x) < 1e-20 ? 0 : x));

const aRow: fc.Arbitrary<Row> = fc.record({
  k: fc.constantFrom('k1', 'k2', "k'3`\\", ''),
  s: fc.constantFrom(...nasty),
  cat: fc.constantFrom(...nasty, null),
  e: fc.constantFrom('ONE' as const, 'TWO' as const, 'THREE' as const),
  ne: fc.constantFrom('UP' as const, 'DOWN' as const, null),
  i: fc.oneof(fc.integer({ min: -3, max: 5 }), fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })),
  v: fc.option(fc.integer({ min: -20, max: 1_000 })),
  x: fc.option(fc.oneof(fc.constantFrom(0, 1, 1.01 / 0.99, 0.1, 0.2, -0.3, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300), aDouble)),
  y: aDouble,
  l: fc.oneof(fc.integer({ min: -5, max: 5 }), fc.integer({ min: -(2 ** 50), max: 2 ** 50 })),
  b: fc.constantFrom(true, false, null),
  c: fc.boolean(),
  t: fc.constant(start),
  u: fc.option(fc.integer({ min: -1e9, max: 2e12 })),
  from_1h: fc.integer({ min: 0, max: 3 }),
});

/** Rows within an hour to 13 days, many of them on and beside the edges of panes. */
const rows = fc
  .tuple(fc.constantFrom(12, 12, 150, 13 * 24 * 12), fc.array(fc.tuple(aRow, fc.nat(), fc.constantFrom(0, 0, 1, -1, 150_000, 299_999)), { minLength: 1, maxLength: 60 }))
  .map(([panes, list]) => list.map(([row, pane, more]): Row => ({ ...row, t: start + (pane % panes) * 5 * minute + more })));

type Condition = Expression<Row, boolean>;
const aNumber = fc.constantFrom<Expression<Row, number | null>>(input.i, input.v, input.x, input.x, input.y, input.y, input.l, input.t, input.u, input.from_1h);
const aLimit = fc.oneof(fc.constantFrom(0, 1, -1, 0.5, 100, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 40, start + 1e8), aNumber);
const { condition: aCondition } = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 2 },
    fc.constantFrom(...nasty).map((v) => input.s.is(v)),
    fc.constantFrom(...nasty, null).map((v) => input.cat.is(v)),
    fc.constantFrom('a', null).map((v) => input.cat.isNot(v)),
    fc.subarray([...nasty, null]).map((vs) => input.cat.oneOf(...vs)),
    fc.subarray(['ONE' as const, 'THREE' as const]).map((vs) => input.e.oneOf(...vs)),
    fc.constantFrom('UP' as const, 'DOWN' as const, null).map((v) => input.ne.is(v)),
    fc.constantFrom(0, 2, -1, 1.5).map((v) => input.i.is(v)),
    fc.subarray([0, 3, null, 0.1, Number.NaN]).map((vs) => input.x.oneOf(...vs)),
    fc.constantFrom(true, false, null).map((v) => input.b.is(v)),
    fc.boolean().map((v) => input.c.is(v)),
    fc.constant(input.b as Condition),
    fc.constant(constant(true) as Condition),
    fc.tuple(aNumber, aLimit, fc.constantFrom('over' as const, 'atLeast' as const, 'under' as const, 'atMost' as const)).map(([of, limit, how]) => of[how](limit)),
    fc.constantFrom('a/ONE', '/TWO', 'a/').map((v) => text<Row>(input.cat, '/', input.e).is(v)),
    tie('condition').map((c) => c.not()),
    fc.tuple(tie('condition'), tie('condition')).map(([a, b]) => a.and(b)),
    fc.tuple(tie('condition'), tie('condition')).map(([a, b]) => a.or(b)),
  ),
}));

type AnyAggregate = Aggregate<Row, unknown>;
const aLeaf: fc.Arbitrary<Aggregate<Row, number | null>> = fc.oneof(
  fc.constant(count() as Aggregate<Row, number | null>),
  fc.tuple(aNumber, fc.constantFrom(sum, min, max, mean)).map(([of, aggregate]) => aggregate(of) as Aggregate<Row, number | null>),
);
const narrowed = fc.tuple(aLeaf, fc.option(aCondition)).map(([aggregate, condition]) => (condition === null ? aggregate : aggregate.where(condition)));
const aPlain = fc.oneof({ weight: 3, arbitrary: narrowed }, { weight: 1, arbitrary: fc.tuple(narrowed, narrowed).map(([a, b]) => ratio(a, b)) });
const aLabel = fc.constantFrom<Expression<Row, string | null>>(input.cat, input.e, input.ne, input.s, text(input.c, '-', input.i), text(input.v, '|', input.ne));
const anAggregate: fc.Arbitrary<AnyAggregate> = fc.oneof(
  { weight: 4, arbitrary: aPlain as fc.Arbitrary<AnyAggregate> },
  { weight: 3, arbitrary: fc.tuple(aPlain, aLabel).map(([a, by]): AnyAggregate => a.by(by)) },
  { weight: 2, arbitrary: fc.tuple(aPlain, fc.constantFrom(input.i, input.v, input.x, input.l), fc.integer({ min: 1, max: 6 })).map(([a, by, size]): AnyAggregate => a.by(by, { size })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(aNumber, fc.uniqueArray(fc.constantFrom(0, 0.25, 0.5, 0.9, 0.999, 1), { minLength: 1 }), fc.constantFrom(0.001, 0.01, 0.05, 0.2), fc.option(aCondition))
      .map(([of, at, accuracy, condition]): AnyAggregate => (condition === null ? quantiles(of, at, { accuracy }) : quantiles(of, at, { accuracy }).where(condition))),
  },
  { weight: 1, arbitrary: fc.tuple(aNumber, fc.constantFrom([0], [-1, 0, 0.5, 100], [1e3, 1e12])).map(([of, bounds]): AnyAggregate => histogram(of, bounds)) },
);

const aSet = fc
  .record({
    of: fc.option(aCondition),
    key: fc.constantFrom('k' as const, 's' as const),
    windows: fc.shuffledSubarray(['5m', '1h', '11h', '12h', '25h', '7d', '12d'] as const, { minLength: 1, maxLength: 3 }),
    values: fc.array(anAggregate, { minLength: 1, maxLength: 5 }),
    derive: fc.boolean(),
  })
  .map(({ of, key, windows, values, derive }) => {
    const set = features('set', {
      of: of === null ? input : input.where(of),
      key: input[key],
      windows,
      values: Object.fromEntries(values.map((value, n) => [['n', 'odd name', 'n_over', 'watch', 'x_y'][n]!, value])),
      ...(derive ? { derive: (f: Readonly<Record<string, number | null>>, at: number) => ({ twice: f[`n_${windows[0]}`] == null ? null : 2 * f[`n_${windows[0]}`]!, at }) } : {}),
    });
    return Object.assign(set, { [fc.toStringMethod]: () => `${set.layout.text} over ${windows.join(' ')}` });
  });

async function storedBy(set: FeatureSet<Row, 'k' | 's'>, rows: readonly Row[], options: { readonly partitions: number; readonly stepRows: number }) {
  const job = pipeline('p', ({ from }) => from(input).pipe(tiles(set), toFeatureStore(set)));
  return runPipeline(job, { inputs: { 'in-put.1': rows }, partitions: options.partitions, stepRows: options.stepRows, commitMs: 0 });
}

/** HEADRACE_FAULTS=long for more. */
const runs = process.env.HEADRACE_FAULTS === 'long' ? 1_000 : 40;

describe.skipIf(!hasChdb)('features in SQL', () => {
  test('random definitions over random records are what the stream has stored', async () => {
    let values = 0;
    await withChdb((chdb) => fc.assert(
      fc.asyncProperty(aSet, rows, fc.integer({ min: 1, max: 3 }), fc.constantFrom(7, 1_000), fc.array(fc.tuple(fc.nat(), fc.nat()), { minLength: 4, maxLength: 8 }), async (set, rows, partitions, stepRows, picks) => {
        const { runtime, deadLetters } = await storedBy(set as unknown as FeatureSet<Row, 'k'>, rows, { partitions, stepRows });
        expect(deadLetters).toEqual([]);
        // Where a record comes into a window, and where it goes out.
        const times = picks.map(([row, window]) => rows[row % rows.length]!.t + [0, 5 * minute, ...set.windows.flatMap(({ ms, pane }) => [ms, ms + pane])][window % (2 + 2 * set.windows.length)]!);
        const result = await checkFeatures(set, { runtime, pipeline: 'p', chdb, times });
        expect(result.differences, featureSql(set, { at: start }).text).toEqual([]);
        expect(result.equal).toBe(true);
        expect(result.records).toBe(rows.length);
        values += result.features.reduce((n, f) => n + f.compared, 0);
      }),
      { numRuns: runs },
    ));
    expect(values).toBeGreaterThan(1_000);
  }, 30 * minute);
});

describe('SQL is refused', () => {
  const setOf = (values: Record<string, AnyAggregate>, of: FeatureSet['of'] = input.where(input.c) as unknown as FeatureSet['of']) => features('set', { of: of as never, key: input.k, windows: ['1h'], values }) as unknown as FeatureSet;
  const sqlOf = (set: FeatureSet) => () => featureSql(set, { at: start });

  test('where a function is called', () => {
    expect(sqlOf(setOf({ n: sum((r: Row) => r.i) }))).toThrow(expect.objectContaining({ code: 'HR_FEATURE_SQL', message: expect.stringContaining('function') }) as Error);
    expect(sqlOf(setOf({ n: count().where((r: Row) => r.i > 1) }))).toThrow(expect.objectContaining({ code: 'HR_FEATURE_SQL' }) as Error);
    expect(sqlOf(setOf({ n: count() }, { topic: input, condition: expression((r: Row) => r.c) } as unknown as FeatureSet['of']))).toThrow(expect.objectContaining({ code: 'HR_FEATURE_SQL' }) as Error);
  });

  test('where fractions would be written as text', () => {
    expect(sqlOf(setOf({ n: count().by(text(input.y)) }))).toThrow(expect.objectContaining({ code: 'HR_FEATURE_SQL', message: expect.stringContaining('as text') }) as Error);
  });
});
