import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { count } from '../../dataflow/aggregates/index.js';
import { partitionOf } from '../../dataflow/partitioner.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { keyBy } from '../../operators/key-by.js';
import { map } from '../../operators/map.js';
import { process, type ProcessFunction } from '../../operators/process.js';
import { to } from '../../operators/to.js';
import { window } from '../../operators/window.js';
import { play, runPipeline, scrutinise } from '../../runners/testing/index.js';
import { aRow, aStream, input, mergedEvents, ownEvents, results, sorted, type Event, type Row, type Stream } from './stream-model.js';

const row = aRow;

describe('keyBy', () => {
  const seen = topic('seen', { key: 'key', value: { key: 'string', ids: 'int[]' } });
  const gather: ProcessFunction<Row, { ids: number[] }, { key: string; ids: readonly number[] }> = {
    init: () => ({ ids: [] }),
    onRecord(r, state, { timer, watermark }) {
      state.ids.push(r.id);
      timer(Math.max(watermark, 0) + 1e13);
    },
    onTimer(_time, state, { key, emit, clear }) {
      if (state.ids.length > 0) emit({ key, ids: state.ids });
      clear();
    },
  };

  test('brings all records of a key to one task, in the order of ticks and partitions', async () => {
    await fc.assert(
      fc.asyncProperty(aStream(), fc.constantFrom('column', 'function', 'expression'), fc.constantFrom(1, 4, 1_000), async (stream, how, stepRows) => {
        const job = pipeline('p', ({ from }) => {
          const rows = from(input, { disorder: stream.disorder });
          if (how === 'column') return rows.pipe(keyBy(input.j), process('gather', gather), to(seen));
          return rows.pipe(how === 'function' ? keyBy('by', (r) => r.j) : keyBy('by', input.j), process('gather', gather), to(seen));
        }, { tick: stream.tick });
        const run = await runPipeline(job, { inputs: { in: stream.partitions }, partitions: stream.partitions.length, stepRows });
        const expected = new Map<string, number[]>();
        for (const e of mergedEvents(stream)) if ('row' in e) expected.set(e.row.j, [...(expected.get(e.row.j) ?? []), e.row.id]);
        expect(sorted(run.values(seen))).toEqual(sorted([...expected].map(([key, ids]) => ({ key, ids }))));
        // Kafka's own partitioner would put the results there too.
        for (const r of run.outputs['seen']!) expect(r.partition).toBe(partitionOf(Buffer.from(r.key!), 0, Buffer.byteLength(r.key!), stream.partitions.length));
      }),
      { numRuns: 120 },
    );
  });

  const numbers = topic('numbers', { value: { id: 'int', n: 'int' } });
  test('numbers and booleans are keys too, and come back as what they were', async () => {
    const job = pipeline('p', ({ from }) => from(input).pipe(keyBy(input.id), window('n', { every: 1_000 }, { n: count() }), to(numbers)));
    const run = await runPipeline(job, { inputs: { in: [row(7, 'a', 0), row(-1, 'b', 1), row(7, 'c', 2)] }, partitions: 2 });
    expect(sorted(run.values(numbers))).toEqual(sorted([{ id: 7, n: 2 }, { id: -1, n: 1 }]));
    play(window('w', { every: '10s' }, { n: count() }), { in: 'a@1 b@2 a@3 ||', key: (r: { name: string }) => r.name === 'a', out: '{key:true,n:2}@10 {key:false,n:1}@10' });
  });

  test('a record without a key is set aside', async () => {
    const job = pipeline('p', ({ from }) => from(input).pipe(keyBy('by-g', (r) => r.g as number), window('n', { every: 1_000 }, { n: count() }), map((r) => ({ id: r.key, n: r.n })), to(numbers)));
    for (const partitions of [1, 3]) {
      const run = await runPipeline(job, { inputs: { in: [row(1, 'a', 0, { g: 7 }), row(2, 'b', 1), row(3, 'c', 2, { g: 7 })] }, partitions });
      expect(run.values(numbers)).toEqual([{ id: 7, n: 2 }]);
      expect(run.deadLetters).toMatchObject([{ topic: 'by-g.dlq', key: 'b', headers: { 'hr-code': 'HR_KEY' } }]);
    }
  });

  test('a key function that throws sets that record aside, not the others', async () => {
    const job = pipeline('p', ({ from }) => from(input).pipe(keyBy('by-length', (r) => r.cat!.length), window('n', { every: 1_000 }, { n: count() }), map((r) => ({ k: 'x', json: JSON.stringify([r.key, r.n]) })), to(results)));
    const run = await runPipeline(job, { inputs: { in: [row(1, 'a', 0, { cat: 'xx' }), row(2, 'a', 1), row(3, 'a', 2, { cat: 'yy' })] } });
    expect(run.values(results).map((r) => r.json)).toEqual(['[2,2]']);
    expect(run.deadLetters).toMatchObject([{ topic: 'by-length.dlq', key: 'a', headers: { 'hr-code': 'HR_STEP', 'hr-offset': '1' } }]);
    expect(run.deadLetters[0]!.headers['hr-message']).toContain('TypeError');
  });

  test('an id needs a key', () => {
    expect(() => keyBy('by', undefined as never)).toThrow(expect.objectContaining({ code: 'HR_ARGUMENT' }));
  });
});

describe('process', () => {
  // State, timers in the future and in the past, clearing and emission from both: all that the model below knows.
  interface State {
    n: number;
    last: number;
  }
  const lag = 40;
  const behave: ProcessFunction<Row, State, { k: string; json: string }> = {
    init: () => ({ n: 0, last: 0 }),
    onRecord(r, state, { emit, timer, clear, time, key }) {
      state.n += 1;
      state.last = r.id;
      if (r.id % 3 === 0) timer(time + lag);
      if (r.id % 7 === 0) timer(time - lag);
      if (r.id % 4 === 0) emit({ k: key, json: `record ${r.id} ${state.n}` });
      if (r.id % 11 === 10) clear();
    },
    onTimer(time, state, { emit, clear, timer, key }) {
      emit({ k: key, json: `timer ${time} ${state.n} ${state.last}` });
      if (state.n > 5) clear();
      else if (state.n === 2) {
        state.n = 3;
        timer(time + lag);
      }
    },
  };

  function model(events: readonly Event[], key: (r: Row) => string): string[] {
    const states = new Map<string, State>();
    const timers = new Map<string, { time: number; key: string }>();
    const out: string[] = [];
    const context = (k: string, time: number) => ({
      key: k, time, watermark: 0, place: {},
      emit: (r: { k: string; json: string }) => void out.push(JSON.stringify(r)),
      timer: (at: number) => void timers.set(`${at} ${k}`, { time: at, key: k }),
      processingTimer() {},
      clear: () => void states.delete(k),
    });
    const stateOf = (k: string) => {
      const state = states.get(k) ?? { n: 0, last: 0 };
      states.set(k, state);
      return state;
    };
    let watermark = Number.NEGATIVE_INFINITY;
    for (const event of events) {
      if ('row' in event) behave.onRecord(event.row, stateOf(key(event.row)), context(key(event.row), event.row.t));
      else if (event.watermark > watermark) {
        watermark = event.watermark;
        for (;;) {
          const due = [...timers.values()].filter((t) => t.time <= watermark).sort((a, b) => a.time - b.time || (a.key < b.key ? -1 : 1))[0];
          if (due === undefined) break;
          timers.delete(`${due.time} ${due.key}`);
          behave.onTimer!(due.time, stateOf(due.key), context(due.key, due.time));
        }
      }
    }
    return out;
  }

  const job = ({ tick, disorder }: Stream, exchanged: boolean, cached = 100_000) =>
    pipeline('p', ({ from }) => {
      const rows = from(input, { disorder });
      return exchanged
        ? rows.pipe(keyBy(input.j), process<Row, { readonly j: string }, State, { k: string; json: string }>('p', behave, { cached }), to(results))
        : rows.pipe(keyBy(input.k), process<Row, { readonly k: string }, State, { k: string; json: string }>('p', behave, { cached }), to(results));
    }, { tick });

  for (const exchanged of [false, true]) {
    test(`state and timers equal the model${exchanged ? ', behind an exchange' : ''}`, async () => {
      await fc.assert(
        fc.asyncProperty(aStream({ rows: 50, maxPartitions: exchanged ? 4 : 8 }), fc.constantFrom(1, 5, 1_000), async (stream, stepRows) => {
          const run = await runPipeline(job(stream, exchanged), { inputs: { in: stream.partitions }, partitions: stream.partitions.length, stepRows, ...(stepRows === 1 ? { commitMs: 0 } : {}) });
          const expected = exchanged ? model(mergedEvents(stream), (r) => r.j) : ownEvents(stream).flatMap((events) => model(events, (r) => r.k));
          expect(sorted(run.values(results).map((r) => JSON.stringify(r)))).toEqual(sorted(expected));
        }),
        { numRuns: 120 },
      );
    });
  }

  test('and do not depend on how a run is cut, nor on how many states are held in memory', async () => {
    await fc.assert(
      fc.asyncProperty(aStream({ rows: 40, maxPartitions: 3 }), fc.boolean(), fc.constantFrom(0, 1, 100_000), fc.integer(), (stream, exchanged, cached, seed) =>
        scrutinise(job(stream, exchanged, cached), { inputs: { in: stream.partitions }, partitions: stream.partitions.length, runs: 4, seed }),
      ),
      { numRuns: 30 },
    );
  });

  interface Named {
    readonly name: string;
    readonly time: number;
  }
  const counting = (expire?: '10s') =>
    process<Named, { key: string }, { n: number }, string>('c', {
      init: () => ({ n: 0 }),
      onRecord(r, state, { emit, timer, time }) {
        state.n += 1;
        emit(`${r.name}${state.n}`);
        if (r.name === 't') timer(time + 30_000);
        if (r.name === 'x') throw new Error('no');
      },
      onTimer: (_t, state, { emit }) => emit(`timer${state.n}`),
    }, expire === undefined ? {} : { expire });

  test('timers fire once, in order, between the records before and after', () => play(counting(), { in: 't@1 t@1 |w5 a@6 |w31 b@32 |w40', out: 't1@1 t2@1 a3@6 timer3@31 b4@32' }));
  test('a timer that is due already fires when event time next moves, also after a restart', () => {
    const due = process<Named, { key: string }, { n: number }, string>('c', { init: () => ({ n: 0 }), onRecord: (r, s, { timer, emit }) => { s.n += 1; timer(1_000); emit(r.name); }, onTimer: (_t, s, { emit }) => emit(`timer${s.n}`) });
    for (const cut of ['', '|b |r', '|r', '|w5 |b |r']) play(due, { in: `|w5 a@6 ${cut} b@6 |w6`, out: 'a@6 b@6 timer2@1' });
  });
  test('state expires without records, whether it is in memory or not', () => {
    for (const cut of ['', '|b', '|b |r', '|r']) {
      play(counting('10s'), { in: `a@1 b@11 ${cut} |w20 c@21 ${cut} |w31.001 ${cut} d@32`, out: 'a1@1 b2@11 c3@21 d1@32' });
      play(counting('10s'), { in: `t@1 |w5 ${cut} |w20 ${cut} |w25 |w40`, out: 't1@1 timer0@31' });
    }
  });
  test('a record for which the function throws is set aside; the state keeps what was done', () => play(counting(), { in: 'a@1 x@2 b@3', out: 'a1@1 x2@2 b3@3', deadLetters: 'x@2' }));
  test('restarts do not show', async () => {
    await scrutinise(counting('10s'), { in: 'a@1 t@2 |w5 b@3 x@6 c@9 |w8 |w20 d@21 t@4 |w30 |w32 e@33 |w80 ||', runs: 200 });
  });
  test('a step without key, or a function that is none, is refused', async () => {
    expect(() => process('p', {} as never)).toThrow(expect.objectContaining({ code: 'HR_ARGUMENT' }));
    const keyless = pipeline('p', ({ from }) => from(input).pipe(process('p', behave as never) as never, to(results) as never) as never);
    await expect(runPipeline(keyless, { inputs: { in: [row(1, 'a', 0)] } })).rejects.toMatchObject({ code: 'HR_STEP_UNKEYED', place: { step: 'p' } });
  });
});
