import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Dictionary } from '../../dataflow/dictionary.js';
import { cell, stringColumn } from '../../schemas/column.js';

const intern = (d: Dictionary, key: string) => d.intern(Buffer.from(key), 0, Buffer.byteLength(key));
const find = (d: Dictionary, key: string) => d.find(Buffer.from(key), 0, Buffer.byteLength(key));

test('keys get ids in the order of first sight, also after clear', () => {
  const aKey = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.constantFrom('', 'a', 'aa', 'aaa', 'aaaa', 'aaaaa', 'aaaab'));
  const d = new Dictionary();
  fc.assert(
    fc.property(fc.array(aKey, { maxLength: 400 }), (keys) => {
      d.clear();
      const ids = new Map<string, number>();
      for (const key of keys) {
        expect(find(d, key)).toBe(ids.get(key) ?? -1);
        if (!ids.has(key)) ids.set(key, ids.size);
        expect(intern(d, key)).toBe(ids.get(key));
      }
      expect(d.size).toBe(ids.size);
      const column = d.keys();
      expect([...ids.keys()].map((_, i) => cell(column, i))).toEqual([...ids.keys()]);
      for (const [key, id] of ids) expect(Buffer.from(d.key(id)).toString()).toBe(key);
    }),
    { numRuns: 200 },
  );
});

test('many keys, and the column of a part of them', () => {
  const d = new Dictionary();
  const n = 50_000;
  for (let i = 0; i < n; i++) expect(intern(d, `key-${i}`)).toBe(i);
  for (let i = 0; i < n; i += 97) expect(find(d, `key-${i}`)).toBe(i);
  expect(find(d, `key-${n}`)).toBe(-1);
  const part = d.keys(100, 103);
  expect([0, 1, 2].map((i) => cell(part, i))).toEqual(['key-100', 'key-101', 'key-102']);
  expect(part.length.length).toBe(3);
});

test('a column that was handed out stays as it was', () => {
  const d = new Dictionary();
  intern(d, 'first');
  const column = d.keys();
  for (let i = 0; i < 10_000; i++) intern(d, `more-${i}`);
  expect(cell(column, 0)).toBe('first');
  d.clear();
  intern(d, 'other');
  expect(cell(column, 0)).toBe('first');
});

test('a column of keys at once, a null as an empty one', () => {
  const d = new Dictionary();
  const ids = new Int32Array(5);
  d.internAll(stringColumn(['a', null, 'b', 'a', '']), 5, ids);
  expect([...ids]).toEqual([0, 1, 2, 0, 1]);
});
