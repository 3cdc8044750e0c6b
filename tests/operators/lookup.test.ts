import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { keyBy } from '../../operators/key-by.js';
import { lookup, type LookupOptions } from '../../operators/lookup.js';
import { map } from '../../operators/map.js';
import { to } from '../../operators/to.js';
import { runPipeline, type RunPipelineOptions } from '../../runners/testing/run-pipeline.js';
import { scrutinise } from '../../runners/testing/scrutinise.js';
import { aBid, aDisturbance, type Bid, bids, disorder, found, someBids } from './bids-model.js';

const rates = topic('rates', { time: 't', value: { id: 'int', who: 'string', price: 'int', t: 'timestamp' } });

type Options = Omit<LookupOptions<never, 'inner' | 'left'>, 'columns'>;

const job = (options: Options = {}) =>
  pipeline('job', ({ from }) =>
    lookup('rate', from(bids, { disorder }).pipe(keyBy(bids.who)), from(rates, { disorder }).pipe(keyBy(rates.who)), { ...options, columns: { rate: rates.price, version: rates.id } }).pipe(
      map((row) => ({ json: JSON.stringify(row) })),
      to(found),
    ), { tick: 10 });

async function run(records: readonly Bid[], table: readonly Bid[], options: Options = {}, more: Omit<RunPipelineOptions, 'inputs'> = {}): Promise<string[]> {
  const done = await runPipeline(job(options), { ...more, inputs: { bids: records, rates: table } });
  return done.values(found).map(({ json }) => {
    const { id, version } = JSON.parse(json) as { id: number; version: number | null };
    return `${id}:${version ?? '.'}`;
  });
}

describe('named cases', () => {
  test('the row of that moment counts, not the newest, and one of the very same time counts', async () => {
    const table = [aBid(1, 'a', 1, 100), aBid(2, 'a', 2, 200), aBid(3, 'a', 3, 300)];
    expect(await run([aBid(1, 'a', 0, 99), aBid(2, 'a', 0, 100), aBid(3, 'a', 0, 199), aBid(4, 'a', 0, 200), aBid(5, 'a', 0, 5_000)], table)).toEqual(['1:.', '2:1', '3:1', '4:2', '5:3']);
  });

  test('a row that comes after the record but belongs before it is waited for', async () => {
    expect(await run([aBid(1, 'a', 0, 150), aBid(2, 'z', 0, 200)], [aBid(1, 'z', 0, 180), aBid(2, 'a', 0, 120)])).toEqual(['1:2', '2:1']);
  });

  test('inner leaves out the records without a row; left keeps every field of the record', async () => {
    expect(await run([aBid(1, 'a', 0, 150), aBid(2, 'z', 0, 200)], [aBid(1, 'z', 0, 180)], { kind: 'inner' })).toEqual(['2:1']);
    const done = await runPipeline(job(), { inputs: { bids: [aBid(1, 'a', 7, 150)], rates: [] } });
    expect(JSON.parse(done.values(found)[0]!.json)).toEqual({ ...aBid(1, 'a', 7, 150), rate: null, version: null });
  });

  test('a key of the table that has expired is forgotten', async () => {
    const records = [aBid(1, 'a', 0, 150), aBid(2, 'a', 0, 9_000)];
    expect(await run(records, [aBid(1, 'a', 0, 100), aBid(2, 'z', 0, 9_000)], { expire: 1_000 })).toEqual(['1:1', '2:.']);
    expect(await run(records, [aBid(1, 'a', 0, 100), aBid(2, 'z', 0, 9_000)])).toEqual(['1:1', '2:1']);
  });
});

test('equals the look at every row of the table, on 1 to 8 partitions, with restarts', async () => {
  await fc.assert(
    fc.asyncProperty(someBids({ rows: 40 }), someBids({ rows: 40, ties: false }), aDisturbance, async (records, table, disturbance) => {
      const expected = records.map((r) => {
        const version = table.filter((v) => v.who === r.who && v.t <= r.t).sort((a, b) => a.t - b.t).at(-1);
        return `${r.id}:${version?.id ?? '.'}`;
      });
      expect((await run(records, table, { cached: 2 }, disturbance)).sort()).toEqual(expected.sort());
    }),
    { numRuns: 60 },
  );
});

test('batches, epochs and restarts leave no trace', async () => {
  const some = (from: number) => Array.from({ length: 80 }, (_, i) => aBid(i, 'abc'[(i * from) % 3]!, i, i * 9 - ((i * 5 * from) % 31)));
  await scrutinise(job(), { inputs: { bids: some(1), rates: some(2) }, partitions: 3, shuffle: true });
});
