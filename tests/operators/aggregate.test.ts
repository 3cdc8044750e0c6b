import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { count, max, mean, sum } from '../../dataflow/aggregates/index.js';
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
