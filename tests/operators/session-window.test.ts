import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { count, countDistinct, first, last, max, sum } from '../../dataflow/aggregates/index.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { session } from '../../dataflow/windows/window-spec.js';
import { keyBy } from '../../operators/key-by.js';
import { map } from '../../operators/map.js';
import { to } from '../../operators/to.js';
import { window } from '../../operators/window.js';
import { play, runPipeline, scrutinise, sideOutput } from '../../runners/testing/index.js';
import { aBid, aDisturbance, type Bid, bids, disorder, found, someBids } from './bids-model.js';

interface Row {
  readonly name: string;
  readonly time: number;
}

describe('named cases', () => {
  test('records that are exactly the gap apart are one session, a moment more and they are two', () => {
    play(window('n', session('5s'), { n: count() }), { in: 'a@1 b@6 |w11 c@12 ||', out: '{n:2}@11 {n:1}@17' });
    play(window('n', session('5s'), { n: count() }), { in: 'a@1 b@6.001 ||', out: '{n:1}@6 {n:1}@11.001' });
  });

  test('a record between two sessions makes them one', () => {
    play(window('n', { gap: '5s' }, { n: count() }), { in: 'a@1 b@9 c@5 ||', out: '{n:3}@14' });
  });

  test('sessions of different keys have nothing to do with one another', () => {
    play(window('n', session('5s'), { n: count() }), { in: 'a@1 b@3 a@4 |w30', key: (r: Row) => r.name, out: '{key:b,n:1}@8 {key:a,n:2}@9' });
  });

  test('a late record lengthens a session, begins one, or merges two that are out; the row replaces those that it overlaps', () => {
    const late = sideOutput<Row>('late');
    const step = window('n', { gap: '5s', lateness: '20s', late }, { n: count() });
    play(step, { in: 'a@1 |w10 b@3 |w11', out: '{n:1}@6 {n:2,rev:1}@8' });
    play(step, { in: 'a@1 |w20 b@8 |w21', out: '{n:1}@6 {n:1}@13' });
    play(step, { in: 'a@1 b@10 |w16 c@5.5 |w17', out: '{n:1}@6 {n:1}@15 {n:3,rev:1}@15' });
    play(step, { in: 'a@1 |w6 b@4 |w7 c@5 |w30', out: '{n:1}@6 {n:3,rev:1}@10' });
  });

  test('later than that it goes to the late output, and the sessions stay as they were', () => {
    const late = sideOutput<Row>('late');
    play(window('n', { gap: '5s', lateness: '2s', late }, { n: count() }), { in: 'a@1 |w9 b@2 |w20 c@10 d@19 ||', out: '{n:1}@6 {n:1}@24', late: 'b@2 c@10' });
  });

  test('a restart keeps what is open, and what may be corrected', () => {
    play(window('n', { gap: '5s', lateness: '20s' }, { n: count() }), { in: 'a@1 |b b@3 |r |w9 |b |r c@4 |b |r |w20', out: '{n:2}@8 {n:3,rev:1}@9' });
  });

  test('the end of a bounded input closes every session for good', async () => {
    const one = await runPipeline(job, { inputs: { bids: [aBid(1, 'a', 1, 100), aBid(2, 'b', 1, 130)] } });
    const two = await runPipeline(job, { inputs: { bids: [aBid(3, 'a', 1, 120), aBid(4, 'b', 1, 131)] }, runtime: one.runtime });
    const ends = two.values(found).map(({ json }) => JSON.parse(json) as { who: string; ids: number[] }).map(({ who, ids }) => `${who} ${ids.join()}`);
    expect(ends).toEqual(['a 1', 'b 2', 'b 4']);
    expect(two.metric('headrace_records_late_total', 's')).toBe(1);
  });

  test('keys whose sessions have ended before a restart begin anew after it', async () => {
    const ended = Array.from({ length: 200 }, (_, i) => aBid(i, `k${i}`, 1, 1_000 + i));
    const again = ended.map((b) => aBid(1_000 + b.id, b.who, 1, 90_000 + b.id));
    const one = await runPipeline(job, { inputs: { bids: ended } });
    const two = await runPipeline(job, { inputs: { bids: [...again, aBid(5_000, 'k150', 1, 90_170)] }, runtime: one.runtime });
    expect(two.values(found)).toHaveLength(400);
    const last = two.values(found).map(({ json }) => JSON.parse(json) as { who: string; ids: number[] }).filter(({ who }) => who === 'k150');
    expect(last.map(({ ids }) => ids)).toEqual([[150], [1_150, 5_000]]);
  });

  test('a gap has to be longer than nothing, and is not mixed with other windows', () => {
    expect(() => window('n', session('0s'), { n: count() })).toThrow('longer than nothing');
    expect(() => window('n', { gap: '5s', every: '1m' } as never, { n: count() })).toThrow('every');
  });
});

const gap = 40;
const job = pipeline('job', ({ from }) =>
  from(bids, { disorder }).pipe(
    keyBy(bids.who),
    window('s', session(gap), {
      n: count(), total: sum(bids.price), most: max(bids.price), prices: count().by((b: Bid) => `p${b.price}`), different: countDistinct(bids.price), first: first(bids.price), last: last(bids.price),
      ids: { init: () => [] as number[], add: (ids: number[], b: Bid) => [...ids, b.id], merge: (a: number[], b: number[]) => [...a, ...b], result: (ids: number[]) => [...ids].sort((a, b) => a - b) },
    }),
    map((row) => ({ json: JSON.stringify(row) })),
    to(found),
  ), { tick: 10 });

/** Sorts by time and cuts at gaps. */
function naive(records: readonly Bid[]): string[] {
  return [...new Set(records.map((r) => r.who))].flatMap((who) => {
    const rows = records.filter((r) => r.who === who).sort((a, b) => a.t - b.t);
    const sessions: Bid[][] = [];
    for (const row of rows) {
      const open = sessions.at(-1);
      if (open !== undefined && row.t - open.at(-1)!.t <= gap) open.push(row);
      else sessions.push([row]);
    }
    return sessions.map((list) => {
      const prices: Record<string, number> = {};
      for (const name of list.map((r) => `p${r.price}`).sort()) prices[name] = (prices[name] ?? 0) + 1;
      return JSON.stringify({
        who, windowStart: list[0]!.t, windowEnd: list.at(-1)!.t + gap, revision: 0, n: list.length, total: list.reduce((s, r) => s + r.price, 0), most: Math.max(...list.map((r) => r.price)),
        prices, different: new Set(list.map((r) => r.price)).size, first: list[0]!.price, last: list.at(-1)!.price, ids: list.map((r) => r.id).sort((a, b) => a - b),
      });
    });
  }).sort();
}

test('equals cutting the sorted records at their gaps, on 1 to 8 partitions, with restarts', async () => {
  await fc.assert(
    fc.asyncProperty(someBids({ ties: false, rows: 80 }), aDisturbance, async (records, disturbance) => {
      const run = await runPipeline(job, { ...disturbance, inputs: { bids: records } });
      expect(run.values(found).map(({ json }) => json).sort()).toEqual(naive(records));
    }),
    { numRuns: 80 },
  );
});

test('batches, epochs and restarts leave no trace, with thousands of sessions that have come and gone', async () => {
  const records = Array.from({ length: 4_000 }, (_, i) => aBid(i, `k${(i * 7) % 41}`, (i * 7) % 5, i * 9 - ((i * 5) % 31)));
  await scrutinise(job, { inputs: { bids: records }, partitions: 2, runs: 2 });
});
