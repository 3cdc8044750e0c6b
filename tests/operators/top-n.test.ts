import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pipeline } from '../../dataflow/pipeline.js';
import { keyBy } from '../../operators/key-by.js';
import { map } from '../../operators/map.js';
import { to } from '../../operators/to.js';
import { topN, type TopNOptions } from '../../operators/top-n.js';
import { runPipeline, type RunPipelineOptions } from '../../runners/testing/run-pipeline.js';
import { scrutinise } from '../../runners/testing/scrutinise.js';
import { aBid, aDisturbance, type Bid, bids, disorder, found, someBids } from './bids-model.js';

type Ranked = Bid & { readonly rank: number; readonly change?: 'insert' | 'retract'; readonly windowEnd?: number };
type Options = Partial<TopNOptions<Bid, 'upserts' | 'retractions', number | undefined>>;

const job = (options: Options, within = disorder) =>
  pipeline('job', ({ from }) =>
    from(bids, { disorder: within }).pipe(
      keyBy(bids.who),
      topN('best', { n: 2, by: bids.price, ...options } as never),
      map((row) => ({ json: JSON.stringify(row) })),
      to(found),
    ), { tick: 10 });

async function ranked(options: Options, records: readonly Bid[], run: Omit<RunPipelineOptions, 'inputs'> = {}, within = disorder): Promise<Ranked[]> {
  const done = await runPipeline(job(options, within), { ...run, inputs: { bids: records } });
  return done.values(found).map(({ json }) => JSON.parse(json) as Ranked);
}

/** The result of a stream of changes. */
function folded(rows: readonly Ranked[], form: 'upserts' | 'retractions'): string[] {
  const text = ({ id, who, rank }: Ranked) => `${who} ${rank} ${id}`;
  if (form === 'upserts') return [...new Map(rows.map((r) => [`${r.who} ${r.rank}`, text(r)])).values()].sort();
  const counts = new Map<string, number>();
  for (const row of rows) counts.set(text(row), (counts.get(text(row)) ?? 0) + (row.change === 'insert' ? 1 : -1));
  expect([...counts.values()].filter((n) => n !== 0 && n !== 1)).toEqual([]);
  return [...counts].filter(([, n]) => n === 1).map(([row]) => row).sort();
}

/** Sorts everything. */
function naive(records: readonly Bid[], n: number, ties: boolean): string[] {
  return [...new Set(records.map((r) => r.who))].flatMap((who) => {
    const rows = records.filter((r) => r.who === who).sort((a, b) => b.price - a.price || a.t - b.t || a.id - b.id);
    const rankOf = (i: number) => (ties ? rows.findIndex((r) => r.price === rows[i]!.price) : i) + 1;
    return rows.map((r, i) => ({ text: `${who} ${rankOf(i)} ${r.id}`, rank: rankOf(i) })).filter(({ rank }) => rank <= n).map(({ text }) => text);
  }).sort();
}

describe('named cases', () => {
  test('of equal rows the earlier one ranks higher, also where the later one came first', async () => {
    const rows = await ranked({}, [aBid(1, 'a', 5, 50), aBid(2, 'a', 5, 40), aBid(3, 'a', 5, 60)]);
    expect(folded(rows, 'upserts')).toEqual(['a 1 2', 'a 2 1']);
  });

  test('with ties, equal rows have one rank, and all that equal the n-th are kept', async () => {
    const records = [aBid(1, 'a', 9, 1), aBid(2, 'a', 5, 2), aBid(3, 'a', 5, 3), aBid(4, 'a', 4, 4), aBid(5, 'a', 5, 5)];
    expect((await ranked({ ties: true, every: 1_000 }, records)).map(({ id, rank }) => [id, rank])).toEqual([[1, 1], [2, 2], [3, 2], [5, 2]]);
  });

  test('a better row that comes late moves the others: each change goes out once a watermark, old rows first', async () => {
    const records = [aBid(1, 'a', 5, 10), aBid(2, 'a', 3, 11), aBid(3, 'z', 1, 400), aBid(4, 'a', 9, 380), aBid(5, 'z', 1, 900)];
    const rows = (await ranked({ changes: 'retractions' }, records)).filter((r) => r.who === 'a');
    expect(rows.map(({ change, rank, id }) => `${change} ${rank} ${id}`)).toEqual(['insert 1 1', 'insert 2 2', 'retract 1 1', 'retract 2 2', 'insert 1 4', 'insert 2 1']);
  });

  test('in windows a ranking is final, has the window, and late rows are counted', async () => {
    const records = [aBid(1, 'a', 5, 10), aBid(2, 'a', 7, 90), aBid(3, 'a', 1, 110), aBid(4, 'a', 9, 500), aBid(5, 'a', 9, 20)];
    const run = await runPipeline(job({ every: 100, n: 1 }, 0), { inputs: { bids: records } });
    expect(run.values(found).map(({ json }) => JSON.parse(json) as Ranked).map(({ id, windowEnd }) => [id, windowEnd! - 1_600_000_000_000])).toEqual([[2, 100], [3, 200], [4, 600]]);
    expect(run.metric('headrace_records_late_total', 'best')).toBe(1);
  });

  test('a key that comes back after it has expired begins anew', async () => {
    const records = [aBid(1, 'a', 9, 0), aBid(2, 'b', 1, 5_000), aBid(3, 'b', 1, 6_000), aBid(4, 'a', 2, 9_000)];
    expect((await ranked({ expire: 2_000, n: 1 }, records)).map(({ id }) => id)).toEqual([1, 2, 4]);
    expect((await ranked({ n: 1 }, records)).map(({ id }) => id)).toEqual([1, 2]);
  });

  test('null ranks last, ascending order turns it around, functions rank as columns do', async () => {
    const records = [aBid(1, 'a', 5, 1), aBid(2, 'a', 3, 2), aBid(3, 'a', 8, 3)];
    expect(folded(await ranked({ order: 'asc' }, records), 'upserts')).toEqual(['a 1 2', 'a 2 1']);
    expect(folded(await ranked({ by: (b: Bid) => (b.price === 8 ? null : b.price) }, records), 'upserts')).toEqual(['a 1 1', 'a 2 2']);
  });

  test('a function that throws sets the row aside', async () => {
    const run = await runPipeline(job({ by: (b: Bid) => { if (b.id === 2) throw new Error('no price'); return b.price; } }), { inputs: { bids: [aBid(1, 'a', 5, 1), aBid(2, 'a', 9, 2)] } });
    expect(run.deadLetters).toHaveLength(1);
    expect(run.values(found)).toHaveLength(1);
  });

  test('what cannot be ranked is said when the pipeline is built', () => {
    for (const n of [0, 1.5, 1_001]) expect(() => topN('t', { n, by: bids.price })).toThrow('topN "t" has n');
    expect(() => topN('t', { n: 1, by: bids.price, ties: true })).toThrow('upserts by key and rank cannot tell them');
    expect(() => topN('t', { n: 1, by: bids.price, every: '1s', changes: 'upserts' })).toThrow('takes neither changes nor expire');
  });
});

test.each(['upserts', 'retractions'] as const)('told as %s it adds up to sorting everything, on 1 to 8 partitions, with restarts', async (changes) => {
  await fc.assert(
    fc.asyncProperty(someBids({ ties: false }), fc.integer({ min: 1, max: 4 }), fc.boolean(), aDisturbance, async (records, n, either, disturbance) => {
      const ties = either && changes === 'retractions';
      expect(folded(await ranked({ n, ties, changes }, records, disturbance), changes)).toEqual(naive(records, n, ties));
    }),
    { numRuns: 60 },
  );
});

test('a row that loses keeps its key from expiring, also over a restart', async () => {
  const records = Array.from({ length: 60 }, (_, i) => aBid(i, i % 2 === 0 ? 'a' : 'b', i === 0 ? 9 : 1, i * 50));
  const options = { n: 1, expire: 400 } as const;
  expect(new Set((await ranked(options, records)).filter((r) => r.who === 'a').map((r) => r.id))).toEqual(new Set([0]));
  await scrutinise(job(options), { inputs: { bids: records } });
});

test('batches, epochs and restarts leave no trace', async () => {
  const records = Array.from({ length: 120 }, (_, i) => aBid(i, 'abc'[i % 3]!, (i * 7) % 13, i * 9 - ((i * 5) % 31)));
  for (const options of [{ changes: 'retractions' }, { every: 100, ties: true }, { expire: 300, n: 3 }] as const) await scrutinise(job(options), { inputs: { bids: records }, partitions: 3 });
});
