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

const job = (kind: JoinKind, within = disorder, size = every) =>
  pipeline('job', ({ from }) =>
    windowJoin('j', from(bids, { disorder: within }).pipe(keyBy(bids.who)), from(asks, { disorder: within }).pipe(keyBy(asks.who)), {
      kind,
      every,
      size,
      left: { bid: bids.id, offered: bids.price },
      right: { ask: asks.id },
    }).pipe(map((row) => ({ json: JSON.stringify(row) })), to(found)), { tick: 10 });

async function run(kind: JoinKind, left: readonly Bid[], right: readonly Bid[], more: Omit<RunPipelineOptions, 'inputs'> = {}, size = every): Promise<string[]> {
  const done = await runPipeline(job(kind, disorder, size), { ...more, inputs: { bids: left, asks: right } });
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

  test('overlapping windows give a pair in each that holds both rows, and a row without a partner in each that holds it alone', async () => {
    const left = [aBid(1, 'a', 1, 110), aBid(2, 'a', 1, 299)];
    const right = [aBid(9, 'a', 1, 210)];
    expect(await run('inner', left, right, {}, 200)).toEqual(['1-9@300', '2-9@300', '2-9@400']);
    expect(await run('full', left, right, {}, 200)).toEqual(['1-.@200', '1-9@300', '2-9@300', '2-9@400']);
    expect(await run('full', [], right, {}, 300)).toEqual(['.-9@300', '.-9@400', '.-9@500']);
  });

  test('a row that is late for some of its windows counts in the others', async () => {
    const done = await runPipeline(job('inner', 0, 200), { inputs: { bids: [aBid(1, 'a', 1, 10), aBid(2, 'a', 1, 150), aBid(5, 'a', 1, 180), aBid(3, 'a', 1, 50), aBid(4, 'a', 1, 900)], asks: [aBid(9, 'a', 1, 60), aBid(8, 'a', 1, 160), aBid(7, 'a', 1, 900)] } });
    const pairs = done.values(found).map(({ json }) => JSON.parse(json) as { bid: number; ask: number; windowEnd: number }).map((r) => `${r.bid}-${r.ask}@${r.windowEnd - 1_600_000_000_000}`);
    expect(pairs).toEqual(expect.arrayContaining(['1-9@100', '3-9@200', '3-8@200']));
    expect(pairs).not.toContain('3-9@100');
    expect(done.metric('headrace_records_late_total', 'j')).toBe(0);
  });

  test('a size that is no multiple of the distance is refused', async () => {
    await expect(runPipeline(job('inner', 0, 150))).rejects.toThrow('windowJoin "j" has size 150ms and every 100ms');
  });

  test('a row after its window is counted and left out', async () => {
    const done = await runPipeline(job('inner', 0), { inputs: { bids: [aBid(1, 'a', 1, 10), aBid(2, 'a', 1, 900), aBid(4, 'a', 1, 950), aBid(3, 'a', 1, 20)], asks: [aBid(9, 'a', 1, 30), aBid(8, 'a', 1, 900)] } });
    expect(done.metric('headrace_records_late_total', 'j')).toBe(1);
    expect(done.values(found)).toHaveLength(3);
  });
});

test('equals the look at every pair, on 1 to 8 partitions, with restarts', async () => {
  const windowsOf = (r: Bid, size: number) => Array.from({ length: size / every }, (_, i) => (Math.floor(r.t / every) + 1 + i) * every - 1_600_000_000_000);
  await fc.assert(
    fc.asyncProperty(someBids({ rows: 30 }), someBids({ rows: 30 }), fc.constantFrom('inner' as const, 'left' as const, 'full' as const), fc.constantFrom(1, 1, 2, 4), aDisturbance, async (left, right, kind, panes, disturbance) => {
      const size = panes * every;
      const rows = (list: readonly Bid[]) => list.flatMap((r) => windowsOf(r, size).map((end) => ({ ...r, end })));
      const isPair = (a: Bid & { end: number }, b: Bid & { end: number }) => a.who === b.who && a.end === b.end;
      const [lefts, rights] = [rows(left), rows(right)];
      const expected = [
        ...lefts.flatMap((a) => rights.filter((b) => isPair(a, b)).map((b) => `${a.id}-${b.id}@${a.end}`)),
        ...(kind === 'inner' ? [] : lefts.filter((a) => !rights.some((b) => isPair(a, b))).map((a) => `${a.id}-.@${a.end}`)),
        ...(kind === 'full' ? rights.filter((b) => !lefts.some((a) => isPair(a, b))).map((b) => `.-${b.id}@${b.end}`) : []),
      ];
      expect((await run(kind, left, right, disturbance, size)).sort()).toEqual(expected.sort());
    }),
    { numRuns: 60 },
  );
});

test('batches, epochs and restarts leave no trace', async () => {
  const some = (from: number) => Array.from({ length: 80 }, (_, i) => aBid(i, 'abc'[(i * from) % 3]!, i, i * 9 - ((i * 5 * from) % 31)));
  for (const size of [every, 3 * every]) await scrutinise(job('full', disorder, size), { inputs: { bids: some(1), asks: some(2) }, partitions: 3, shuffle: true });
});
