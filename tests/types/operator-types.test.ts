import type { Observable } from 'rxjs';
import { describe, expectTypeOf, test } from 'vitest';
import { approxDistinct, count, countDistinct, first, histogram, last, max, mean, ratio, sum, topK, variance } from '../../dataflow/aggregates/index.js';
import { constant, text } from '../../dataflow/expression.js';
import type { PipelineScope } from '../../dataflow/pipeline.js';
import type { Signal } from '../../dataflow/signal.js';
import { topic } from '../../dataflow/topic.js';
import { session, sliding } from '../../dataflow/windows/window-spec.js';
import { aggregate, dedupe, flatMap, join, keyBy, latest, lookup, sample, throttle, to, topN, window, windowJoin } from '../../operators/index.js';

/** Never called: its body has to compile. */
const compiled = (_body: () => unknown): void => undefined;

declare const from: PipelineScope['from'];
type RowOf<S> = S extends Observable<Signal<infer T, infer _K>> ? T : never;

const orders = topic('orders', { value: { id: 'long', user: 'string', price: 'double' } });
const payments = topic('payments', { value: { order: 'long', payer: 'string', method: 'string?' } });
const byUser = () => from(orders).pipe(keyBy(orders.user));
const byPayer = () => from(payments).pipe(keyBy(payments.payer));
const byOrder = () => from(payments).pipe(keyBy(payments.order));
const fields = { left: { id: orders.id }, right: { method: payments.method } } as const;

describe('joins', () => {
  test('a join of streams with different key types does not compile', () => {
    compiled(() => join('j', byUser(), byPayer(), { within: '1h', ...fields }));
    // @ts-expect-error: both streams must be keyed by values of one type
    compiled(() => join('j', byUser(), byOrder(), { within: '1h', ...fields }));
    // @ts-expect-error: both streams must be keyed by values of one type
    compiled(() => windowJoin('j', byUser(), byOrder(), { every: '1h', ...fields }));
    // @ts-expect-error: both streams must be keyed by values of one type
    compiled(() => lookup('l', byUser(), byOrder(), { columns: { method: payments.method } }));
  });

  test('nor one of streams without a key', () => {
    // @ts-expect-error: keyBy is missing on the left
    compiled(() => join('j', from(orders), byPayer(), { within: '1h', ...fields }));
    // @ts-expect-error: keyBy is missing on the right
    compiled(() => join('j', byUser(), from(payments), { within: '1h', ...fields }));
  });

  test('nor one with a field on both sides, or a column of the wrong side', () => {
    // @ts-expect-error: this field is on both sides
    compiled(() => join('j', byUser(), byPayer(), { within: '1h', left: { id: orders.id }, right: { id: payments.order } }));
    // @ts-expect-error: payments have no price
    compiled(() => join('j', byUser(), byPayer(), { within: '1h', left: { id: orders.id }, right: { price: orders.price } }));
  });

  test('the fields of a side that may be missing may be null', () => {
    const inner = () => join('j', byUser(), byPayer(), { within: '1h', ...fields });
    expectTypeOf<RowOf<ReturnType<typeof inner>>>().toEqualTypeOf<{ readonly id: number } & { readonly method: string | null }>();
    const left = () => join('j', byUser(), byPayer(), { kind: 'left', within: '1h', left: { id: orders.id }, right: { order: payments.order } });
    expectTypeOf<RowOf<ReturnType<typeof left>>['id']>().toEqualTypeOf<number>();
    expectTypeOf<RowOf<ReturnType<typeof left>>['order']>().toEqualTypeOf<number | null>();
    const full = () => join('j', byUser(), byPayer(), { kind: 'full', within: '1h', left: { id: orders.id }, right: { order: (p) => p.order } });
    expectTypeOf<RowOf<ReturnType<typeof full>>['id']>().toEqualTypeOf<number | null>();
    expectTypeOf<RowOf<ReturnType<typeof full>>['order']>().toEqualTypeOf<number | null>();
    const windowed = () => windowJoin('j', byUser(), byPayer(), { every: '1h', ...fields });
    expectTypeOf<RowOf<ReturnType<typeof windowed>>['windowEnd']>().toEqualTypeOf<number>();
    const looked = () => lookup('l', byUser(), byPayer(), { columns: { order: payments.order } });
    expectTypeOf<RowOf<ReturnType<typeof looked>>['order']>().toEqualTypeOf<number | null>();
    expectTypeOf<RowOf<ReturnType<typeof looked>>['price']>().toEqualTypeOf<number>();
  });

  test('a left join does not fit a topic that takes no null', () => {
    const strict = topic('strict', { value: { id: 'long', order: 'long' } });
    compiled(() => join('j', byUser(), byPayer(), { within: '1h', left: { id: orders.id }, right: { order: payments.order } }).pipe(to(strict)));
    // @ts-expect-error: order may be null
    compiled(() => join('j', byUser(), byPayer(), { kind: 'left', within: '1h', left: { id: orders.id }, right: { order: payments.order } }).pipe(to(strict)));
  });
});

describe('steps with a key', () => {
  test('none of them compiles without keyBy', () => {
    // @ts-expect-error: keyBy is missing
    compiled(() => from(orders).pipe(topN('t', { n: 1, by: orders.price })));
    // @ts-expect-error: keyBy is missing
    compiled(() => from(orders).pipe(latest('l')));
    // @ts-expect-error: keyBy is missing
    compiled(() => from(orders).pipe(dedupe('d', { within: '1h' })));
    // @ts-expect-error: keyBy is missing
    compiled(() => from(orders).pipe(throttle('t', { every: '1h' })));
    // @ts-expect-error: keyBy is missing
    compiled(() => from(orders).pipe(aggregate('a', { n: count() })));
    // @ts-expect-error: keyBy is missing
    compiled(() => from(orders).pipe(window('s', session('1h'), { n: count() })));
    // @ts-expect-error: flatMap takes the key away
    compiled(() => byUser().pipe(flatMap((o) => [o]), latest('l')));
    compiled(() => byUser().pipe(sample(0.5), latest('l')));
  });

  test('rows say in their type how changes are told', () => {
    const upserts = () => byUser().pipe(topN('t', { n: 3, by: orders.price }));
    expectTypeOf<RowOf<ReturnType<typeof upserts>>['rank']>().toEqualTypeOf<number>();
    expectTypeOf<'change' extends keyof RowOf<ReturnType<typeof upserts>> ? true : false>().toEqualTypeOf<false>();
    const retractions = () => byUser().pipe(topN('t', { n: 3, by: orders.price, changes: 'retractions' }));
    expectTypeOf<RowOf<ReturnType<typeof retractions>>['change']>().toEqualTypeOf<'insert' | 'retract'>();
    const windowed = () => byUser().pipe(topN('t', { n: 3, by: orders.price, every: '1h' }));
    expectTypeOf<RowOf<ReturnType<typeof windowed>>['windowStart']>().toEqualTypeOf<number>();
    const totals = () => byUser().pipe(aggregate('a', { n: count(), price: mean(orders.price) }, { changes: 'retractions' }));
    expectTypeOf<RowOf<ReturnType<typeof totals>>['user']>().toEqualTypeOf<string>();
    expectTypeOf<RowOf<ReturnType<typeof totals>>['price']>().toEqualTypeOf<number | null>();
    expectTypeOf<RowOf<ReturnType<typeof totals>>['change']>().toEqualTypeOf<'insert' | 'retract'>();
    // @ts-expect-error: user is text, which ranks nothing
    compiled(() => byUser().pipe(topN('t', { n: 3, by: orders.user })));
  });

  test('the key of a constant and of a text', () => {
    const all = () => from(orders).pipe(keyBy('all', constant('all')), window('w', { every: '1h' }, { n: count() }));
    expectTypeOf<RowOf<ReturnType<typeof all>>['key']>().toEqualTypeOf<'all'>();
    const pair = () => from(orders).pipe(keyBy('pair', text(orders.user, '/', orders.id)), window('w', { every: '1h' }, { n: count() }));
    expectTypeOf<RowOf<ReturnType<typeof pair>>['key']>().toEqualTypeOf<string>();
  });

  test('a session has no size, and a window no gap', () => {
    // @ts-expect-error: there is no such duration
    compiled(() => byUser().pipe(window('s', session('1hour'), { n: count() })));
    // @ts-expect-error: keyBy is missing
    compiled(() => from(orders).pipe(window('s', sliding('1h'), { n: count() })));
    // @ts-expect-error: there is no such duration
    compiled(() => byUser().pipe(window('s', sliding('1hour'), { n: count() })));
    const rows = () => byUser().pipe(window('s', { gap: '30m', lateness: '1h' }, { users: countDistinct(orders.user), spread: variance(orders.price), opening: first(orders.price), shape: histogram(orders.price, [1, 2]), names: topK(orders.user, 3) }));
    type Row = RowOf<ReturnType<typeof rows>>;
    expectTypeOf<Row['users']>().toEqualTypeOf<number>();
    expectTypeOf<Row['spread']>().toEqualTypeOf<number | null>();
    expectTypeOf<Row['opening']>().toEqualTypeOf<number | null>();
    expectTypeOf<Row['shape']>().toEqualTypeOf<readonly number[]>();
    expectTypeOf<Row['names'][number]>().toEqualTypeOf<{ readonly value: string; readonly count: number }>();
  });
});

describe('aggregates of changing rows', () => {
  const rankings = () => byUser().pipe(topN('t', { n: 3, by: orders.price, changes: 'retractions' }), keyBy('rank', (r) => r.rank));

  test('only those compile that can take a row back', () => {
    compiled(() => rankings().pipe(aggregate('a', { n: count(), total: sum((r) => r.price), mean: mean((r) => r.price), share: ratio(count().where((r) => r.price > 1), count()) })));
    // @ts-expect-error: a maximum cannot be taken back
    compiled(() => rankings().pipe(aggregate('a', { n: count(), most: max((r) => r.price) })));
    // @ts-expect-error: nor a last value
    compiled(() => rankings().pipe(aggregate('a', { closing: last((r) => r.price) })));
    // @ts-expect-error: nor what a sketch has seen
    compiled(() => rankings().pipe(aggregate('a', { users: approxDistinct((r) => r.user) })));
    // @ts-expect-error: nor a ratio of one
    compiled(() => rankings().pipe(aggregate('a', { share: ratio(max((r) => r.price), count()) })));
    // @ts-expect-error: nor what a custom aggregate has added
    compiled(() => rankings().pipe(aggregate('a', { own: { init: () => 0, add: (s: number) => s + 1, merge: (a: number, b: number) => a + b, result: (s: number) => s } })));
    compiled(() => byUser().pipe(topN('t', { n: 3, by: orders.price }), keyBy('rank', (r) => r.rank), aggregate('a', { most: max((r) => r.price) })));
  });

  test('results can be aggregated again, and say so', () => {
    const twice = () => byUser().pipe(aggregate('a', { n: count() }, { changes: 'retractions' }), keyBy('n', (r) => r.n), aggregate('b', { users: count() }, { changes: 'retractions' }));
    expectTypeOf<RowOf<ReturnType<typeof twice>>>().toEqualTypeOf<{ readonly key: number } & { readonly users: number } & { readonly change: 'insert' | 'retract' }>();
  });
});

test('first and last are of any column', () => {
  const rows = () => byPayer().pipe(window('w', { every: '1h' }, { method: last(payments.method), payer: first(payments.payer), order: first(payments.order) }));
  type Row = RowOf<ReturnType<typeof rows>>;
  expectTypeOf<Row['method']>().toEqualTypeOf<string | null>();
  expectTypeOf<Row['order']>().toEqualTypeOf<number | null>();
});
