import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { count, max, mean, min, quantiles, ratio, sum } from '../../dataflow/aggregates/index.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { keyBy } from '../../operators/key-by.js';
import { map } from '../../operators/map.js';
import { to } from '../../operators/to.js';
import { window } from '../../operators/window.js';
import { play, runPipeline } from '../../runners/testing/index.js';
import { asJson, aStream, input, ownEvents, results, type Row, type Stream } from './stream-model.js';
import { windowModel } from './window-model.js';

const isB = input.b.is(true);
const big = input.v.atLeast(10);

/** Every aggregate over columns. */
const byColumns = {
  n: count(),
  nWhere: count().where(isB),
  nBoth: count().where(isB).where(big),
  nNone: count().where(input.k.is('nobody')),
  nCat: count().by(input.cat),
  nCatWhere: count().where(isB).by(input.cat),
  nG: count().by(input.g, { size: 4 }),
  nBoolean: count().by(input.j),
  ones: count().where(input.e.is('ONE')),
  twos: count().where(input.e.is('TWO')),
  nevers: count().where(input.e.is('NEVER')),
  ups: count().where(input.ne.is('UP')),
  unknown: count().where(input.ne.is(null)),
  notUp: count().where(input.ne.isNot('UP')),
  bothE: count().where(input.e.is('ONE')).where(input.ne.is('DOWN')),
  someE: count().where(input.e.oneOf('ONE', 'THREE')),
  nE: count().by(input.e),
  nNe: count().where(input.e.is('ONE')).by(input.ne),
  sumOnes: sum(input.v).where(input.e.is('ONE')),
  onesG: count().where(input.e.is('ONE')).by(input.g, { size: 4 }),
  zeros: count().where(input.g.is(0)),
  falses: count().where(input.b.is(false)),
  sum: sum(input.v),
  sumX: sum(input.x),
  sumWhere: sum(input.v).where(isB),
  sumCat: sum(input.v).by(input.cat),
  sumG: sum(input.v).where(big).by(input.g, { size: 3 }),
  min: min(input.v),
  max: max(input.x),
  minWhere: min(input.v).where(big.not()),
  maxCat: max(input.v).by(input.cat),
  mean: mean(input.v),
  meanCat: mean(input.v).where(isB).by(input.cat),
  ratio: ratio(count().where(isB), count().where(big)),
  ratioCat: ratio(sum(input.v), count()).by(input.cat),
  q: quantiles(input.v, [0, 0.5, 0.9, 1]),
  qWhere: quantiles(input.x, [0.25], { accuracy: 0.05 }).where(isB),
};

/** The same with functions. */
const b = (r: Row) => r.b === true;
const isBig = (r: Row) => r.v !== null && r.v >= 10;
const byFunctions = {
  n: count(),
  nWhere: count().where(b),
  nBoth: count().where(b).where(isBig),
  nNone: count().where((r: Row) => r.k === 'nobody'),
  nCat: count().by((r: Row) => r.cat),
  nCatWhere: count().where(b).by((r: Row) => r.cat),
  nG: count().by((r: Row) => r.g, { size: 4 }),
  nBoolean: count().by((r: Row) => r.j),
  ones: count().where((r: Row) => r.e === 'ONE'),
  twos: count().where((r: Row) => r.e === 'TWO'),
  nevers: count().where((r: Row) => r.e === 'NEVER'),
  ups: count().where((r: Row) => r.ne === 'UP'),
  unknown: count().where((r: Row) => r.ne === null),
  notUp: count().where((r: Row) => r.ne !== 'UP'),
  bothE: count().where((r: Row) => r.e === 'ONE').where((r: Row) => r.ne === 'DOWN'),
  someE: count().where((r: Row) => r.e !== 'TWO'),
  nE: count().by((r: Row) => r.e),
  nNe: count().where((r: Row) => r.e === 'ONE').by((r: Row) => r.ne),
  sumOnes: sum((r: Row) => r.v).where((r: Row) => r.e === 'ONE'),
  onesG: count().where((r: Row) => r.e === 'ONE').by((r: Row) => r.g, { size: 4 }),
  zeros: count().where((r: Row) => r.g === 0),
  falses: count().where((r: Row) => r.b === false),
  sum: sum((r: Row) => r.v),
  sumX: sum((r: Row) => r.x),
  sumWhere: sum((r: Row) => r.v).where(b),
  sumCat: sum((r: Row) => r.v).by((r: Row) => r.cat),
  sumG: sum((r: Row) => r.v).where(isBig).by((r: Row) => r.g, { size: 3 }),
  min: min((r: Row) => r.v),
  max: max((r: Row) => r.x),
  minWhere: min((r: Row) => r.v).where((r: Row) => !isBig(r)),
  maxCat: max((r: Row) => r.v).by((r: Row) => r.cat),
  mean: mean((r: Row) => r.v),
  meanCat: mean((r: Row) => r.v).where(b).by((r: Row) => r.cat),
  ratio: ratio(count().where(b), count().where(isBig)),
  ratioCat: ratio(sum((r: Row) => r.v), count()).by((r: Row) => r.cat),
  q: quantiles((r: Row) => r.v, [0, 0.5, 0.9, 1]),
  qWhere: quantiles((r: Row) => r.x, [0.25], { accuracy: 0.05 }).where(b),
};

const numbers = (values: readonly (number | null)[]) => values.filter((v) => v !== null);
const total = (values: readonly (number | null)[]) => numbers(values).reduce((a, c) => a + c, 0);
const least = (values: readonly (number | null)[]) => (numbers(values).length === 0 ? null : Math.min(...numbers(values)));
const most = (values: readonly (number | null)[]) => (numbers(values).length === 0 ? null : Math.max(...numbers(values)));
const average = (values: readonly (number | null)[]) => (numbers(values).length === 0 ? null : total(values) / numbers(values).length);
const groups = (rows: readonly Row[], of: (r: Row) => string | null, value: (rows: readonly Row[]) => number | null, drop: number | null) =>
  Object.fromEntries(
    [...new Set(rows.map(of))].filter((name) => name !== null).map((name) => [name, value(rows.filter((r) => of(r) === name))] as const).filter(([, v]) => v !== drop),
  );
const dense = (rows: readonly Row[], size: number, value: (rows: readonly Row[]) => number) => Array.from({ length: size }, (_, g) => value(rows.filter((r) => r.g === g)));

/** The same by definition. Quantiles are compared apart. */
function naive(rows: readonly Row[]): Record<string, unknown> {
  const vs = (of: readonly Row[]) => of.map((r) => r.v);
  const [onlyB, onlyBig] = [rows.filter(b), rows.filter(isBig)];
  return {
    n: rows.length,
    nWhere: onlyB.length,
    nBoth: onlyB.filter(isBig).length,
    nNone: 0,
    nCat: groups(rows, (r) => r.cat, (g) => g.length, 0),
    nCatWhere: groups(onlyB, (r) => r.cat, (g) => g.length, 0),
    nG: dense(rows, 4, (g) => g.length),
    nBoolean: groups(rows, (r) => r.j, (g) => g.length, 0),
    ones: rows.filter((r) => r.e === 'ONE').length,
    twos: rows.filter((r) => r.e === 'TWO').length,
    nevers: 0,
    ups: rows.filter((r) => r.ne === 'UP').length,
    unknown: rows.filter((r) => r.ne === null).length,
    notUp: rows.filter((r) => r.ne !== 'UP').length,
    bothE: rows.filter((r) => r.e === 'ONE' && r.ne === 'DOWN').length,
    someE: rows.filter((r) => r.e === 'ONE' || r.e === 'THREE').length,
    nE: groups(rows, (r) => r.e, (g) => g.length, 0),
    nNe: groups(rows.filter((r) => r.e === 'ONE'), (r) => r.ne, (g) => g.length, 0),
    sumOnes: total(vs(rows.filter((r) => r.e === 'ONE'))),
    onesG: dense(rows.filter((r) => r.e === 'ONE'), 4, (g) => g.length),
    zeros: rows.filter((r) => r.g === 0).length,
    falses: rows.filter((r) => r.b === false).length,
    sum: total(vs(rows)),
    sumX: total(rows.map((r) => r.x)),
    sumWhere: total(vs(onlyB)),
    sumCat: groups(rows, (r) => r.cat, (g) => total(vs(g)), 0),
    sumG: dense(onlyBig, 3, (g) => total(vs(g))),
    min: least(vs(rows)),
    max: most(rows.map((r) => r.x)),
    minWhere: least(vs(rows.filter((r) => !isBig(r)))),
    maxCat: groups(rows, (r) => r.cat, (g) => most(vs(g)), null),
    mean: average(vs(rows)),
    meanCat: groups(onlyB, (r) => r.cat, (g) => average(vs(g)), null),
    ratio: onlyBig.length === 0 ? null : onlyB.length / onlyBig.length,
    ratioCat: groups(rows, (r) => r.cat, (g) => total(vs(g)) / g.length, null),
  };
}

function expectQuantile(actual: number | null, values: readonly (number | null)[], at: number, accuracy: number) {
  const own = numbers(values).sort((p, q) => p - q);
  if (own.length === 0) return expect(actual).toBeNull();
  const exact = own[Math.floor(at * (own.length - 1))]!;
  expect(Math.abs(actual! - exact)).toBeLessThanOrEqual(Math.abs(exact) * accuracy * (1 + 1e-9) + 1e-322);
}

/** Equal but for the rounding of fractions. */
function expectClose(actual: Record<string, unknown>, expected: Record<string, unknown>) {
  for (const [name, value] of Object.entries(expected)) {
    if (name === 'sumX') expect(actual[name], name).toBeCloseTo(value as number, 6);
    else if (typeof value === 'number' && !Number.isInteger(value)) expect(actual[name], name).toBeCloseTo(value, 9);
    else expect(actual[name], name).toEqual(JSON.parse(JSON.stringify(value)));
  }
}

function job({ tick, disorder }: Stream, shape: { every: number; size: number; lateness: number }) {
  return pipeline('p', ({ from }) => {
    const keyed = from(input, { disorder }).pipe(keyBy(input.k));
    return [
      keyed.pipe(window('columns', shape, byColumns), map((r) => ({ k: 'columns', json: asJson(r) })), to(results)),
      keyed.pipe(window('functions', shape, byFunctions), map((r) => ({ k: 'functions', json: asJson(r) })), to(results)),
    ];
  }, { tick });
}

test('every aggregate equals its definition, over columns and with functions', async () => {
  await fc.assert(
    fc.asyncProperty(aStream({ rows: 50, maxPartitions: 3 }), fc.constantFrom(50, 200), fc.constantFrom(1, 2, 4), fc.constantFrom(0, 100), async (stream, every, panes, lateness) => {
      const shape = { every, size: every * panes, lateness };
      const run = await runPipeline(job(stream, shape), { inputs: { in: stream.partitions }, partitions: stream.partitions.length });
      const of = (kind: string) => run.values(results).filter((r) => r.k === kind).map((r) => JSON.parse(r.json) as Record<string, unknown>);
      const name = (r: Record<string, unknown>) => `${r['k'] as string} ${r['windowEnd'] as number} ${r['revision'] as number}`;
      const actual = new Map(of('columns').map((r) => [name(r), r]));
      expect(of('functions')).toEqual(of('columns'));
      const windows = ownEvents(stream).flatMap((events) => windowModel(events, (r) => r.k, shape).results);
      expect([...actual.keys()].sort()).toEqual(windows.map((w) => `${w.key} ${w.end} ${w.revision}`).sort());
      for (const w of windows) {
        const row = actual.get(`${w.key} ${w.end} ${w.revision}`)!;
        expectClose(row, naive(w.rows));
        const q = row['q'] as Record<string, number | null>;
        for (const at of [0, 0.5, 0.9, 1]) expectQuantile(q[`p${at * 100}`]!, w.rows.map((r) => r.v), at, 0.01);
        expectQuantile((row['qWhere'] as Record<string, number | null>)['p25']!, w.rows.filter(b).map((r) => r.x), 0.25, 0.05);
      }
    }),
    { numRuns: 150 },
  );
});

describe('named cases', () => {
  interface Point {
    readonly name: string;
    readonly x: number | null;
  }
  const late = undefined as import('../../dataflow/topic.js').Topic<Point> | undefined;
  const over = (values: readonly (number | null)[], aggregate: object, out: string) =>
    play(window('w', { every: '10s', late }, { a: aggregate as ReturnType<typeof count> }), {
      in: `${values.map((_, i) => `r${i}@1`).join(' ')} ||`,
      record: (name) => ({ name, x: values[Number(name.slice(1))]! }),
      out: `${out}@10`,
    });
  const x = (r: Point) => r.x;

  test('of nulls alone', () => {
    over([null, null], sum(x), '{a:0}');
    for (const none of [min(x), max(x), mean(x), ratio(sum(x), sum(x))]) over([null], none, '{a:null}');
    over([null], quantiles(x, [0.5, 0.999]), '{a:{p50:null,p99.9:null}}');
  });
  test('sums carry their rounding error', () => {
    over([0.1, 0.2, 0.3, -0.3, -0.2, -0.1], sum(x), '{a:0}');
    over([1e16, 1, 1, -1e16], sum(x), '{a:2}');
    over([2 ** 53 - 1, 1, -1], sum(x), `{a:${2 ** 53 - 1}}`);
    over(Array.from({ length: 10 }, () => 0.1), sum(x), '{a:1}');
  });
  test('a group of nothing is left out, one of zero is there where it means something', () => {
    const even = (r: Point) => (r.x === null ? null : r.x % 2 === 0 ? 'even' : 'odd');
    over([0, 1, null], min(x).by(even), '{a:{even:0,odd:1}}');
    over([0, 1, -1], sum(x).by(even), '{a:{}}');
    over([0, 1], count().where((r: Point) => r.x === 1).by(even), '{a:{odd:1}}');
    over([0, 1], ratio(count().where((r: Point) => r.x === 1), count()).by(even), '{a:{even:0,odd:1}}');
  });
  test('groups by number leave out what is no number from 0 to size - 1', () => over([0, 1, 1, 2, -1, 0.5, null], count().by(x, { size: 2 }), '{a:[1,2]}'));
  test('quantiles of zero and of negative values', () => over([-100, 0, 0, 100], quantiles(x, [0.34, 0.5]), '{a:{p34:0,p50:0}}'));

  test('an aggregate of one’s own', () => {
    const longest = { init: () => '', add: (s: string, r: Point) => (r.name.length > s.length ? r.name : s), merge: (p: string, q: string) => (q.length > p.length ? q : p), result: (s: string) => s };
    play(window('w', { every: '10s', size: '20s', late }, { a: longest }), { in: 'a@1 bbb@2 cc@12 |b |r ||', out: '{a:bbb}@10 {a:bbb}@20 {a:cc}@30', record: (name) => ({ name, x: 0 }) });
  });

  test('aggregates that cannot be are refused', () => {
    const code = expect.objectContaining({ code: 'HR_AGGREGATE' });
    expect(() => quantiles(x, [])).toThrow(code);
    expect(() => quantiles(x, [1.1])).toThrow(code);
    expect(() => quantiles(x, [0.5], { accuracy: 0.5 })).toThrow(code);
    expect(() => quantiles(x, [0.5]).by(() => 'a')).toThrow(code);
    expect(() => count().by(() => 'a').by(() => 'b')).toThrow(code);
    expect(() => count().by(() => 1, { size: 0 })).toThrow(code);
    expect(() => over([1], {} as never, '')).toThrow(code);
    expect(() => over([1], sum((() => 'text') as never), '')).toThrow(code);
  });
});
