import { serialize } from 'node:v8';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packPlain, unpackPlain } from '../../../dataflow/state/plain-bytes.js';

const leaves = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(0, -0, 191, 192, Number.NEGATIVE_INFINITY, Number.NaN), fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.boolean(), fc.constant(null), fc.constant(undefined), fc.bigInt(), fc.date());
const { value } = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 3 }, leaves, fc.array(tie('value'), { maxLength: 4 }), fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 5 }), tie('value'), { maxKeys: 4 }), fc.tuple(tie('value'), tie('value')).map((pair) => new Map([pair])), fc.uint8Array()),
}));

test('any data comes back as it was', () => {
  fc.assert(fc.property(value, (one) => {
    expect(unpackPlain(packPlain(one))).toStrictEqual(structuredClone(one));
  }), { numRuns: 2_000 });
});

test('records that follow one another keep their own names', () => {
  const records = [{ a: 1, b: 2 }, { a: 1 }, { b: 2, a: 1 }, { a: 1, b: 2 }, {}, { ü: 'ö', '☃': '☃' }, { long: 'x'.repeat(300), ['n'.repeat(20_000)]: '☃'.repeat(200) }, { list: Array.from({ length: 1_000 }, (_, i) => i) }, { a: { a: 1, b: { b: -0 } }, b: [1.5, [null]] }];
  const packed = records.map(packPlain);
  expect(packed.map(unpackPlain)).toStrictEqual(records);
});

test('small records do not need the serializer of V8, and what it wrote is read', () => {
  const state = { last: 1.7e12, counts: [1, 2, 3], reason: null, until: Number.NEGATIVE_INFINITY };
  expect(packPlain([state, 5])[0]).toBe(1);
  expect(packPlain([state, 5]).length).toBeLessThan(serialize([state, 5]).length + 8);
  expect(unpackPlain(serialize([state, 5]))).toStrictEqual([state, 5]);
});

test('what is no plain data, or one object in two places, is left to V8', () => {
  const shared = { n: 1 };
  const [a, b] = unpackPlain(packPlain([shared, shared])) as object[];
  expect(a).toBe(b);
  const loop: { self?: unknown } = {};
  loop.self = loop;
  const again = unpackPlain(packPlain(loop)) as { self: unknown };
  expect(again.self).toBe(again);
  const holes: unknown[] = [];
  holes[2] = 1;
  expect(Object.keys(unpackPlain(packPlain(holes)) as object)).toEqual(['2']);
  const named = Object.assign(holes.slice(1), { name: 2 });
  expect(unpackPlain(packPlain(named))).toStrictEqual(structuredClone(named));
  expect(unpackPlain(packPlain(Array.from({ length: 40 }, (_, i) => [i])))).toStrictEqual(Array.from({ length: 40 }, (_, i) => [i]));
  expect(() => packPlain(() => 1)).toThrow();
});
