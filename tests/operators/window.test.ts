import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { count, sum } from '../../dataflow/aggregates/index.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { definition, topic } from '../../dataflow/topic.js';
import { hopping, tumbling } from '../../dataflow/windows/window-spec.js';
import { keyBy } from '../../operators/key-by.js';
import { map } from '../../operators/map.js';
import { to } from '../../operators/to.js';
import { union } from '../../operators/union.js';
import { window } from '../../operators/window.js';
import { play, runPipeline, scrutinise, sideOutput } from '../../runners/testing/index.js';
import { aRow, aStream, input, mergedEvents, ownEvents, sorted, type Row, type Stream } from './stream-model.js';
import { windowModel } from './window-model.js';

const counts = topic('counts', { key: 'key', value: { key: 'string', start: 'timestamp', end: 'timestamp', revision: 'int', n: 'int', ids: 'int' } });
const late = topic('late', { key: 'k', value: { id: 'int', k: 'string' } });

const aSpec = fc.record({ every: fc.constantFrom(20, 50, 100), panes: fc.constantFrom(1, 1, 2, 3, 5), offset: fc.constantFrom(0, 0, 7), lateness: fc.constantFrom(0, 30, 150) });
interface Spec {
  readonly every: number;
  readonly panes: number;
  readonly offset: number;
  readonly lateness: number;
}

function windowJob({ tick, disorder }: Stream, { every, panes, offset, lateness }: Spec, exchanged: boolean) {
  const shape = { every, size: every * panes, offset, lateness, late: late as never };
  return pipeline('p', ({ from }) => {
    const rows = from(input, { disorder });
    const aggregates = { n: count(), ids: sum(input.id) };
    return exchanged
      ? rows.pipe(keyBy(input.j), window('w', shape, aggregates), map((r) => ({ key: r.j, start: r.windowStart, end: r.windowEnd, revision: r.revision, n: r.n, ids: r.ids })), to(counts))
      : rows.pipe(keyBy(input.k), window('w', shape, aggregates), map((r) => ({ key: r.k, start: r.windowStart, end: r.windowEnd, revision: r.revision, n: r.n, ids: r.ids })), to(counts));
  }, { tick });
}

async function compareWithModel(stream: Stream, spec: Spec, exchanged: boolean, stepRows: number) {
  const run = await runPipeline(windowJob(stream, spec, exchanged), { inputs: { in: stream.partitions }, partitions: stream.partitions.length, stepRows });
  const key = (row: Row) => (exchanged ? row.j : row.k);
  const parts = exchanged ? [mergedEvents(stream)] : ownEvents(stream);
  const models = parts.map((events) => windowModel(events, key, { ...spec, size: spec.every * spec.panes }));
  const expected = models.flatMap((m) => m.results).map((w) => ({ key: w.key, start: w.start, end: w.end, revision: w.revision, n: w.rows.length, ids: w.rows.reduce((a, r) => a + r.id, 0) }));
  expect(sorted(run.values(counts))).toEqual(sorted(expected));
  expect(sorted(run.values(late))).toEqual(sorted(models.flatMap((m) => m.late).map((r) => ({ id: r.id, k: r.k }))));
  expect(run.metric('headrace_records_late_total', 'w')).toBe(run.values(late).length);
  expect(run.metric('headrace_corrections_total', 'w')).toBe(run.values(counts).length - new Set(run.values(counts).map((r) => `${r.key} ${r.end}`)).size + missed(models));
  expect(run.deadLetters).toEqual([]);
  // A correction comes after what it corrects.
  const seen = new Map<string, number>();
  for (const r of run.values(counts)) {
    expect(r.revision).toBe((seen.get(`${r.key} ${r.end}`) ?? -1) + 1);
    seen.set(`${r.key} ${r.end}`, r.revision);
  }
}

/** First results that came by a late record: counted as corrections, though they have revision 0. */
const missed = (models: readonly ReturnType<typeof windowModel>[]): number => models.reduce((n, m) => n + m.firstByLateRecord, 0);

describe('windows equal their definition', () => {
  for (const exchanged of [false, true]) {
    test(exchanged ? 'behind an exchange' : 'where the topic is keyed already', async () => {
      await fc.assert(fc.asyncProperty(aStream(), aSpec, fc.constantFrom(1, 3, 10_000), (stream, spec, stepRows) => compareWithModel(stream, spec, exchanged, stepRows)), { numRuns: 200 });
    });

    test(`and do not depend on how a run is cut, ${exchanged ? 'behind an exchange' : 'where the topic is keyed already'}`, async () => {
      await fc.assert(
        fc.asyncProperty(aStream({ rows: 40, maxPartitions: 4 }), aSpec, fc.integer(), (stream, spec, seed) =>
          scrutinise(windowJob(stream, spec, exchanged), { inputs: { in: stream.partitions }, partitions: stream.partitions.length, runs: 4, seed }),
        ),
        { numRuns: 30 },
      );
    });
  }

  test('and do not depend on how a run is cut where one of two topics ends before the other', async () => {
    const brief = topic<Row>('brief', { key: 'k', time: 't', value: input[definition].schema });
    await fc.assert(
      fc.asyncProperty(aStream({ rows: 40, maxPartitions: 2 }), fc.integer(), fc.boolean(), async (stream, seed, isFirst) => {
        const job = pipeline('p', ({ from }) => {
          const both = isFirst ? [from(brief), from(input)] : [from(input), from(brief)];
          return union(...both).pipe(keyBy(input.k), window('w', { every: 50, lateness: 30 }, { n: count(), ids: sum(input.id) }), map((r) => ({ key: r.k, start: r.windowStart, end: r.windowEnd, revision: r.revision, n: r.n, ids: r.ids })), to(counts));
        }, { tick: stream.tick });
        await scrutinise(job, { inputs: { in: stream.partitions, brief: stream.partitions.map((rows) => rows.slice(0, 3)) }, runs: 5, seed });
      }),
      { numRuns: 30 },
    );
  });

  test('tumbling and hopping are short for every and size', () => {
    expect(tumbling('5m')).toEqual({ every: '5m' });
    expect(hopping('1h', '5m')).toEqual({ size: '1h', every: '5m' });
  });
});

describe('named cases', () => {
  const lateOutput = sideOutput<{ name: string; time: number }>('late');
  const tens = window('n', { every: '10s', lateness: '5s', late: lateOutput }, { n: count() });
  const byName = { key: (r: { name: string }) => r.name[0]! };

  test('a window without records gives no row', () => play(tens, { in: 'a@1 |w40 b@41 ||', out: '{n:1}@10 {n:1}@50' }));
  test('a record at the end of a window belongs to the next one', () => play(tens, { in: 'a@0 b@9.999 c@10 ||', out: '{n:2}@10 {n:1}@20' }));
  test('a watermark at the end of a window closes it, one before does not', () => play(tens, { in: 'a@1 |w9.999 b@1 |w10 c@1 |w10 |w10.001', out: '{n:2}@10 {n:3,rev:1}@10' }));
  test('a late record into a window that had no rows is a first result', () => play(tens, { in: 'a@21 |w12 b@3 |w13 c@3 |w14 ||', out: '{n:1}@10 {n:2,rev:1}@10 {n:1}@30' }));
  test('a correction of a key that had no row is a first result of that key', () =>
    play(tens, { ...byName, in: 'a@1 |w10 b@2 |w11 b@3 a@3 |w12', out: '{key:a,n:1}@10 {key:b,n:1}@10 {key:a,n:2,rev:1}@10 {key:b,n:2,rev:1}@10' }));
  test('lateness ends exactly where the watermark reaches it', () => play(tens, { in: 'a@1 |w14.999 b@1 |w15 c@1 |w16', out: '{n:1}@10 {n:2,rev:1}@10', late: 'c@1' }));
  test('a restart between a late record and its correction changes nothing', () => {
    const out = '{n:1}@10 {n:3,rev:1}@10';
    for (const cut of ['', '|b |r', '|r', '|b |r |b |r']) play(tens, { in: `a@1 |w10 b@2 ${cut} c@3 |w11`, out });
  });
  test('a restart keeps the revision', () => play(tens, { in: 'a@1 |w10 b@2 |w11 |b |r c@3 |w12 |b |r |w13', out: '{n:1}@10 {n:2,rev:1}@10 {n:3,rev:2}@10' }));
  test('a watermark that stands still corrects nothing', () => play(tens, { in: 'a@1 |w10 b@2 |w10 |w9 c@3 |w11', out: '{n:1}@10 {n:3,rev:1}@10' }));
  test('windows before the epoch', () => play(tens, { in: 'a@-1 b@-10 c@-11 ||', out: '{n:1}@-10 {n:2}@0' }));
  test('days that begin at one', () => play(window('d', { every: '24h', offset: '1h' }, { n: count() }), { unit: '1h', in: 'a@0 b@1 c@24 d@25 ||', out: '{n:1}@1 {n:2}@25 {n:1}@49' }));
  test('hopping windows overlap, and a late record corrects those that are still open to it', () =>
    play(window('h', { ...hopping('30s', '10s'), lateness: '10s', late: lateOutput }, { n: count() }), {
      in: 'a@5 |w10 |w20 |w31 b@6 |w40 c@7 d@12',
      out: '{n:1}@10 {n:1}@20 {n:1}@30 {n:2,rev:1}@30',
      late: 'c@7',
    }));

  test('windows that cannot be are refused when the pipeline is built', () => {
    const bad = (spec: object) => () => window('w', spec as never, { n: count() });
    for (const spec of [{ every: 0 }, { every: '-5m' }, { every: '10s', size: '25s' }, { every: '10s', size: '5s' }, { every: '10s', offset: '10s' }]) expect(bad(spec)).toThrow(expect.objectContaining({ code: 'HR_WINDOW' }));
    for (const spec of [{ every: 'soon' }, { every: 0.5 }, { every: '10s', lateness: '-1s' }]) expect(bad(spec)).toThrow(expect.objectContaining({ code: 'HR_DURATION' }));
  });
});

describe('at the end of a bounded run', () => {
  const row = (k: string, t: number, id = 0) => aRow(id, k, t);
  const job = windowJob({ partitions: [], tick: 10, disorder: 0 }, { every: 100, panes: 1, offset: 0, lateness: 50 }, false);

  test('more records go on: those for windows that the end has closed are late, none is emitted again', async () => {
    const first = await runPipeline(job, { inputs: { in: [row('a', 10), row('a', 130)] } });
    expect(first.values(counts).map((r) => [r.n, r.revision])).toEqual([[1, 0], [1, 0]]);
    const again = await runPipeline(job, { runtime: first.runtime });
    expect(again.values(counts)).toHaveLength(2);
    const second = await runPipeline(job, { runtime: first.runtime, inputs: { in: [row('a', 140, 1), row('b', 150, 2), row('a', 205, 3), row('a', 95, 4)] } });
    expect(second.values(counts).map((r) => [r.key, r.end % 1_000, r.n, r.revision])).toEqual([['a', 100, 1, 0], ['a', 200, 1, 0], ['a', 300, 1, 0]]);
    expect(second.values(late).map((r) => r.id)).toEqual([1, 2, 4]);
  });

  test('partitions without records hold nothing back', async () => {
    const exchanged = windowJob({ partitions: [], tick: 10, disorder: 0 }, { every: 100, panes: 1, offset: 0, lateness: 0 }, true);
    const run = await runPipeline(exchanged, { inputs: { in: [[row('a', 10), row('a', 150), row('a', 20)], [], []] } });
    expect(run.values(late)).toHaveLength(1);
    expect(run.values(counts)).toHaveLength(2);
  });

  test('no input at all is no output', async () => {
    const run = await runPipeline(job, { inputs: { in: [[], []] } });
    expect(run.values(counts)).toEqual([]);
    expect(run.result.records).toBe(0);
  });
});
