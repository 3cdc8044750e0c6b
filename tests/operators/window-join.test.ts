import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import type { JoinKind } from '../../operators/join.js';
import { keyBy } from '../../operators/key-by.js';
import { map } from '../../operators/map.js';
import { to } from '../../operators/to.js';
import { windowJoin } from '../../operators/window-join.js';
import { runPipeline, type RunPipelineOptions } from '../../runners/testing/run-pipeline.js';
import { scrutinise } from '../../runners/testing/scrutinise.js';
import { aBid, aDisturbance, type Bid, bids, disorder, found, someBids } from './bids-model.js';

const asks = topic('asks', { time: 't', value: { id: 'int', who: 'string', price: 'int', t: 'timestamp' } });
const every = 100;

const job = (kind: JoinKind, within = disorder) =>
  pipeline('job', ({ from }) =>
    windowJoin('j', from(bids, { disorder: within }).pipe(keyBy(bids.who)), from(asks, { disorder: within }).pipe(keyBy(asks.who)), {
      kind,
      every,
      left: { bid: bids.id, offered: bids.price },
      right: { ask: asks.id },
    }).pipe(map((row) => ({ json: JSON.stringify(row) })), to(found)), { tick: 10 });

async function run(kind: JoinKind, left: readonly Bid[], right: readonly Bid[], more: Omit<RunPipelineOptions, 'inputs'> = {}): Promise<string[]> {
  const done = await runPipeline(job(kind), { ...more, inputs: { bids: left, asks: right } });
  return done.values(found).map(({ json }) => {
    const { bid, ask, windowEnd } = JSON.parse(json) as { bid: number | null; ask: number | null; windowEnd: number };
    return `${bid ?? '.'}-${ask ?? '.'}@${windowEnd - 1_600_000_000_000}`;
  });
}

describe('named cases', () => {
  test('the first millisecond of a window belongs to it, its end to the next one', async () => {
    expect(await run('inner', [aBid(1, 'a', 1, 100), aBid(2, 'a', 1, 199), aBid(3, 'a', 1, 200)], [aBid(9, 'a', 1, 150)])).toEqual(['1-9@200', '2-9@200']);
  });

  test('rows without a partner come with null when their window is over', async () => {
    const left = [aBid(1, 'a', 1, 10), aBid(2, 'b', 1, 110)];
    const right = [aBid(8, 'c', 1, 20), aBid(9, 'b', 1, 120)];
    expect(await run('inner', left, right)).toEqual(['2-9@200']);
    expect(await run('left', left, right)).toEqual(['1-.@100', '2-9@200']);
    expect(await run('full', left, right)).toEqual(['1-.@100', '.-8@100', '2-9@200']);
    expect(await run('full', left, [])).toEqual(['1-.@100', '2-.@200']);
  });

  test('a row after its window is counted and left out', async () => {
    const done = await runPipeline(job('inner', 0), { inputs: { bids: [aBid(1, 'a', 1, 10), aBid(2, 'a', 1, 900), aBid(4, 'a', 1, 950), aBid(3, 'a', 1, 20)], asks: [aBid(9, 'a', 1, 30), aBid(8, 'a', 1, 900)] } });
    expect(done.metric('headrace_records_late_total', 'j')).toBe(1);
    expect(done.values(found)).toHaveLength(3);
  });
});

test('equals the look at every pair, on 1 to 8 partitions, with restarts', async () => {
  const windowOf = (r: Bid) => Math.floor(r.t / every) * every + every - 1_600_000_000_000;
  await fc.assert(
    fc.asyncProperty(someBids({ rows: 30 }), someBids({ rows: 30 }), fc.constantFrom('inner' as const, 'left' as const, 'full' as const), aDisturbance, async (left, right, kind, disturbance) => {
      const isPair = (a: Bid, b: Bid) => a.who === b.who && windowOf(a) === windowOf(b);
      const expected = [
        ...left.flatMap((a) => right.filter((b) => isPair(a, b)).map((b) => `${a.id}-${b.id}@${windowOf(a)}`)),
        ...(kind === 'inner' ? [] : left.filter((a) => !right.some((b) => isPair(a, b))).map((a) => `${a.id}-.@${windowOf(a)}`)),
        ...(kind === 'full' ? right.filter((b) => !left.some((a) => isPair(a, b))).map((b) => `.-${b.id}@${windowOf(b)}`) : []),
      ];
      expect((await run(kind, left, right, disturbance)).sort()).toEqual(expected.sort());
    }),
    { numRuns: 60 },
  );
});

test('batches, epochs and restarts leave no trace', async () => {
  const some = (from: number) => Array.from({ length: 80 }, (_, i) => aBid(i, 'abc'[(i * from) % 3]!, i, i * 9 - ((i * 5 * from) % 31)));
  await scrutinise(job('full'), { inputs: { bids: some(1), asks: some(2) }, partitions: 3, shuffle: true });
});
