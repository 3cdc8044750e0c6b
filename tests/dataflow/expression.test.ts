import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Batch, columnRows, objectRows } from '../../dataflow/batch.js';
import { columnFrom } from '../../dataflow/column-from.js';
import { Expression, expression, mask } from '../../dataflow/expression.js';
import { topic } from '../../dataflow/topic.js';
import { cell, type Column } from '../../schemas/column.js';

interface Row {
  readonly s: string | null;
  readonly n: number | null;
  readonly b: boolean | null;
}

const t = topic('t', { value: { s: 'string?', n: 'double?', b: 'boolean?' } });
const aRow = fc.record({ s: fc.constantFrom('', 'a', 'ab', 'ü', null), n: fc.constantFrom(-1, 0, 0.5, 2, null), b: fc.constantFrom(true, false, null) });
const batchOf = (rows: readonly Row[]) => new Batch<Row>(objectRows(rows), new Float64Array(rows.length)) as unknown as Batch<never>;

/** Random conditions, as an expression and as the function that it stands for. */
const leaf: fc.Arbitrary<readonly [Expression<Row, boolean>, (r: Row) => boolean]> = fc.oneof(
  fc.constantFrom('', 'a', 'ü', 'zz', null).map((v) => [t.s.is(v), (r: Row) => r.s === v] as const),
  fc.constantFrom('a', 'ab', null).map((v) => [t.s.isNot(v), (r: Row) => r.s !== v] as const),
  fc.subarray(['', 'a', 'ab', null]).map((vs) => [t.s.oneOf(...vs), (r: Row) => vs.includes(r.s)] as const),
  fc.constantFrom(-1, 0, 0.5, null).map((v) => [t.n.is(v), (r: Row) => r.n === v] as const),
  fc.constantFrom(-1, 0, 1).map((v) => [t.n.over(v), (r: Row) => r.n !== null && r.n > v] as const),
  fc.constantFrom(-1, 0, 1).map((v) => [t.n.atLeast(v), (r: Row) => r.n !== null && r.n >= v] as const),
  fc.constantFrom(-1, 0, 1).map((v) => [t.n.under(v), (r: Row) => r.n !== null && r.n < v] as const),
  fc.constantFrom(-1, 0, 1).map((v) => [t.n.atMost(v), (r: Row) => r.n !== null && r.n <= v] as const),
  fc.constantFrom(true, false, null).map((v) => [t.b.is(v), (r: Row) => r.b === v] as const),
  fc.constant([t.b as Expression<Row, boolean>, (r: Row) => r.b === true] as const),
  fc.constant([expression((r: Row) => r.s === 'a'), (r: Row) => r.s === 'a'] as const),
);
const { condition } = fc.letrec<{ condition: readonly [Expression<Row, boolean>, (r: Row) => boolean] }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 3 },
    leaf,
    tie('condition').map(([e, f]) => [e.not(), (r: Row) => !f(r)] as const),
    fc.tuple(tie('condition'), tie('condition')).map(([[e, f], [e2, f2]]) => [e.and(e2), (r: Row) => f(r) && f2(r)] as const),
    fc.tuple(tie('condition'), tie('condition')).map(([[e, f], [e2, f2]]) => [e.or(e2), (r: Row) => f(r) || f2(r)] as const),
  ),
}));

test('an expression over columns is the function over records', () => {
  fc.assert(
    fc.property(fc.array(aRow, { minLength: 1, maxLength: 20 }), condition, (rows, [byColumns, byFunction]) => {
      expect([...mask(batchOf(rows), byColumns as Expression<never, boolean>)].map(Boolean)).toEqual(rows.map(byFunction));
    }),
    { numRuns: 1_000 },
  );
});

test('columns of enums are compared by symbol', () => {
  const column: Column = { kind: 'enum', symbols: ['A', 'B'], data: Int32Array.of(0, 1, 0, 1), nulls: Uint8Array.of(0, 0, 1, 1) };
  const batch = new Batch<Row>(columnRows(4, new Map([['s', column]])), new Float64Array(4)) as unknown as Batch<never>;
  const of = (e: Expression<Row, boolean>) => [...mask(batch, e as Expression<never, boolean>)];
  expect(of(t.s.is('A'))).toEqual([1, 0, 0, 0]);
  expect(of(t.s.is('C'))).toEqual([0, 0, 0, 0]);
  expect(of(t.s.is(null))).toEqual([0, 0, 1, 1]);
  expect(of(t.s.isNot('A'))).toEqual([0, 1, 1, 1]);
  expect(of(t.s.oneOf('B', null))).toEqual([0, 1, 1, 1]);
});

describe('text', () => {
  test('says what the expression is, and differs where values may differ', () => {
    expect(t.n.over(1).and(t.s.is('a')).text).toBe('(n > 1 and s = "a")');
    expect(t.s.isNot('a').text).toBe('not (s = "a")');
    expect(expression((r: Row) => r.n).text).not.toBe(expression((r: Row) => r.n).text);
    const texts = [t.n.is(null), t.n.is(Number.NaN), t.n.is(Number.POSITIVE_INFINITY), t.n.is(Number.NEGATIVE_INFINITY), t.n.is(1)].map((e) => e.text);
    expect(new Set(texts).size).toBe(5);
    expect(t.n.oneOf(Number.NaN).text).not.toBe(t.n.oneOf(null).text);
  });

  test('an expression is computed once a batch', () => {
    let calls = 0;
    const e = expression((r: Row) => {
      calls += 1;
      return r.n;
    });
    const batch = batchOf([{ s: null, n: 1, b: null }]);
    batch.column(e as Expression<never, unknown>);
    batch.column(e as Expression<never, unknown>);
    expect(calls).toBe(1);
  });

  test('what is neither expression nor function is refused', () => expect(() => expression(undefined as never)).toThrow(expect.objectContaining({ code: 'HR_ARGUMENT' })));
});

test('columnFrom keeps every value, in the narrowest kind', () => {
  const anything = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null), fc.constant({ a: 1 }));
  fc.assert(
    fc.property(fc.oneof(fc.array(fc.option(fc.string({ unit: 'grapheme' }))), fc.array(fc.option(fc.double())), fc.array(fc.option(fc.boolean())), fc.array(anything)), (values) => {
      const column = columnFrom(values);
      expect(values.map((_, i) => cell(column, i))).toEqual(values);
    }),
  );
  expect(columnFrom([1, null]).kind).toBe('number');
  expect(columnFrom(['a', undefined]).kind).toBe('string');
  expect(columnFrom([true]).kind).toBe('boolean');
  expect(columnFrom([1, 'a']).kind).toBe('object');
  expect(columnFrom([null]).kind).toBe('object');
});
