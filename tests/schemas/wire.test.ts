import { expect, test } from 'vitest';
import { schemaIdAt, wirePrefix } from '../../schemas/wire.js';

test.each([0, 1, 255, 256, 70_000, 0x7fffffff])('schema id %i comes back', (id) => {
  const bytes = new Uint8Array([9, 9, ...wirePrefix(id), 7]);
  expect(schemaIdAt(bytes, 2, 6)).toBe(id);
  expect(schemaIdAt(bytes, 2, 5)).toBe(id);
});

test('the prefix is magic 0 and a big-endian int32', () => {
  expect([...wirePrefix(0x01020304)]).toEqual([0, 1, 2, 3, 4]);
  for (const id of [-1, 1.5, 2 ** 31, NaN]) expect(() => wirePrefix(id)).toThrow(RangeError);
});

test('what is no wire format has no id', () => {
  const bytes = new Uint8Array([0, 0, 0, 0, 1, 1, 255, 0, 255, 0, 0, 0]);
  expect(schemaIdAt(bytes, 0, 4)).toBe(-1); // too short
  expect(schemaIdAt(bytes, 0, -1)).toBe(-1); // a tombstone
  expect(schemaIdAt(bytes, 4, 5)).toBe(-1); // another magic
  expect(schemaIdAt(bytes, 9, 5)).toBe(-1); // past the end
  expect(schemaIdAt(bytes, 7, 5)).toBe(-1); // a negative id
});
