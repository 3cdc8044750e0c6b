import fc from 'fast-check';
import { expect, test } from 'vitest';
import { joinedText, textColumn } from '../../dataflow/text-column.js';
import { cell, stringColumn } from '../../schemas/column.js';

test('numbers are written as String writes them; null and what is not finite is null', () => {
  const aNumber = fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.double(), fc.constantFrom(0, -0, 1e15, -1e15, 999_999_999_999_999, 2 ** 31, 2 ** 31 - 1, -(2 ** 31), Number.NaN, Number.POSITIVE_INFINITY));
  const same = (values: readonly number[], nulls: readonly boolean[]) => {
    const column = { kind: 'number', data: Float64Array.from(values), nulls: Uint8Array.from(values, (_, i) => (nulls[i] ? 1 : 0)) } as const;
    const written = textColumn(column, values.length);
    values.forEach((x, i) => expect(cell(written, i)).toBe(nulls[i] || !Number.isFinite(x) ? null : String(x)));
  };
  fc.assert(fc.property(fc.array(aNumber), fc.array(fc.boolean()), same), { numRuns: 300 });
  fc.assert(fc.property(fc.array(fc.maxSafeInteger()), fc.array(fc.boolean()), same), { numRuns: 300 });
  expect(cell(textColumn({ kind: 'number', data: Int32Array.of(-7, 2_147_483_647) }, 2), 1)).toBe('2147483647');
});

test('texts are joined row by row; null where one is null', () => {
  const joined = joinedText([stringColumn(['a', null, 'ü', '']), stringColumn(['/', '/', '/', '/']), stringColumn(['1', '2', null, ''])], 4);
  expect([0, 1, 2, 3].map((i) => cell(joined, i))).toEqual(['a/1', null, null, '/']);
});
