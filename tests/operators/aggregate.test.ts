import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { count, countDistinct, max, mean, ratio, sum, variance } from '../../dataflow/aggregates/index.js';
import { constant } from '../../dataflow/expression.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { aggregate, type AggregateOptions } from '../../operators/aggregate.js';
import { keyBy } from '../../operators/key-by.js';
import { map } from '../../operators/map.js';
import { to } from '../../operators/to.js';
import { runPipeline, type RunPipelineOptions } from '../../runners/testing/run-pipeline.js';
import { scrutinise } from '../../runners/testing/scrutinise.js';
import { aBid, aDisturbance, type Bid, bids, disorder, found, someBids } from './bids-model.js';

interface Total {
  readonly who: string;
  readonly n: number;
  readonly total: number;
  readonly most: number;
  readonly average: number;
  readonly change?: 'insert' | 'retract';
}

const job = (options: AggregateOptions<'upserts' | 'retractions'>) =>
  pipeline('job', ({ from }) =>
    from(bids, { disorder }).pipe(
      keyBy(bids.who),
      aggregate('totals', { n: count(), total: sum(bids.price), most: max(bids.price), average: mean(bids.price) }, options),
      map((row) => ({ json: JSON.stringify(row) })),
      to(found),
    ), { tick: 10 });

async function run(records: readonly Bid[], options: AggregateOptions<'upserts' | 'retractions'>, more: Omit<RunPipelineOptions, 'inputs'> = {}) {
  const done = await runPipeline(job(options), { ...more, inputs: { bids: records } });
  return done.outputs.found!.map((r) => ({ time: r.timestamp - 1_600_000_000_000, row: JSON.parse((r.value as { json: string }).json) as Total }));
}

describe('named cases', () => {
  test('a result goes out once for each watermark that has changed it, with the newest event time of its key', async () => {
    const rows = await run([aBid(1, 'a', 5, 10), aBid(2, 'a', 7, 19), aBid(3, 'a', 1, 12), aBid(4, 'z', 1, 500), aBid(5, 'a', 2, 450)], {});
    expect(rows.map(({ time, row }) => [time, row.who, row.n, row.total, row.most, row.average])).toEqual([
      [19, 'a', 3, 13, 7, 13 / 3],
      [500, 'z', 1, 1, 1, 1],
      [450, 'a', 4, 15, 7, 3.75],
    ]);
  });

  test('late records count as well', async () => {
    const rows = await run([aBid(1, 'a', 5, 10), aBid(2, 'z', 1, 9_000), aBid(3, 'a', 7, 0)], {});
    expect(rows.filter(({ row }) => row.who === 'a').map(({ row }) => row.total)).toEqual([5, 12]);
  });

  test('with retractions the old result is taken back as it was given', async () => {
    const rows = await run([aBid(1, 'a', 5, 10), aBid(2, 'z', 1, 500), aBid(3, 'a', 7, 450)], { changes: 'retractions' });
    expect(rows.map(({ row }) => [row.change, row.who, row.total])).toEqual([['insert', 'a', 5], ['retract', 'a', 5], ['insert', 'z', 1], ['insert', 'a', 12]]);
  });

  test('a key that has expired begins anew', async () => {
    const records = [aBid(1, 'a', 5, 0), aBid(2, 'b', 1, 4_000), aBid(3, 'b', 1, 6_000), aBid(4, 'a', 7, 6_500)];
    expect((await run(records, { expire: 1_000 })).filter(({ row }) => row.who === 'a').map(({ row }) => row.total)).toEqual([5, 7]);
    expect((await run(records, {})).filter(({ row }) => row.who === 'a').map(({ row }) => row.total)).toEqual([5, 12]);
  });

  test('other forms are refused', () => {
    expect(() => aggregate('t', { n: count() }, { changes: 'revisions' as never })).toThrow('upserts or retractions');
  });
});

test.each(['upserts', 'retractions'] as const)('told as %s it adds up to the aggregates of everything, on 1 to 8 partitions, with restarts', async (changes) => {
  await fc.assert(
    fc.asyncProperty(someBids(), aDisturbance, async (records, disturbance) => {
      const held = new Map<string, string>();
      for (const { row } of await run(records, { changes }, disturbance)) {
        const { change, ...rest } = row;
        if (change === 'retract') {
          expect(held.get(row.who)).toBe(JSON.stringify(rest));
          held.delete(row.who);
        } else {
          if (changes === 'retractions') expect(held.has(row.who)).toBe(false);
          held.set(row.who, JSON.stringify(rest));
        }
      }
      const expected = new Map([...new Set(records.map((r) => r.who))].map((who) => {
        const prices = records.filter((r) => r.who === who).map((r) => r.price);
        const total = prices.reduce((a, b) => a + b, 0);
        return [who, JSON.stringify({ who, n: prices.length, total, most: Math.max(...prices), average: total / prices.length })];
      }));
      expect([...held].sort()).toEqual([...expected].sort());
    }),
    { numRuns: 60 },
  );
});

test('batches, epochs and restarts leave no trace', async () => {
  const records = Array.from({ length: 150 }, (_, i) => aBid(i, 'abcdef'[(i * i) % 6]!, (i * 7) % 5, i * 9 - ((i * 5) % 31)));
  for (const options of [{}, { changes: 'retractions' }, { expire: 60, changes: 'retractions' }] as const) await scrutinise(job(options), { inputs: { bids: records }, partitions: 3 });
});

describe('aggregates of changing rows', () => {
  /** How many keys have each count, from the counts of keys: results that change are aggregated again. */
  const again = (changes: 'upserts' | 'retractions', expire: number | 'never' = 'never') =>
    pipeline('job', ({ from }) =>
      from(bids, { disorder }).pipe(
        keyBy(bids.who),
        aggregate('counts', { n: count(), total: sum(bids.price) }, { changes: 'retractions' }),
        keyBy('n', (row) => row.n),
        aggregate('of-counts', { keys: count(), totals: sum((row) => row.total), spread: variance((row) => row.total), kinds: countDistinct((row) => row.total), byParity: count().by((row) => `p${row.total % 2}`), share: ratio(count().where((row) => row.total > 10), count()) }, { changes, expire }),
        map((row) => ({ json: JSON.stringify(row) })),
        to(found),
      ), { tick: 10 });

  interface Counted {
    readonly key: number;
    readonly keys: number;
    readonly change?: 'insert' | 'retract';
  }
  const naive = (records: readonly Bid[]): Map<number, object> => {
    const totals = [...new Set(records.map((r) => r.who))].map((who) => records.filter((r) => r.who === who).map((r) => r.price)).map((prices) => ({ n: prices.length, total: prices.reduce((a, b) => a + b, 0) }));
    return new Map([...new Set(totals.map(({ n }) => n))].map((n) => {
      const own = totals.filter((t) => t.n === n).map(({ total }) => total);
      const byParity = Object.fromEntries([0, 1].map((p) => [`p${p}`, own.filter((t) => t % 2 === p).length] as const).filter(([, c]) => c > 0));
      return [n, { keys: own.length, totals: own.reduce((a, b) => a + b, 0), kinds: new Set(own).size, byParity, share: own.filter((t) => t > 10).length / own.length }];
    }));
  };

  test.each(['upserts', 'retractions'] as const)('told as %s they are those of the last results, on 1 to 8 partitions, with restarts', async (changes) => {
    await fc.assert(
      fc.asyncProperty(someBids(), aDisturbance, async (records, disturbance) => {
        const rows = (await runPipeline(again(changes), { ...disturbance, inputs: { bids: records } })).values(found).map(({ json }) => JSON.parse(json) as Counted & { spread: number | null });
        const state = new Map<number, string>();
        for (const { change, spread, ...row } of rows) {
          if (row.keys > 0) expect(spread).not.toBeNull();
          if (change === 'retract') {
            expect(state.get(row.key)).toBe(JSON.stringify(row));
            state.delete(row.key);
          } else {
            if (change === 'insert') expect(state.has(row.key)).toBe(false);
            state.set(row.key, JSON.stringify(row));
          }
        }
        const last = [...state].map(([, text]) => JSON.parse(text) as Counted).filter(({ keys }) => keys > 0).map(({ key, ...rest }) => [key, rest] as const);
        expect(new Map(last)).toEqual(naive(records));
      }),
      { numRuns: 50 },
    );
  });

  test('a key of which everything was taken back is taken back itself; as an upsert it counts nothing', async () => {
    const records = [aBid(1, 'a', 5, 10), aBid(2, 'a', 7, 500), aBid(3, 'z', 1, 900)];
    const told = async (changes: 'upserts' | 'retractions') => (await runPipeline(again(changes), { inputs: { bids: records } })).values(found).map(({ json }) => JSON.parse(json) as Counted).map((r) => `${r.change ?? ''} ${r.key}:${r.keys}`);
    expect(await told('retractions')).toEqual(['insert 1:1', 'retract 1:1', 'insert 2:1', 'insert 1:1']);
    expect(await told('upserts')).toEqual([' 1:1', ' 1:0', ' 2:1', ' 1:1']);
  });

  test('sums of fractions come back to what they were', async () => {
    const prices = pipeline('job', ({ from }) =>
      from(bids, { disorder }).pipe(
        keyBy(bids.who),
        aggregate('means', { mean: mean(bids.price) }, { changes: 'retractions' }),
        keyBy('all', constant('all')),
        aggregate('sum', { n: count(), sum: sum((row) => row.mean) }),
        map((row) => ({ json: JSON.stringify(row) })),
        to(found),
      ), { tick: 10 });
    const records = Array.from({ length: 300 }, (_, i) => aBid(i, 'abc'[i % 3]!, (i * 7) % 10, 20 * i));
    const last = (await runPipeline(prices, { inputs: { bids: records } })).values(found).map(({ json }) => JSON.parse(json) as { n: number; sum: number }).at(-1)!;
    const means = ['a', 'b', 'c'].map((who) => records.filter((r) => r.who === who).reduce((sum, r, _, all) => sum + r.price / all.length, 0));
    expect(last.n).toBe(3);
    expect(last.sum).toBeCloseTo(means.reduce((a, b) => a + b, 0), 12);
  });

  test('an aggregate that can only add is refused where the types were not asked', async () => {
    const job = pipeline('job', ({ from }) => from(bids).pipe(keyBy(bids.who), aggregate('a', { n: count() }, { changes: 'retractions' }), keyBy('n', (r) => r.n), aggregate('b', { most: max((r: { n: number }) => r.n) as never }), map((row) => ({ json: JSON.stringify(row) })), to(found)));
    await expect(runPipeline(job, { inputs: { bids: [aBid(1, 'a', 1, 1)] } })).rejects.toThrow('take earlier ones back');
  });

  test('batches, epochs and restarts leave no trace', async () => {
    const records = Array.from({ length: 150 }, (_, i) => aBid(i, 'abcdef'[(i * i) % 6]!, (i * 7) % 5, i * 9 - ((i * 5) % 31)));
    for (const changes of ['upserts', 'retractions'] as const) await scrutinise(again(changes, 200), { inputs: { bids: records }, partitions: 3 });
  });
});
