import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { approxDistinct, count, countDistinct, first, max, mean, quantiles, sum } from '../../dataflow/aggregates/index.js';
import { Batch, objectRows } from '../../dataflow/batch.js';
import { combiningTest, isCombinable } from '../../dataflow/combining.js';
import { layoutOf } from '../../dataflow/accumulators/layout.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { splitmix } from '../../dataflow/splitmix.js';
import { topic } from '../../dataflow/topic.js';
import { filter, keyBy, to, window } from '../../operators/index.js';
import { runPipeline } from '../../runners/testing/run-pipeline.js';
import { stringColumn } from '../../schemas/column.js';

const views = topic('views', { key: 'user', time: 'time', value: { user: 'string', page: 'string', ms: 'int', kind: 'int', time: 'timestamp' } });
const pages = topic('pages', { key: 'page', value: { page: 'string', n: 'long', ms: 'double', most: 'double', mean: 'double', users: 'long', about: 'double', kinds: 'int[]', windowEnd: 'timestamp', revision: 'int' } });

const aggregates = {
  n: count(),
  ms: sum(views.ms),
  most: max(views.ms),
  mean: mean(views.ms),
  users: countDistinct(views.user),
  about: approxDistinct(views.user),
  kinds: count().by(views.kind, { size: 3 }),
  spread: quantiles(views.ms, [0.5]),
};

/** `isApart`: a step between, so that records go to other tasks as they are. */
const job = (isApart: boolean, every: '10s' | '20s') =>
  pipeline('pages', ({ from }) => {
    const keyed = from(views, { disorder: '1s' }).pipe(keyBy(views.page));
    return (isApart ? keyed.pipe(filter(views.ms.over(-1))) : keyed).pipe(window('pages', { size: '20s', every, lateness: '5s' }, aggregates), to(pages));
  }, { tick: '2s' });

function viewsOf(seed: number, keys: number, n: number) {
  const random = splitmix(seed);
  return Array.from({ length: n }, (_, i) => ({ user: `u${random.below(30)}`, page: `p${random.below(keys)}`, ms: random.below(1_000), kind: random.below(3), time: 1_790_000_000_000 + i * 40 + random.below(random.below(10) === 0 ? 12_000 : 900) }));
}

describe('adding up before records leave their task', () => {
  test('changes nothing but the number of rows that go from task to task', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.constantFrom(2, 40, 1_000), fc.constantFrom('10s' as const, '20s' as const), fc.integer({ min: 2, max: 4 }), async (seed, keys, every, partitions) => {
        const inputs = { views: viewsOf(seed, keys, 1_500) };
        const [combined, plain] = await Promise.all([false, true].map((isApart) => runPipeline(job(isApart, every), { inputs, partitions, stepRows: 100 + (seed % 400), commitMs: 0, restarts: { seed, share: 0.1 } })));
        const rows = (run: typeof combined) => run!.values(pages).map((row) => JSON.stringify(row)).sort();
        expect(rows(combined)).toEqual(rows(plain));
        expect(plain!.metric('headrace_records_combined_total')).toBe(0);
        if (keys === 2) expect(combined!.metric('headrace_records_combined_total')).toBeGreaterThan(1_000);
        expect(combined!.metric('headrace_records_late_total')).toBe(plain!.metric('headrace_records_late_total'));
      }),
      { numRuns: 12 },
    );
  });

  test('is left where keys are as many as records', () => {
    const repays = combiningTest();
    const batch = (keys: readonly string[]) => new Batch<unknown>(objectRows(keys), new Float64Array(keys.length), stringColumn(keys), { name: 'key', kind: 'string' });
    expect(repays([batch(['a', 'b', 'c', 'd'])])).toBe(false);
    expect(repays([batch(['a', 'b']), batch(['a', 'b'])])).toBe(true);
    // 512 records are looked at
    const many = Array.from({ length: 512 }, (_, i) => `k${i}`);
    expect(repays([batch(many), batch(Array.from({ length: 10_000 }, () => 'a'))])).toBe(false);
  });

  test('takes what does not depend on who adds up', () => {
    expect(isCombinable(layoutOf(aggregates as never))).toBe(true);
    expect(isCombinable(layoutOf({ first: first(views.ms) } as never))).toBe(false);
    expect(isCombinable(layoutOf({ kinds: count().by(views.page) } as never))).toBe(false);
  });
});
