import fc from 'fast-check';
import * as rx from 'rxjs';
import { describe, expect, test } from 'vitest';
import { pipeline } from '../../dataflow/pipeline.js';
import { definition, topic } from '../../dataflow/topic.js';
import { filter } from '../../operators/filter.js';
import { map } from '../../operators/map.js';
import { records } from '../../operators/records.js';
import { split } from '../../operators/split.js';
import { to } from '../../operators/to.js';
import { union } from '../../operators/union.js';
import { play, runPipeline, scrutinise } from '../../runners/testing/index.js';
import { aRow, aStream, input, mergedEvents, ownEvents, type Row, type Stream } from './stream-model.js';

const ids = topic('ids', { key: 'k', value: { k: 'string', id: 'int' } });
const others = topic('others', { key: 'k', value: { k: 'string', id: 'int' } });
const small = ({ k, id }: Row) => ({ k, id });
const run = ({ partitions }: Stream, job: Parameters<typeof runPipeline>[0]) => runPipeline(job, { inputs: { in: partitions }, partitions: partitions.length, stepRows: 3 });
const rowsOf = (stream: Stream) => ownEvents(stream).map((events) => events.flatMap((e) => ('row' in e ? [e.row] : [])));

describe('on random streams', () => {
  test('filter keeps what its function or expression keeps, in order', async () => {
    const conditions = [
      [(r: Row) => r.v !== null && r.v > 500, input.v.over(500)],
      [(r: Row) => r.v === null || r.v <= 500, input.v.over(500).not()],
      [(r: Row) => r.cat === 'Ünïcode' || r.cat === '', input.cat.oneOf('Ünïcode', '')],
      [(r: Row) => r.cat === null, input.cat.is(null)],
      [(r: Row) => r.b !== true && r.g !== null && r.g >= 1 && r.g < 3, input.b.isNot(true).and(input.g.atLeast(1)).and(input.g.under(3))],
      [(r: Row) => r.j === 'j1' || (r.x !== null && r.x <= 0), input.j.is('j1').or(input.x.atMost(0))],
    ] as const;
    await fc.assert(
      fc.asyncProperty(aStream({ maxPartitions: 3 }), fc.constantFrom(...conditions), async (stream, [byFunction, byColumns]) => {
        const job = (keep: (typeof conditions)[number][0] | (typeof conditions)[number][1]) =>
          pipeline('p', ({ from }) => from(input, { disorder: stream.disorder }).pipe(filter<Row>(keep), map(small), to(ids)), { tick: stream.tick });
        const expected = mergedEvents(stream).flatMap((e) => ('row' in e && byFunction(e.row) ? [e.row.id] : []));
        for (const keep of [byFunction, byColumns]) {
          const { outputs } = await run(stream, job(keep));
          // `map` may have changed the key: each partition has what came for it in the order of ticks.
          expect(outputs['ids']!.map((r) => (r.value as Row).id).sort((a, b) => a - b)).toEqual([...expected].sort((a, b) => a - b));
          for (let p = 0; p < stream.partitions.length; p++) {
            const own = outputs['ids']!.filter((r) => r.partition === p).map((r) => (r.value as Row).id);
            const keys = new Set(outputs['ids']!.filter((r) => r.partition === p).map((r) => r.key));
            expect(own).toEqual(mergedEvents(stream).flatMap((e) => ('row' in e && byFunction(e.row) && keys.has(e.row.k) ? [e.row.id] : [])));
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  test('a topic that is written where its key is keeps the partition and its order', async () => {
    await fc.assert(
      fc.asyncProperty(aStream(), async (stream) => {
        const copies = topic<Row>('copies', { key: 'k', time: 't', value: input[definition].schema });
        const { outputs } = await run(stream, pipeline('p', ({ from }) => from(input).pipe(filter(() => true), to(copies)), { tick: stream.tick }));
        expect(rowsOf(stream).map((_, p) => outputs['copies']!.filter((r) => r.partition === p).map((r) => r.value))).toEqual(rowsOf(stream));
        expect(outputs['copies']!.every((r) => r.timestamp === (r.value as Row).t && r.key === (r.value as Row).k)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test('split gives each record to the first branch that it fits', async () => {
    const branches = { even: (r: Row) => r.id % 2 === 0, third: (r: Row) => r.id % 3 === 0, rest: true } as const;
    const byColumns = { even: input.v.over(100), third: input.b.is(true), rest: true } as const;
    const fits = { even: (r: Row) => r.v !== null && r.v > 100, third: (r: Row) => r.b === true };
    await fc.assert(
      fc.asyncProperty(aStream({ rows: 40, maxPartitions: 2 }), fc.boolean(), async (stream, columns) => {
        const job = pipeline('p', ({ from }) => {
          const made = split(from(input), columns ? byColumns : branches);
          return Object.entries(made).map(([name, s]) => s.pipe(map((r) => ({ k: name, id: r.id })), to(ids)));
        }, { tick: stream.tick });
        const { even, third } = columns ? fits : branches;
        const expected = rowsOf(stream).flat().map((r) => `${even(r) ? 'even' : third(r) ? 'third' : 'rest'} ${r.id}`);
        expect((await run(stream, job)).values(ids).map((r) => `${r.k} ${r.id}`).sort()).toEqual(expected.sort());
      }),
      { numRuns: 100 },
    );
  });

  test('union has every record of its streams, and does not depend on how a run is cut', async () => {
    const second = topic('second', { key: 'k', time: 't', value: { k: 'string', id: 'int', t: 'timestamp' } });
    await fc.assert(
      fc.asyncProperty(aStream({ rows: 25, maxPartitions: 3 }), aStream({ rows: 10, maxPartitions: 3 }), fc.integer(), async (stream, other, seed) => {
        const job = pipeline('p', ({ from }) => {
          const main = from(input, { disorder: stream.disorder });
          return union(main.pipe(filter((r) => r.id % 2 === 0), map(small)), from(second).pipe(map((r) => ({ k: r.k, id: r.id + 1_000 }))), main.pipe(filter((r) => r.id % 2 === 1), map(small))).pipe(to(ids));
        }, { tick: stream.tick });
        const inputs = { in: stream.partitions, second: other.partitions.map((rows) => rows.map(({ k, id, t }) => ({ k, id, t }))) };
        const out = (await runPipeline(job, { inputs })).values(ids);
        const expected = [...rowsOf(stream).flat().map((r) => r.id), ...rowsOf(other).flat().map((r) => r.id + 1_000)];
        expect(out.map((r) => r.id).sort((a, b) => a - b)).toEqual(expected.sort((a, b) => a - b));
        await scrutinise(job, { inputs, runs: 3, seed });
      }),
      { numRuns: 30 },
    );
  });

  test('records is the RxJS operator over each partition', async () => {
    await fc.assert(
      fc.asyncProperty(aStream({ rows: 40, maxPartitions: 1 }), fc.integer({ min: 1, max: 5 }), async (stream, n) => {
        const lifted = rx.pipe(rx.concatMap((r: Row) => (r.id % 3 === 0 ? [] : [r, r])), rx.bufferCount<Row>(n), rx.map((some) => ({ k: 'x', id: some.reduce((a, r) => a + r.id, 0) })));
        const expected: unknown[] = [];
        rx.from(rowsOf(stream)[0]!).pipe(lifted).subscribe((v) => expected.push(v));
        expect((await run(stream, pipeline('p', ({ from }) => from(input).pipe(records(lifted), to(ids)), { tick: stream.tick }))).values(ids)).toEqual(expected);
      }),
      { numRuns: 100 },
    );
  });
});

describe('named cases', () => {
  interface Named {
    readonly name: string;
    readonly time: number;
  }
  const failing = (r: Named) => {
    if (r.name.startsWith('x')) throw new Error('cannot');
    return r.name !== 'b';
  };

  test('a record for which the function throws follows the error policy', () => {
    play(filter(failing), { in: 'a@1 x1@2 b@3 x2@4 c@5', out: 'a@1 c@5', deadLetters: 'x1@2 x2@4' });
    play(map(failing), { in: 'a@1 x@2', out: 'true@1', deadLetters: 'x@2' });
    play(map(failing, { onError: 'skip' }), { in: 'x@1 a@2 x@3', out: 'true@2' });
    expect(() => play(filter(failing, { onError: 'fail', id: 'f' }), { in: 'a@1 x@2', out: '' })).toThrow(expect.objectContaining({ code: 'HR_STEP', place: expect.objectContaining({ step: 'f' }) }));
  });

  test('a condition of split that throws sets the record aside once', async () => {
    const job = pipeline('p', ({ from }) => {
      const { a, b, rest } = split(from(input), { a: (r) => r.id === 1, b: (r) => { if (r.id === 2) throw new Error('no'); return false; }, rest: true });
      return [a.pipe(map(small), to(ids)), b.pipe(map(small), to(ids)), rest.pipe(map(small), to(others))];
    });
    const row = (id: number) => aRow(id, 'k', 0);
    const out = await runPipeline(job, { inputs: { in: [row(1), row(2), row(3)] } });
    expect([out.values(ids).map((r) => r.id), out.values(others).map((r) => r.id), out.deadLetters.length]).toEqual([[1], [3], 1]);
    expect(out.deadLetters[0]!.headers).toMatchObject({ 'hr-code': 'HR_STEP', 'hr-topic': 'in', 'hr-partition': '0', 'hr-offset': '1' });
  });

  test('what records emits at the end of the input is there', () => {
    play(records(rx.toArray<Named>()), { in: 'a@1 b@2 ||', out: '[{name:a,time:1000},{name:b,time:2000}]@2' });
    play(records(rx.toArray<Named>()), { in: '||', out: '' });
  });

  test('an operator that emits later, or fails, is told', () => {
    let emit: ((r: Named) => void) | undefined;
    const late = (source: rx.Observable<Named>) => new rx.Observable<Named>((s) => {
      emit = (r) => s.next(r);
      return source.subscribe();
    });
    const clock = filter<Named>(() => {
      emit?.({ name: 'late', time: 0 });
      return true;
    });
    expect(() => play((source: rx.Observable<import('../../dataflow/signal.js').Signal<Named>>) => source.pipe(clock, records(late)), { in: 'a@1 |w2', out: '' })).toThrow(expect.objectContaining({ code: 'HR_RECORDS_ASYNC' }));
    expect(() => play(records(rx.tap<Named>(() => { throw new Error('boom'); })), { in: 'a@1', out: '' })).toThrow(/boom/);
  });

  test('union keeps the order of ticks where a partition of a stream is empty', async () => {
    const second = topic('second', { key: 'k', time: 't', value: { k: 'string', id: 'int', t: 'timestamp' } });
    const job = pipeline('p', ({ from }) => {
      const main = from(input).pipe(map(small));
      return union(from(second).pipe(map(({ k, id }) => ({ k, id }))), main).pipe(to(ids));
    }, { tick: 1 });
    const { k, id, t } = aRow(0, 'k', 0);
    const inputs = { in: [[], [aRow(1, 'k', 100), aRow(2, 'k', 200)], []], second: [[], [], [{ k, id, t }]] };
    for (const cut of [{}, { stepRows: 1, commitMs: 0, blocks: (records: readonly unknown[]) => records.map((r) => [r]) }]) {
      expect((await runPipeline(job, { inputs, ...cut })).values(ids).map((r) => r.id)).toEqual([0, 1, 2]);
    }
  });

  test('split and union without streams are refused', () => {
    expect(() => union()).toThrow(expect.objectContaining({ code: 'HR_ARGUMENT' }));
    expect(() => split(rx.EMPTY as never, {})).toThrow(expect.objectContaining({ code: 'HR_ARGUMENT' }));
  });

  test('a row that does not fit its topic is set aside with its bytes, a topic that is none is refused', async () => {
    const job = pipeline('p', ({ from }) => from(input).pipe(map((r) => ({ k: r.k, id: r.id === 2 ? 1.5 : r.id })), to(ids, { id: 'out' })));
    const row = (id: number) => aRow(id, 'k', 0);
    const out = await runPipeline(job, { inputs: { in: [row(1), row(2), row(3)] } });
    expect(out.values(ids).map((r) => r.id)).toEqual([1, 3]);
    expect(out.deadLetters).toMatchObject([{ topic: 'out.dlq', key: 'k', headers: { 'hr-code': 'HR_STEP', 'hr-step': 'out', 'hr-offset': '1' } }]);
    expect(() => to({} as never)).toThrow(expect.objectContaining({ code: 'HR_ARGUMENT' }));
  });

  test('bytes that are no record, and event times that are none, are set aside', async () => {
    const job = pipeline('p', ({ from }) => from(input).pipe(map(small), to(ids)));
    const row = (id: number, t: number) => ({ ...aRow(id, 'k', 0), t });
    const out = await runPipeline(job, { inputs: { in: [row(1, 1_600_000_000_000), Uint8Array.of(1, 2, 3), Uint8Array.of(0, 0, 0, 0, 1, 250), row(2, 1_600_000_000), row(3, 1_600_000_000_000_000), row(4, 1_600_000_000_001)] } });
    expect(out.values(ids).map((r) => r.id)).toEqual([1, 4]);
    expect(out.deadLetters.map((r) => r.headers['hr-code'])).toEqual(['HR_DECODE', 'HR_DECODE', 'HR_EVENT_TIME', 'HR_EVENT_TIME']);
    expect(out.deadLetters.map((r) => r.headers['hr-offset'])).toEqual(['1', '2', '3', '4']);
    expect([...out.deadLetters[0]!.value!]).toEqual([1, 2, 3]);
    expect(out.metric('headrace_dead_letters_total')).toBe(4);
    expect(out.metric('headrace_records_in_total')).toBe(6);
  });
});
