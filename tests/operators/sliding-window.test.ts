import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { count, countDistinct, first, histogram, last, max, mean, quantiles, sum } from '../../dataflow/aggregates/index.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { hopping, session, sliding } from '../../dataflow/windows/window-spec.js';
import { keyBy } from '../../operators/key-by.js';
import { map } from '../../operators/map.js';
import { to } from '../../operators/to.js';
import { window } from '../../operators/window.js';
import { play, runPipeline, scrutinise, sideOutput } from '../../runners/testing/index.js';
import { aRow, aStream, asJson, type Event, input, mergedEvents, ownEvents, results, type Row, sorted, type Stream } from './stream-model.js';

interface Named {
  readonly name: string;
  readonly time: number;
}

describe('named cases', () => {
  const late = sideOutput<Named>('late');
  const last10 = window('n', { ...sliding('10s'), lateness: '5s', late }, { n: count() });
  const byName = { key: (r: Named) => r.name[0]! };

  test('the old edge is out, the new one is in', () => {
    play(last10, { in: 'a@0 b@9.999 c@10 ||', out: '{n:1}@0.001 {n:2}@10 {n:2}@10.001' });
  });
  test('records of one time share one row', () => play(last10, { in: 'a@5 b@5 c@5 ||', out: '{n:3}@5.001' }));
  test('a row goes out when the watermark has passed its time', () => play(last10, { in: 'a@1 b@2 |w2 c@2 |w3 |w9', out: '{n:1}@1.001 {n:3}@2.001' }));
  test('rows come in the order of time, whatever the order of arrival', () => play(last10, { in: 'a@8 b@3 c@5 ||', out: '{n:1}@3.001 {n:2}@5.001 {n:3}@8.001' }));
  test('keys have nothing to do with one another', () => play(last10, { ...byName, in: 'a@1 b@2 a@3 ||', out: '{key:a,n:1}@1.001 {key:b,n:1}@2.001 {key:a,n:2}@3.001' }));
  test('a key that comes back after its window begins anew', () => play(last10, { in: 'a@1 |w500 b@600 |w700 c@20000 ||', out: '{n:1}@1.001 {n:1}@600.001 {n:1}@20000.001' }));
  test('a late record gives its own row, and corrects those behind it that reach back to it', () => {
    play(last10, { in: 'a@1 c@4 d@11.5 |w13 b@9 |w14 ||', out: '{n:1}@1.001 {n:2}@4.001 {n:2}@11.501 {n:3}@9.001 {n:3,rev:1}@11.501' });
    play(last10, { in: 'a@9 |w13 b@9 |w14 c@9.5 |w14.2 d@9.5 ||', out: '{n:1}@9.001 {n:2,rev:1}@9.001 {n:3}@9.501 {n:4,rev:1}@9.501' });
  });
  test('lateness ends exactly where the watermark reaches it', () => play(last10, { in: 'a@1 |w6 b@1 |w6.001 c@1 |w7', out: '{n:1}@1.001 {n:2,rev:1}@1.001', late: 'c@1' }));
  test('a late record at the old edge counts in rows whose edge was added up already', () => {
    const last640 = window('n', { ...sliding('640ms'), lateness: '700ms' }, { n: count() });
    play(last640, { unit: '1ms', in: 'a@5 b@646 |w648 c@9 d@648 |w649', out: '{n:1}@6 {n:1}@647 {n:2}@10 {n:2,rev:1}@647 {n:3}@649' });
  });
  test('a restart between a late record and its correction changes nothing, and revisions go on', () => {
    for (const cut of ['', '|b |r', '|r', '|b |r |b |r']) play(last10, { in: `a@8 |w10 b@7 ${cut} |w11 ${cut} c@6 ${cut} |w12`, out: '{n:1}@8.001 {n:1}@7.001 {n:2,rev:1}@8.001 {n:1}@6.001 {n:2,rev:1}@7.001 {n:3,rev:2}@8.001' });
  });
  test('windows behind windows: a row is never late by being on the edge', () => {
    const chained = (from: Parameters<ReturnType<typeof window>>[0]) => from.pipe(last10 as never, window('m', hopping('20s', '10s'), { rows: count() }) as never);
    play(chained as never, { in: 'a@9.999 b@10 |w10 |w30', out: '{rows:1}@10 {rows:2}@20 {rows:1}@30' });
  });
  test('a size has to be longer than nothing, and is not mixed with other windows', () => {
    expect(() => window('n', sliding('0s'), { n: count() })).toThrow('longer than nothing');
    expect(() => window('n', { ...sliding('5s'), ...session('5s') } as never, { n: count() })).toThrow('sliding');
    expect(() => window('n', { ...sliding('5s'), every: '5s' } as never, { n: count() })).toThrow('every');
  });
  test('the rows behind the end of a bounded input reach back over it in the next run; those before it are final', async () => {
    const job = slidingJob({ tick: 1, disorder: 0 }, { size: 100, lateness: 50 }, false);
    const one = await runPipeline(job, { inputs: { in: [aRow(1, 'k', 10), aRow(2, 'k', 60)] } });
    const two = await runPipeline(job, { inputs: { in: [aRow(3, 'k', 55), aRow(4, 'k', 120)] }, runtime: one.runtime });
    const rows = two.values(results).map(({ json }) => JSON.parse(json) as { n: number; ids: number });
    expect(rows.map(({ n, ids }) => [n, ids])).toEqual([[1, 1], [2, 3], [2, 6]]);
    expect(two.metric('headrace_records_late_total', 's')).toBe(1);
  });
});

interface Spec {
  readonly size: number;
  readonly lateness: number;
}

const lateRows = topic('late-rows', { key: 'k', value: { id: 'int', k: 'string' } });

const idsOf = {
  n: count(),
  names: { init: () => [] as number[], add: (s: number[], r: Row) => [...s, r.id], merge: (a: number[], b: number[]) => [...a, ...b], result: (s: number[]) => s.sort((a, b) => a - b) },
};

function slidingJob({ tick, disorder }: Pick<Stream, 'tick' | 'disorder'>, { size, lateness }: Spec, exchanged: boolean) {
  const aggregates = {
    ...idsOf, ids: sum(input.id), x: sum(input.x), most: max(input.v), half: quantiles(input.v, [0.5]), opening: first(input.id), closing: last(input.id), mean: mean(input.x),
    ones: count().where(input.e.is('ONE')), twos: count().where(input.e.is('TWO')), cats: count().by(input.cat), groups: sum(input.x).by(input.g, { size: 3 }), kinds: countDistinct(input.cat), shape: histogram(input.v, [0, 100]),
  };
  return pipeline('p', ({ from }) => {
    const rows = from(input, { disorder });
    const shape = { ...sliding(size), lateness, late: lateRows as never };
    return exchanged
      ? rows.pipe(keyBy(input.j), window('s', shape, aggregates), map((r) => ({ k: r.j, json: asJson(r) })), to(results))
      : rows.pipe(keyBy(input.k), window('s', shape, aggregates), map((r) => ({ k: r.k, json: asJson(r) })), to(results));
  }, { tick });
}

interface Found {
  readonly key: string;
  readonly time: number;
  readonly revision: number;
  readonly ids: readonly number[];
}

/** Sliding windows by their definition: at every watermark each row that is new or has changed. */
function slidingModel(events: readonly Event[], key: (row: Row) => string, { size, lateness }: Spec): { found: Found[]; late: Row[] } {
  const held: Row[] = [];
  const found: Found[] = [];
  const late: Row[] = [];
  const told = new Map<string, { revision: number; ids: string }>();
  let watermark = Number.NEGATIVE_INFINITY;
  for (const event of events) {
    if ('row' in event) {
      if (event.row.t + 1 + lateness <= watermark) late.push(event.row);
      else held.push(event.row);
      continue;
    }
    watermark = Math.max(watermark, event.watermark);
    for (const name of new Set(held.filter((r) => r.t + 1 <= watermark).map((r) => `${key(r)} ${r.t}`))) {
      const [k, t] = [name.split(' ')[0]!, Number(name.split(' ')[1])];
      const ids = held.filter((r) => key(r) === k && r.t > t - size && r.t <= t).map((r) => r.id).sort((a, b) => a - b);
      const known = told.get(name);
      if (known?.ids === ids.join()) continue;
      const revision = known === undefined ? 0 : known.revision + 1;
      told.set(name, { revision, ids: ids.join() });
      found.push({ key: k, time: t, revision, ids });
    }
  }
  return { found, late };
}

const aSpec = fc.record({ size: fc.constantFrom(1, 2, 37, 64, 65, 130, 1_000), lateness: fc.constantFrom(0, 30, 150) });

test('sums of fractions agree to the last bit, in whatever order records come within the disorder, many at one time among them', async () => {
  const aRecord = fc.tuple(fc.integer({ min: 0, max: 12 }), fc.constantFrom('a', 'b'), fc.double({ min: -1e6, max: 1e6, noNaN: true }));
  await fc.assert(
    fc.asyncProperty(fc.array(aRecord, { minLength: 5, maxLength: 60 }), fc.integer(), (records, seed) => {
      const rows = records.map(([t, k, x], i) => aRow(i, k, t * 7, { x, cat: k, g: i % 3, v: i % 5 })).sort((a, b) => a.t - b.t);
      return scrutinise(slidingJob({ tick: 5, disorder: 30 }, { size: 50, lateness: 0 }, false), { inputs: { in: rows }, shuffle: true, runs: 6, seed });
    }),
    { numRuns: 20 },
  );
});

test('late records change every row that reaches back to them, whatever was added up before', async () => {
  const aStep = fc.record({ step: fc.integer({ min: 0, max: 12 }), back: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.integer({ min: 0, max: 700 }) }, { weight: 2, arbitrary: fc.integer({ min: 620, max: 645 }) }, { weight: 2, arbitrary: fc.integer({ min: 690, max: 715 }) }), k: fc.constantFrom('a', 'b') });
  await fc.assert(
    fc.asyncProperty(fc.array(aStep, { minLength: 60, maxLength: 160, size: 'max' }), fc.constantFrom(128, 640, 640, 1_280), async (steps, size) => {
      let now = 1_000;
      const rows = steps.map(({ step, back, k }, id) => aRow(id, k, (now += step) - back));
      const stream: Stream = { partitions: [rows], tick: 1, disorder: 0 };
      const run = await runPipeline(pipeline('p', ({ from }) => from(input).pipe(keyBy(input.k), window('s', { ...sliding(size), lateness: 700 }, idsOf), map((r) => ({ k: r.k, json: asJson(r) })), to(results)), { tick: 1 }), { inputs: { in: [rows] } });
      const asFound = run.values(results).map(({ k, json }) => ({ k, ...(JSON.parse(json) as { windowEnd: number; revision: number; names: number[]; n: number }) }));
      for (const { names, n } of asFound) expect(n).toBe(names.length);
      expect(sorted(asFound.map((r): Found => ({ key: r.k, time: r.windowEnd - 1, revision: r.revision, ids: r.names })))).toEqual(sorted(slidingModel(ownEvents(stream)[0]!, (r) => r.k, { size, lateness: 700 }).found));
    }),
    { numRuns: 25 },
  );
});

describe('sliding windows equal their definition', () => {
  for (const exchanged of [false, true]) {
    test(exchanged ? 'behind an exchange' : 'where the topic is keyed already', async () => {
      await fc.assert(
        fc.asyncProperty(aStream(), aSpec, fc.constantFrom(1, 3, 10_000), async (stream, spec, stepRows) => {
          const run = await runPipeline(slidingJob(stream, spec, exchanged), { inputs: { in: stream.partitions }, partitions: stream.partitions.length, stepRows });
          const models = (exchanged ? [mergedEvents(stream)] : ownEvents(stream)).map((events) => slidingModel(events, (r) => (exchanged ? r.j : r.k), spec));
          const byId = new Map(stream.partitions.flat().map((r) => [r.id, r]));
          type Result = { windowStart: number; windowEnd: number; revision: number; names: number[]; n: number; ids: number; x: number; most: number | null; ones: number; kinds: number; cats: Record<string, number>; half: { p50: number | null } };
          const rows = run.values(results).map(({ k, json }) => ({ k, ...(JSON.parse(json) as Result) }));
          const asFound = rows.map((r): Found => ({ key: r.k, time: r.windowEnd - 1, revision: r.revision, ids: r.names }));
          expect(sorted(asFound)).toEqual(sorted(models.flatMap((m) => m.found)));
          expect(sorted(run.values(lateRows))).toEqual(sorted(models.flatMap((m) => m.late).map(({ id, k }) => ({ id, k }))));
          for (const r of rows) {
            const own = r.names.map((id) => byId.get(id)!);
            const v = own.map((o) => o.v).filter((x) => x !== null);
            expect(r.windowEnd - r.windowStart).toBe(spec.size);
            expect([r.n, r.ids, r.ones, r.most]).toEqual([own.length, own.reduce((a, o) => a + o.id, 0), own.filter((o) => o.e === 'ONE').length, v.length === 0 ? null : Math.max(...v)]);
            expect(r.x).toBeCloseTo(own.reduce((a, o) => a + (o.x ?? 0), 0), 5);
            expect(r.kinds).toBe(new Set(own.map((o) => o.cat).filter((c) => c !== null)).size);
            expect(Object.values(r.cats).reduce((a, c) => a + c, 0)).toBe(own.filter((o) => o.cat !== null).length);
          }
          // A correction comes after what it corrects.
          const seen = new Map<string, number>();
          for (const r of rows) {
            expect(r.revision).toBe((seen.get(`${r.k} ${r.windowEnd}`) ?? -1) + 1);
            seen.set(`${r.k} ${r.windowEnd}`, r.revision);
          }
        }),
        { numRuns: 80 },
      );
    });

    test(`and do not depend on how a run is cut, ${exchanged ? 'behind an exchange' : 'where the topic is keyed already'}`, async () => {
      await fc.assert(
        fc.asyncProperty(aStream({ rows: 50, maxPartitions: 4 }), aSpec, fc.integer(), (stream, spec, seed) =>
          scrutinise(slidingJob(stream, spec, exchanged), { inputs: { in: stream.partitions }, partitions: stream.partitions.length, runs: 4, seed }),
        ),
        { numRuns: 20 },
      );
    });
  }
});
