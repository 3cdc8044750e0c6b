import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { text } from '../../dataflow/expression.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { keyBy } from '../../operators/key-by.js';
import { latest, type LatestOptions } from '../../operators/latest.js';
import { map } from '../../operators/map.js';
import { to } from '../../operators/to.js';
import { runPipeline, type RunPipelineOptions } from '../../runners/testing/run-pipeline.js';
import { scrutinise } from '../../runners/testing/scrutinise.js';
import { aBid, aDisturbance, type Bid, bids, disorder, found, someBids } from './bids-model.js';

const job = (options: LatestOptions = {}) =>
  pipeline('job', ({ from }) => from(bids, { disorder }).pipe(keyBy('pair', text(bids.who, '/', bids.price)), latest('last', options), map((row) => ({ json: JSON.stringify(row) })), to(found)), { tick: 10 });

async function run(records: readonly Bid[], options: LatestOptions = {}, more: Omit<RunPipelineOptions, 'inputs'> = {}): Promise<Bid[]> {
  return (await runPipeline(job(options), { ...more, inputs: { bids: records } })).values(found).map(({ json }) => JSON.parse(json) as Bid);
}

describe('named cases', () => {
  test('one row goes out for each watermark that brings something new, and none for older records', async () => {
    const rows = await run([aBid(1, 'a', 1, 10), aBid(2, 'a', 1, 12), aBid(3, 'z', 1, 500), aBid(4, 'a', 1, 430), aBid(5, 'z', 1, 900), aBid(6, 'a', 1, 11)]);
    expect(rows.map((r) => r.id)).toEqual([2, 3, 4, 5]);
  });

  test('of equal times the one that comes later counts', async () => {
    expect((await run([aBid(1, 'a', 1, 10), aBid(2, 'a', 1, 10)])).map((r) => r.id)).toEqual([2]);
  });

  test('a key that has expired is new again, and one that is in use is not', async () => {
    const records = [aBid(1, 'a', 1, 5_000), aBid(2, 'b', 1, 6_000), aBid(3, 'b', 1, 7_000), aBid(4, 'b', 1, 9_000), aBid(5, 'b', 1, 12_000), aBid(6, 'a', 1, 4_000), aBid(7, 'b', 1, 11_000)];
    expect((await run(records, { expire: 2_000 })).map((r) => r.id)).toEqual([1, 2, 3, 4, 5, 6]);
    expect((await run(records)).map((r) => r.id)).toEqual([1, 2, 3, 4, 5]);
  });
});

test('adds up to the newest record of each key, on 1 to 8 partitions, with restarts', async () => {
  await fc.assert(
    fc.asyncProperty(someBids({ ties: false }), aDisturbance, async (records, disturbance) => {
      const last = new Map<string, Bid>();
      for (const row of await run(records, {}, disturbance)) last.set(`${row.who}/${row.price}`, row);
      const expected = new Map<string, Bid>();
      for (const row of [...records].sort((a, b) => a.t - b.t)) expected.set(`${row.who}/${row.price}`, row);
      expect([...last.values()].sort((a, b) => a.id - b.id)).toEqual([...expected.values()].sort((a, b) => a.id - b.id));
    }),
    { numRuns: 60 },
  );
});

test('batches, epochs and restarts leave no trace', async () => {
  const records = Array.from({ length: 150 }, (_, i) => aBid(i, 'abc'[i % 3]!, (i * 7) % 5, i * 9 - ((i * 5) % 31)));
  for (const options of [{}, { expire: 200 }]) await scrutinise(job(options), { inputs: { bids: records }, partitions: 3 });
});
