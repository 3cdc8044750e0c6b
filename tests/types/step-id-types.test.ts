import { describe, test } from 'vitest';
import { count } from '../../dataflow/aggregates/index.js';
import type { PipelineScope } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { aggregate, dedupe, enrich, filter, flatMap, join, keyBy, latest, lookup, map, process, reduce, sample, split, tap, throttle, to, topN, union, window, windowJoin } from '../../operators/index.js';

const compiled = (_body: () => unknown): void => undefined;
declare const from: PipelineScope['from'];
const orders = topic('orders', { value: { id: 'long', user: 'string', price: 'double' } });

describe('two steps of one stream with one id', () => {
  test('do not compile', () => {
    compiled(() => from(orders).pipe(keyBy(orders.user), window('n', { every: '1h' }, { n: count() }), window('m', { every: '1d' }, { n: count() })));
    // @ts-expect-error: a step before this one has the same id
    compiled(() => from(orders).pipe(keyBy(orders.user), window('n', { every: '1h' }, { n: count() }), window('n', { every: '1d' }, { n: count() })));
    // @ts-expect-error: a step before this one has the same id
    compiled(() => from(orders).pipe(keyBy(orders.user), window('n', { every: '1h' }, { n: count() }), filter((r) => r.n > 1), keyBy('k', (r) => r.n), window('n', { every: '1d' }, { n: count() })));
    // @ts-expect-error: a step before this one has the same id
    compiled(() => from(orders).pipe(keyBy('n', (r) => r.price), window('n', { every: '1h' }, { n: count() })));
    });

  test('whatever stands between them, in one pipe or several', () => {
    const first = () => from(orders).pipe(keyBy(orders.user), dedupe('once', { within: '1h' }));
    compiled(() => first().pipe(latest('last')));
    // @ts-expect-error: a step before this one has the same id
    compiled(() => first().pipe(latest('once')));
    // @ts-expect-error: a step before this one has the same id
    compiled(() => first().pipe(tap(() => undefined), sample(0.5), filter(orders.price.over(1)), throttle('once', { every: '1h' })));
    // @ts-expect-error: a step before this one has the same id
    compiled(() => first().pipe(map((o) => o), flatMap((o) => [o]), keyBy(orders.id), topN('once', { n: 1, by: orders.price })));
    // @ts-expect-error: a step before this one has the same id
    compiled(() => first().pipe(to(orders), aggregate('once', { n: count() })));
    // @ts-expect-error: a step before this one has the same id
    compiled(() => first().pipe(reduce('once', { init: () => 0, reduce: (n: number) => n + 1 })));
    // @ts-expect-error: a step before this one has the same id
    compiled(() => first().pipe(enrich('once', async () => 1)));
    // @ts-expect-error: a step before this one has the same id
    compiled(() => first().pipe(process('once', { init: () => ({}), onRecord: () => undefined })));
    // @ts-expect-error: a step before this one has the same id
    compiled(() => split(first(), { dear: orders.price.over(5), rest: true }).rest.pipe(latest('once')));
    // @ts-expect-error: a step before this one has the same id
    compiled(() => union(first(), from(orders)).pipe(keyBy('once', (o) => o.id)));
  });

  test('nor where streams meet', () => {
    const left = () => from(orders).pipe(keyBy(orders.user), dedupe('left', { within: '1h' }));
    const right = () => from(orders).pipe(keyBy(orders.user), dedupe('right', { within: '1h' }));
    const fields = { left: { id: orders.id }, right: { price: orders.price } } as const;
    compiled(() => join('met', left(), right(), { within: '1h', ...fields }).pipe(latest('last')));
    // @ts-expect-error: a step before this one has the same id
    compiled(() => join('right', left(), right(), { within: '1h', ...fields }));
    // @ts-expect-error: a step before this one has the same id
    compiled(() => windowJoin('left', left(), right(), { every: '1h', ...fields }));
    // @ts-expect-error: a step before this one has the same id
    compiled(() => lookup('left', left(), right(), { columns: { other: orders.price } }));
    // @ts-expect-error: a step before this one has the same id
    compiled(() => join('met', left(), right(), { within: '1h', ...fields }).pipe(latest('right')));
  });

  test('an id that is made at run time is not known, and one of another branch is not seen', () => {
    const name = (): string => 'n';
    compiled(() => from(orders).pipe(keyBy(orders.user), latest(name()), dedupe('n', { within: '1h' })));
    compiled(() => [from(orders).pipe(keyBy(orders.user), latest('n')), from(orders).pipe(keyBy(orders.user), latest('n'))]);
  });
});
