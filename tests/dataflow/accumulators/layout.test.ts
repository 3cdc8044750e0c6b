import { expect, test } from 'vitest';
import { layoutOf } from '../../../dataflow/accumulators/layout.js';
import { count, sum } from '../../../dataflow/aggregates/index.js';

interface Row {
  readonly ms: number;
}

test('a layout of functions has the same text each time it is made, so that another process takes its state', () => {
  const make = () => layoutOf({ long: count().where((r: Row) => r.ms > 5), ms: sum((r: Row) => r.ms).where((r: Row) => r.ms > 5) }).text;
  expect(make()).toBe(make());
  expect(make()).not.toBe(layoutOf({ long: count().where((r: Row) => r.ms > 5) }).text);
});

test('one function twice is told from two functions', () => {
  const over = (r: Row) => r.ms > 5;
  const one = count().where(over);
  expect(layoutOf({ a: one, b: one }).text).not.toBe(layoutOf({ a: count().where(over), b: count().where(over) }).text);
});
