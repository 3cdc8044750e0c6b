import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pipeline } from '../../dataflow/pipeline.js';
import type { AggregateOptions } from '../../operators/aggregate.js';
import { keyBy } from '../../operators/key-by.js';
import { map } from '../../operators/map.js';
import { reduce } from '../../operators/reduce.js';
import { to } from '../../operators/to.js';
import { play, runPipeline, scrutinise } from '../../runners/testing/index.js';
import { aBid, aDisturbance, bids, disorder, found, someBids } from './bids-model.js';

interface Row {
  readonly name: string;
}

const names = { init: () => '', reduce: (text: string, r: Row) => text + r.name };

test('a value goes out once for each watermark that has changed it, and is kept over restarts', () => {
  play(reduce('r', names), { in: 'a@1 b@2 |w3 c@4 |b d@5 |r |w9', out: '{key:"",value:ab}@2 {key:"",value:abcd}@5' });
});

test('with retractions the old value is taken back', () => {
  play(reduce('r', names, { changes: 'retractions' }), { in: 'a@1 |w3 b@4 |w9', out: '{key:"",value:a,change:insert}@1 {key:"",value:a,change:retract}@4 {key:"",value:ab,change:insert}@4' });
});

test('an object that is no reducer is refused', () => {
  expect(() => reduce('r', {} as never)).toThrow('needs an object with init and reduce');
});

const job = (options: AggregateOptions<'upserts' | 'retractions'> = {}) =>
  pipeline('job', ({ from }) => from(bids, { disorder }).pipe(keyBy(bids.who), reduce('r', { init: () => ({ ids: [] as number[] }), reduce: ({ ids }, b) => ({ ids: [...ids, b.id] }) }, options), map((row) => ({ json: JSON.stringify(row) })), to(found)), { tick: 10 });

test('folds every record of a key once, on 1 to 8 partitions, with restarts', async () => {
  await fc.assert(
    fc.asyncProperty(someBids(), aDisturbance, async (records, disturbance) => {
      const run = await runPipeline(job(), { ...disturbance, inputs: { bids: records } });
      const last = new Map(run.values(found).map(({ json }) => JSON.parse(json) as { who: string; value: { ids: number[] } }).map((r) => [r.who, r.value.ids.sort((a, b) => a - b)]));
      const expected = new Map([...new Set(records.map((r) => r.who))].map((who) => [who, records.filter((r) => r.who === who).map((r) => r.id)]));
      expect(last).toEqual(expected);
    }),
    { numRuns: 50 },
  );
});

test('batches, epochs and restarts leave no trace', async () => {
  const records = Array.from({ length: 120 }, (_, i) => aBid(i, 'abc'[i % 3]!, 1, i * 9 - ((i * 5) % 31)));
  for (const options of [{}, { expire: 50 }, { changes: 'retractions' }] as const) await scrutinise(job(options), { inputs: { bids: records }, partitions: 3 });
});
