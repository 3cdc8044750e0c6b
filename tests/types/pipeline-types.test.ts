import { describe, expectTypeOf, test } from 'vitest';
import type { Observable } from 'rxjs';
import { count, max, mean, min, quantiles, ratio, sum } from '../../dataflow/aggregates/index.js';
import { filter, keyBy, map, pipeline, process, split, to, topic, union, window, type Pipeline, type PipelineScope, type Signal, type Topic, type WindowRow } from '../../index.js';
import { clicks } from '../../pipelines/clicks.js';
import { play, sideOutput } from '../../runners/testing/index.js';
import type { ClickEvent } from '../../schemas/generated/click-event.js';

// Checked by `npm run typecheck`; what is in a function here is never run.
const compiled = (_never: () => unknown) => {};
declare const from: PipelineScope['from'];
type RowOf<S> = S extends Observable<Signal<infer T, infer _K>> ? T : never;

describe('a job of one’s own', () => {
  test('compiles as it is written in the guide, and builds', () => {
    const itemCtr = topic('item-ctr', { key: 'itemId', value: { itemId: 'string', ctr: 'double', watchMs: 'double', windowEnd: 'timestamp' } });

    const job = pipeline('item-ctr', ({ from }) =>
      from(clicks, { disorder: '30s' }).pipe(
        filter((c) => c.surface === 'feed'),
        keyBy(clicks.itemId),
        window('ctr', { every: '5m', lateness: '1m' }, {
          ctr: ratio(count().where(clicks.eventType.is('CLICK')), count().where(clicks.eventType.is('IMPRESSION'))),
          watchMs: mean(clicks.watchMs),
        }),
        to(itemCtr),
      ));

    expectTypeOf(job).toEqualTypeOf<Pipeline>();
  });

  test('a ratio may be null, which a double takes and a whole number does not', () => {
    const whole = topic('whole', { value: { itemId: 'string', ctr: 'int' } });
    // @ts-expect-error ctr is number | null
    compiled(() => from(clicks).pipe(keyBy(clicks.itemId), window('w', { every: '5m' }, { ctr: ratio(count(), count()) }), to(whole)));
  });
});

describe('the types refuse the wrong program', () => {
  test('a window without a key', () => {
    // @ts-expect-error keyBy is missing
    compiled(() => from(clicks).pipe(window('n', { every: '5m' }, { n: count() })));
    // @ts-expect-error map takes the key away
    compiled(() => from(clicks).pipe(keyBy(clicks.itemId), map((c) => c), window('n', { every: '5m' }, { n: count() })));
    // @ts-expect-error a union has no key
    compiled(() => union(from(clicks).pipe(keyBy(clicks.itemId)), from(clicks).pipe(keyBy(clicks.itemId))).pipe(window('n', { every: '5m' }, { n: count() })));
    compiled(() => from(clicks).pipe(keyBy(clicks.itemId), filter((c) => c.watchMs > 0), window('n', { every: '5m' }, { n: count() })));
  });

  test('process without a key', () => {
    const run = { init: () => ({}), onRecord() {} };
    // @ts-expect-error keyBy is missing
    compiled(() => from(clicks).pipe(process('p', run)));
    compiled(() => from(clicks).pipe(keyBy(clicks.userId), process('p', run)));
  });

  test('a row that does not fit its topic', () => {
    const out = topic('out', { value: { itemId: 'string', n: 'int' } });
    compiled(() => from(clicks).pipe(map((c) => ({ itemId: c.itemId, n: 1, more: true })), to(out)));
    // @ts-expect-error n is missing
    compiled(() => from(clicks).pipe(map((c) => ({ itemId: c.itemId })), to(out)));
    // @ts-expect-error n is text
    compiled(() => from(clicks).pipe(map((c) => ({ itemId: c.itemId, n: '1' })), to(out)));
    // @ts-expect-error the key of the window is userId
    compiled(() => from(clicks).pipe(keyBy(clicks.userId), window('n', { every: '5m' }, { n: count() }), to(out)));
  });

  test('a column or field that is not there', () => {
    // @ts-expect-error no such column
    compiled(() => clicks.itmeId);
    // @ts-expect-error no such field
    compiled(() => from(clicks).pipe(filter((c) => c.itmeId === 'x')));
    // @ts-expect-error no such field to be the key
    compiled(() => topic('t', { key: 'b', value: { a: 'string' } }));
    // @ts-expect-error no such type
    compiled(() => topic('t', { value: { a: 'text' } }));
  });

  test('a value that the column cannot have', () => {
    // @ts-expect-error no such symbol
    compiled(() => clicks.eventType.is('CLIKC'));
    // @ts-expect-error a number
    compiled(() => clicks.watchMs.is('5'));
    // @ts-expect-error text is not over anything
    compiled(() => clicks.itemId.over(5));
    // @ts-expect-error not a condition
    compiled(() => count().where(clicks.watchMs));
    // @ts-expect-error not a condition
    compiled(() => from(clicks).pipe(filter(clicks.watchMs)));
  });

  test('numbers of text', () => {
    // @ts-expect-error itemId is text
    compiled(() => sum(clicks.itemId));
    // @ts-expect-error eventType is text
    compiled(() => mean(clicks.eventType));
    // @ts-expect-error agent is text
    compiled(() => min(clicks.agent));
    // @ts-expect-error surface is text
    compiled(() => max(clicks.surface));
    // @ts-expect-error category is text
    compiled(() => quantiles(clicks.category, [0.5]));
    // @ts-expect-error groups by number need a size
    compiled(() => count().by(clicks.position));
  });

  test('columns of another topic', () => {
    const other = topic('other', { value: { elsewhere: 'int' } });
    // @ts-expect-error clicks have no `elsewhere`
    compiled(() => from(clicks).pipe(filter(other.elsewhere.over(1))));
    // @ts-expect-error clicks have no `elsewhere`
    compiled(() => from(clicks).pipe(keyBy(other.elsewhere)));
    // @ts-expect-error clicks have no `elsewhere`
    compiled(() => from(clicks).pipe(keyBy(clicks.userId), window('w', { every: '5m' }, { n: sum(other.elsewhere) })));
  });

  test('an object as a key, an unknown duration, a late topic of other records', () => {
    // @ts-expect-error a key is text, a number or a boolean
    compiled(() => from(clicks).pipe(keyBy('k', (c) => ({ user: c.userId }))));
    // @ts-expect-error minutes are m
    compiled(() => window('w', { every: '5min' }, { n: count() }));
    const late = topic('late', { value: { nowhere: 'int' } });
    // @ts-expect-error clicks do not fit
    compiled(() => from(clicks).pipe(keyBy(clicks.userId), window('w', { every: '5m', late }, { n: count() })));
  });
});

describe('what is inferred', () => {
  test('the row of a window: the key by its name, the window and the aggregates', () => {
    const rows = () => from(clicks).pipe(
      keyBy(clicks.userId),
      window('w', { every: '5m' }, {
        n: count(), byCategory: count().by(clicks.category), dense: count().by(clicks.position, { size: 3 }), s: sum(clicks.watchMs), least: min(clicks.watchMs), q: quantiles(clicks.watchMs, [0.5]),
        own: { init: () => [] as string[], add: (s: string[], c: ClickEvent) => [...s, c.itemId], merge: (a: string[], b: string[]) => [...a, ...b], result: (s: string[]) => s.length > 0 },
      }),
    );
    type Row = RowOf<ReturnType<typeof rows>>;
    expectTypeOf<Row['userId']>().toEqualTypeOf<string>();
    expectTypeOf<Row['windowStart']>().toEqualTypeOf<number>();
    expectTypeOf<Row['windowEnd']>().toEqualTypeOf<number>();
    expectTypeOf<Row['revision']>().toEqualTypeOf<number>();
    expectTypeOf<Row['n']>().toEqualTypeOf<number>();
    expectTypeOf<Row['byCategory']>().toEqualTypeOf<Readonly<Record<string, number>>>();
    expectTypeOf<Row['dense']>().toEqualTypeOf<readonly number[]>();
    expectTypeOf<Row['s']>().toEqualTypeOf<number>();
    expectTypeOf<Row['least']>().toEqualTypeOf<number | null>();
    expectTypeOf<Row['q']>().toEqualTypeOf<Readonly<Record<string, number | null>>>();
    expectTypeOf<Row['own']>().toEqualTypeOf<boolean>();
    expectTypeOf<keyof Row>().toEqualTypeOf<'userId' | 'windowStart' | 'windowEnd' | 'revision' | 'n' | 'byCategory' | 'dense' | 's' | 'least' | 'q' | 'own'>();
  });

  test('the key of a function is named key and has its type', () => {
    const rows = () => from(clicks).pipe(keyBy('by-length', (c) => c.itemId.length), window('w', { every: '5m' }, { n: count() }));
    expectTypeOf<RowOf<ReturnType<typeof rows>>['key']>().toEqualTypeOf<number>();
    expectTypeOf<RowOf<ReturnType<typeof rows>>>().toEqualTypeOf<WindowRow<{ readonly key: number }, { readonly n: ReturnType<typeof count> }>>();
  });

  test('records through map, filter, split and process', () => {
    const mapped = () => from(clicks).pipe(filter(clicks.watchMs.over(0)), map((c) => ({ item: c.itemId })));
    expectTypeOf<RowOf<ReturnType<typeof mapped>>>().toEqualTypeOf<{ item: string }>();
    const branches = () => split(from(clicks), { long: (c) => c.watchMs > 1_000, rest: true });
    expectTypeOf<RowOf<ReturnType<typeof branches>['long']>>().toEqualTypeOf<ClickEvent>();
    expectTypeOf<keyof ReturnType<typeof branches>>().toEqualTypeOf<'long' | 'rest'>();
    const processed = () => from(clicks).pipe(keyBy(clicks.userId), process<ClickEvent, { readonly userId: string }, { n: number }, string>('p', { init: () => ({ n: 0 }), onRecord: (c, state, { emit }) => emit(`${c.itemId} ${state.n}`) }));
    expectTypeOf<RowOf<ReturnType<typeof processed>>>().toEqualTypeOf<string>();
  });

  test('records of a topic that is declared in place', () => {
    const t = topic('t', { value: { a: 'string', b: 'int?', c: 'double[]', d: 'timestamp', e: 'boolean' } });
    expectTypeOf<typeof t>().toExtend<Topic<{ readonly a: string; readonly b: number | null; readonly c: readonly number[]; readonly d: number; readonly e: boolean }>>();
  });

  test('play takes its records from the side output', () => {
    const late = sideOutput<ClickEvent>('late');
    compiled(() => play(window('n', { every: '10s', late }, { n: sum(clicks.watchMs) }), { in: '', out: '', key: (c) => c.userId }));
    // @ts-expect-error clicks have no `user`
    compiled(() => play(window('n', { every: '10s', late }, { n: count() }), { in: '', out: '', key: (c) => c.user }));
  });
});

test('a topic that takes null for a double is read as numbers', () => {
  const rates = topic('rates', { value: { itemId: 'string', rate: 'double' } });
  const read = () => from(rates);
  expectTypeOf<RowOf<ReturnType<typeof read>>>().toEqualTypeOf<{ readonly itemId: string; readonly rate: number }>();
});
