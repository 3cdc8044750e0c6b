import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pipeline } from '../../dataflow/pipeline.js';
import { dedupe } from '../../operators/dedupe.js';
import { keyBy } from '../../operators/key-by.js';
import { map } from '../../operators/map.js';
import { throttle } from '../../operators/throttle.js';
import { to } from '../../operators/to.js';
import { play, runPipeline, scrutinise } from '../../runners/testing/index.js';
import { aBid, aDisturbance, type Bid, bids, disorder, found, someBids } from './bids-model.js';

const byName = { key: (r: { name: string }) => r.name };

describe('dedupe', () => {
  test('drops what comes within the time after the record that passed, and before it', () => {
    play(dedupe('d', { within: '5s' }), { ...byName, in: 'a@10 a@15 a@5 a@16 a@21 a@4 b@10', out: 'a@10 a@16 a@4 b@10' });
  });

  test('a dropped record does not make the time longer', () => {
    play(dedupe('d', { within: '5s' }), { ...byName, in: 'a@10 a@14 a@16', out: 'a@10 a@16' });
  });

  test('a key is forgotten when the watermark says that no duplicate on time can come', () => {
    play(dedupe('d', { within: '5s' }), { ...byName, in: 'a@10 |w14 a@13 |w15 a@9 |w16 a@11 |b |r a@12 |w40 a@12', out: 'a@10 a@11 a@12' });
  });
});

describe('throttle', () => {
  test('passes one record of a key in every stretch, which begins with the one that passed', () => {
    play(throttle('t', { every: '10s' }), { ...byName, in: 'a@1 a@5 a@10.999 a@11 b@12 a@20 a@21 a@2', out: 'a@1 a@11 b@12 a@21' });
  });
});

const job = (kind: 'dedupe' | 'throttle') =>
  pipeline('job', ({ from }) =>
    from(bids, { disorder }).pipe(keyBy(bids.who), kind === 'dedupe' ? dedupe('x', { within: 60 }) : throttle('x', { every: 60 }), map((row) => ({ json: JSON.stringify(row) })), to(found)), { tick: 10 });

test.each(['dedupe', 'throttle'] as const)('%s equals the rule taken record by record, with restarts', async (kind) => {
  await fc.assert(
    fc.asyncProperty(someBids({ rows: 80 }), aDisturbance, async (records, disturbance) => {
      const passed = new Map<string, number>();
      const expected = records.filter((r) => {
        const last = passed.get(r.who) ?? Number.NEGATIVE_INFINITY;
        if (kind === 'dedupe' ? Math.abs(r.t - last) <= 60 : r.t < last + 60) return false;
        passed.set(r.who, Math.max(last, r.t));
        return true;
      });
      const run = await runPipeline(job(kind), { ...disturbance, partitions: 1, inputs: { bids: records } });
      expect(run.values(found).map(({ json }) => (JSON.parse(json) as Bid).id)).toEqual(expected.map((r) => r.id));
    }),
    { numRuns: 60 },
  );
});

test('batches, epochs and restarts leave no trace', async () => {
  const records = Array.from({ length: 200 }, (_, i) => aBid(i, `k${(i * i) % 17}`, 1, i * 9 - ((i * 5) % 31)));
  for (const kind of ['dedupe', 'throttle'] as const) await scrutinise(job(kind), { inputs: { bids: records }, partitions: 3 });
});
