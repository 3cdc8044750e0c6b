import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { approxDistinct, count, countDistinct, first, histogram, last, ratio, topK, variance } from '../../dataflow/aggregates/index.js';
import { features } from '../../dataflow/features/features.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { keyBy } from '../../operators/key-by.js';
import { map } from '../../operators/map.js';
import { to } from '../../operators/to.js';
import { window } from '../../operators/window.js';
import { runPipeline, scrutinise } from '../../runners/testing/index.js';
import { aBid, aDisturbance, type Bid, bids, disorder, found, someBids } from './bids-model.js';

const dear = bids.price.atLeast(7);
const aggregates = {
  n: count(),
  spread: variance(bids.price),
  sampled: variance(bids.price, { sample: true }),
  dearSpread: variance((b: Bid) => b.price).where(dear),
  different: countDistinct(bids.price),
  dearDifferent: countDistinct(bids.price).where(dear),
  ids: countDistinct((b: Bid) => `${b.id % 3}`),
  share: ratio(countDistinct(bids.price), count()),
  first: first(bids.price),
  last: last(bids.price),
  firstDear: first(bids.price).where(dear),
  shape: histogram(bids.price, [3, 6, 9]),
  firstName: first((b: Bid) => `n${b.id % 4}`),
  lastName: last((b: Bid) => (b.id % 3 === 0 ? null : `n${b.id % 4}`)),
  lastFlag: last((b: Bid) => b.id % 2 === 0),
  lastByParity: last((b: Bid) => `n${b.id}`).by((b: Bid) => `p${b.id % 2}`),
  about: approxDistinct(bids.price),
  dearAbout: approxDistinct((b: Bid) => `x${b.price}`).where(dear),
  common: topK((b: Bid) => `p${b.price}`, 2),
};

const job = (windows: { every: number; size?: number }) =>
  pipeline('job', ({ from }) => from(bids, { disorder }).pipe(keyBy(bids.who), window('w', windows, aggregates), map((row) => ({ json: JSON.stringify(row) })), to(found)), { tick: 10 });

type Result = Readonly<Record<string, unknown>>;

function naive(rows: readonly Bid[]): Result {
  const sorted = [...rows].sort((a, b) => a.t - b.t);
  const prices = (list: readonly Bid[]) => list.map((r) => r.price);
  const moment = (list: readonly number[], less: number) => {
    const average = list.reduce((a, b) => a + b, 0) / list.length;
    return list.length <= less ? null : list.reduce((s, x) => s + (x - average) ** 2, 0) / (list.length - less);
  };
  const dearRows = sorted.filter((r) => r.price >= 7);
  const names = new Map<string, number>();
  for (const { price } of rows) names.set(`p${price}`, (names.get(`p${price}`) ?? 0) + 1);
  return {
    n: rows.length, spread: moment(prices(rows), 0), sampled: moment(prices(rows), 1), dearSpread: moment(prices(dearRows), 0),
    different: new Set(prices(rows)).size, dearDifferent: new Set(prices(dearRows)).size, ids: new Set(rows.map((r) => r.id % 3)).size, share: new Set(prices(rows)).size / rows.length,
    about: new Set(prices(rows)).size, dearAbout: new Set(prices(dearRows)).size,
    firstName: `n${sorted[0]!.id % 4}`, lastFlag: sorted.at(-1)!.id % 2 === 0,
    lastName: sorted.filter((r) => r.id % 3 !== 0).map((r) => `n${r.id % 4}`).at(-1) ?? null,
    lastByParity: Object.fromEntries([0, 1].flatMap((p) => sorted.filter((r) => r.id % 2 === p).slice(-1).map((r) => [`p${p}`, `n${r.id}`]))),
    first: sorted[0]!.price, last: sorted.at(-1)!.price, firstDear: dearRows[0]?.price ?? null,
    shape: [0, 1, 2, 3].map((b) => rows.filter((r) => [3, 6, 9].filter((edge) => edge <= r.price).length === b).length),
    common: [...names].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).slice(0, 2).map(([value, n]) => ({ value, count: n })),
  };
}

test.each<[{ every: number; size?: number }]>([[{ every: 100 }], [{ every: 50, size: 150 }]])('equal their definitions in windows of %j, on 1 to 8 partitions, with restarts', async (windows) => {
  await fc.assert(
    fc.asyncProperty(someBids({ ties: false }), aDisturbance, async (records, disturbance) => {
      const run = await runPipeline(job(windows), { ...disturbance, inputs: { bids: records } });
      const rows = run.values(found).map(({ json }) => JSON.parse(json) as Result & { who: string; windowStart: number; windowEnd: number });
      for (const { who, windowStart, windowEnd, revision: _, ...values } of rows) {
        const expected = naive(records.filter((r) => r.who === who && r.t >= windowStart && r.t < windowEnd));
        for (const [name, value] of Object.entries(expected)) {
          if (typeof value === 'number') expect(values[name], name).toBeCloseTo(value, 9);
          else expect(values[name], name).toEqual(value);
        }
      }
      const size = windows.size ?? windows.every;
      const windowsOf = (t: number) => Array.from({ length: size / windows.every }, (_, k) => (Math.floor(t / windows.every) + k + 1) * windows.every);
      expect(rows).toHaveLength(new Set(records.flatMap((r) => windowsOf(r.t).map((end) => `${r.who} ${end}`))).size);
    }),
    { numRuns: 50 },
  );
});

test('batches, epochs and restarts leave no trace', async () => {
  const records = Array.from({ length: 200 }, (_, i) => aBid(i, 'abc'[i % 3]!, (i * 7) % 13, i * 9 - ((i * 5) % 31)));
  await scrutinise(job({ every: 50, size: 150 }), { inputs: { bids: records }, partitions: 3 });
});

describe('limits', () => {
  test('of equal times the first and the last to come count', async () => {
    const records = [aBid(1, 'a', 5, 10), aBid(2, 'a', 6, 10), aBid(3, 'a', 7, 10)];
    const [row] = (await runPipeline(job({ every: 100 }), { inputs: { bids: records } })).values(found).map(({ json }) => JSON.parse(json) as Result);
    expect([row!.first, row!.last]).toEqual([5, 7]);
  });

  test('a variance keeps its digits where values are large and close together', async () => {
    const records = Array.from({ length: 100 }, (_, i) => aBid(i, 'a', 1_000_000 + (i % 2), i));
    const [row] = (await runPipeline(job({ every: 1_000 }), { inputs: { bids: records } })).values(found).map(({ json }) => JSON.parse(json) as Result);
    expect(row!.spread).toBeCloseTo(0.25, 9);
  });

  test('what tiles do not add up is refused in features', () => {
    for (const value of [countDistinct(bids.price), approxDistinct(bids.price), first(bids.price), variance(bids.price)]) {
      expect(() => features('f', { of: bids, key: bids.who, windows: ['1h'], values: { value: value as never } })).toThrow('tiles do not add up');
    }
  });

  test('arguments that make no sense, and splits of what cannot be split', () => {
    for (const bounds of [[], [2, 1], [1, 1], [Number.NaN]]) expect(() => histogram(bids.price, bounds)).toThrow('growing numbers');
    for (const k of [0, 1.5, 1_001]) expect(() => topK(bids.who, k)).toThrow('whole number from 1');
    for (const precision of [7, 12.5, 17]) expect(() => approxDistinct(bids.who, { precision })).toThrow('from 8 to 16');
    for (const aggregate of [variance(bids.price), countDistinct(bids.price)]) expect(() => aggregate.by(bids.who as never, undefined as never)).toThrow('cannot be split');
  });
});
