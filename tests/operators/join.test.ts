import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { join, type JoinKind, type JoinOptions } from '../../operators/join.js';
import { keyBy } from '../../operators/key-by.js';
import { map } from '../../operators/map.js';
import { to } from '../../operators/to.js';
import { runPipeline } from '../../runners/testing/run-pipeline.js';
import { scrutinise } from '../../runners/testing/scrutinise.js';

interface Order {
  readonly id: number;
  readonly user: string;
  readonly t: number;
}
interface Payment {
  readonly number: number;
  readonly payer: string;
  readonly method: string | null;
  readonly t: number;
}

const orders = topic('orders', { key: 'id', time: 't', value: { id: 'int', user: 'string', t: 'timestamp' } });
const payments = topic('payments', { key: 'number', time: 't', value: { number: 'int', payer: 'string', method: 'string?', t: 'timestamp' } });
const pairs = topic('pairs', { value: { json: 'string' } });

type Within = JoinOptions<never, never, never>['within'];

function job(kind: JoinKind, within: Within, disorder = 0, lateness = 0) {
  return pipeline('job', ({ from }) =>
    join('j', from(orders, { disorder }).pipe(keyBy(orders.user)), from(payments, { disorder }).pipe(keyBy(payments.payer)), {
      kind,
      within,
      lateness,
      left: { order: orders.id, at: orders.t },
      right: { payment: payments.number, method: payments.method, paid: payments.t },
    }).pipe(map((row) => ({ json: JSON.stringify(row) })), to(pairs)), { tick: 1 });
}

const start = 1_600_000_000_000;
const order = (id: number, user: string, t: number): Order => ({ id, user, t: start + t });
const payment = (number: number, payer: string, t: number, method: string | null = 'card'): Payment => ({ number, payer, method, t: start + t });

async function joined(kind: JoinKind, within: Within, left: readonly Order[], right: readonly Payment[], disorder = 0, lateness = 0): Promise<string[]> {
  const run = await runPipeline(job(kind, within, disorder, lateness), { inputs: { orders: left, payments: right } });
  return run.values(pairs).map(({ json }) => short(json));
}

/** `order-payment`, with `.` for the one that is missing. */
function short(json: string): string {
  const { order: o, payment: p } = JSON.parse(json) as { order: number | null; payment: number | null };
  return `${o ?? '.'}-${p ?? '.'}`;
}

describe('pairs', () => {
  test('both ends of the interval belong to it, a millisecond more does not', async () => {
    const within = { before: 10, after: 20 };
    const right = [payment(1, 'a', 1_000)];
    expect(await joined('inner', within, [order(1, 'a', 989), order(2, 'a', 990), order(3, 'a', 1_020), order(4, 'a', 1_021)], right)).toEqual(['2-1', '3-1']);
  });

  test('one duration stands for both sides; keys have to be equal', async () => {
    expect(await joined('inner', 5, [order(1, 'a', 100), order(2, 'b', 100), order(3, 'a', 106)], [payment(1, 'a', 101), payment(2, 'c', 100)])).toEqual(['1-1', '3-1']);
  });

  test('a row has every field of both sides, the later time, and null stays null', async () => {
    const run = await runPipeline(job('inner', 50), { inputs: { orders: [order(7, 'a', 10)], payments: [payment(3, 'a', 40, null)] } });
    expect(run.outputs.pairs!.map((r) => ({ time: r.timestamp - start, ...(JSON.parse((r.value as { json: string }).json) as object) }))).toEqual([{ time: 40, order: 7, at: start + 10, payment: 3, method: null, paid: start + 40 }]);
  });

  test('every pair of a key comes out, once', async () => {
    expect((await joined('inner', 100, [order(1, 'a', 1), order(2, 'a', 2)], [payment(1, 'a', 3), payment(2, 'a', 1), payment(3, 'a', 4)], 10)).sort()).toEqual(['1-1', '1-2', '1-3', '2-1', '2-2', '2-3']);
  });

  test('a key that comes back after its rows have expired finds nothing of them', async () => {
    expect(await joined('inner', 10, [order(1, 'a', 0), order(2, 'a', 100_000)], [payment(1, 'a', 5), payment(2, 'a', 50_000), payment(3, 'a', 100_005)])).toEqual(['1-1', '2-3']);
  });

  test('rows before the watermark are counted and left out; within the lateness they are joined', async () => {
    const left = [order(1, 'a', 0), order(2, 'a', 1_000), order(4, 'z', 1_001), order(3, 'a', 10)];
    const right = [payment(1, 'a', 0), payment(2, 'a', 1_000), payment(3, 'a', 12)];
    expect((await joined('inner', 20, left, right)).sort()).toEqual(['1-1', '2-2']);
    expect((await joined('inner', 20, left, right, 0, 2_000)).sort()).toEqual(['1-1', '1-3', '2-2', '3-1', '3-3']);
    const run = await runPipeline(job('inner', 20), { inputs: { orders: left, payments: right } });
    expect(run.metric('headrace_records_late_total', 'j')).toBe(2);
  });

  test('without a bound rows meet however far apart they are', async () => {
    expect(await joined('inner', 'forever', [order(1, 'a', 0)], [payment(9, 'b', 500_000), payment(1, 'a', 900_000_000)])).toEqual(['1-1']);
  });
});

describe('rows without a partner', () => {
  test('an empty side', async () => {
    expect(await joined('inner', 10, [order(1, 'a', 0)], [])).toEqual([]);
    expect(await joined('left', 10, [order(1, 'a', 0)], [])).toEqual(['1-.']);
    expect(await joined('left', 10, [], [payment(1, 'a', 0)])).toEqual([]);
    expect(await joined('full', 10, [order(1, 'a', 0)], [payment(1, 'b', 3)])).toEqual(['1-.', '.-1']);
  });

  test('come out when no partner can come any more, in the order of their times, and with null in every other field', async () => {
    const left = [order(1, 'a', 0), order(2, 'a', 5), order(3, 'b', 100_000)];
    const run = await runPipeline(job('full', 10), { inputs: { orders: left, payments: [payment(1, 'a', 14), payment(2, 'x', 50_000), payment(3, 'b', 100_001)] } });
    const rows = run.values(pairs).map(({ json }) => JSON.parse(json) as Record<string, unknown>);
    expect(rows.map((r) => short(JSON.stringify(r)))).toEqual(['2-1', '1-.', '.-2', '3-3']);
    expect(rows[1]).toEqual({ order: 1, at: start, payment: null, method: null, paid: null });
    expect(rows[2]).toEqual({ order: null, at: null, payment: 2, method: 'card', paid: start + 50_000 });
  });

  test('a later run does not pair a row that the end of a bounded one has given out', async () => {
    const first = await runPipeline(job('left', 1_000), { inputs: { orders: [order(1, 'a', 0), order(2, 'b', 0)], payments: [payment(2, 'b', 1)] } });
    const second = await runPipeline(job('left', 1_000), { inputs: { payments: [payment(3, 'a', 2), payment(4, 'b', 3)] }, runtime: first.runtime });
    expect(second.values(pairs).map(({ json }) => short(json))).toEqual(['2-2', '1-.', '2-4']);
  });
});

test('what cannot be joined is said when the pipeline is built', () => {
  const build = (change: object) => () => pipeline('p', ({ from }) => join('j', from(orders).pipe(keyBy(orders.user)), from(payments).pipe(keyBy(payments.payer)), { within: '1m', left: { a: orders.id }, right: { b: payments.number }, ...change } as never)).build({ from: () => ({ pipe: () => ({ subscribe() {} }) }) as never });
  expect(build({ right: { a: payments.number } })).toThrow('join "j" has the field "a" on both sides');
  expect(build({ kind: 'outer' })).toThrow('kind "outer"');
  expect(build({ kind: 'left', within: 'forever' })).toThrow('a left join without a bound');
  expect(build({ within: '1 minute' })).toThrow('not a duration');
});

/** What a join is: every pair of rows, looked at by itself. */
function naive(kind: JoinKind, before: number, after: number, left: readonly Order[], right: readonly Payment[]): string[] {
  const isPair = (o: Order, p: Payment) => o.user === p.payer && o.t >= p.t - before && o.t <= p.t + after;
  const found = left.flatMap((o) => right.filter((p) => isPair(o, p)).map((p) => `${o.id}-${p.number}`));
  const lonely = left.filter((o) => !right.some((p) => isPair(o, p))).map((o) => `${o.id}-.`);
  const unpaid = right.filter((p) => !left.some((o) => isPair(o, p))).map((p) => `.-${p.number}`);
  return [...found, ...(kind === 'inner' ? [] : lonely), ...(kind === 'full' ? unpaid : [])].sort();
}

const aSide = fc.array(fc.record({ user: fc.constantFrom('a', 'b', 'c', 'd'), step: fc.integer({ min: 0, max: 30 }), back: fc.integer({ min: 0, max: 20 }) }), { maxLength: 40 });
const rowsOf = <R>(side: readonly { user: string; step: number; back: number }[], make: (id: number, user: string, t: number) => R): R[] => {
  let now = 100;
  return side.map(({ user, step, back }, i) => make(i, user, (now += step) - back));
};

test('equals the look at every pair, in any order within the disorder, on 1 to 8 partitions, with restarts', async () => {
  await fc.assert(
    fc.asyncProperty(
      aSide, aSide, fc.constantFrom('inner' as const, 'left' as const, 'full' as const), fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 8 }), fc.integer(),
      async (one, two, kind, before, after, partitions, seed) => {
        const left = rowsOf(one, order);
        const right = rowsOf(two, payment);
        const run = await runPipeline(job(kind, { before, after }, 30), { inputs: { orders: left, payments: right }, partitions, stepRows: 7, commitMs: 0, restarts: { seed, share: 0.3 } });
        expect(run.values(pairs).map(({ json }) => short(json)).sort()).toEqual(naive(kind, before, after, left, right));
      },
    ),
    { numRuns: 150 },
  );
});

test('batches, epochs and restarts leave no trace', async () => {
  const left = rowsOf(Array.from({ length: 60 }, (_, i) => ({ user: 'abcd'[i % 4]!, step: (i * 7) % 23, back: (i * 5) % 17 })), order);
  const right = rowsOf(Array.from({ length: 60 }, (_, i) => ({ user: 'abcd'[(i * 3) % 4]!, step: (i * 11) % 19, back: (i * 3) % 13 })), payment);
  for (const kind of ['inner', 'full'] as const) await scrutinise(job(kind, 40, 20), { inputs: { orders: left, payments: right }, partitions: 3, shuffle: true });
});
