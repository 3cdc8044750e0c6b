import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bucketQuantile, bucketsOf, bucketValue } from '../../../dataflow/accumulators/buckets.js';
import { Pairs } from '../../../dataflow/accumulators/pairs.js';
import { Slab } from '../../../dataflow/accumulators/slab.js';
import { columnFrom } from '../../../dataflow/column-from.js';

test('pairs get slots in the order of first sight, and the slots of a row are linked', () => {
  const pairs = new Pairs();
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(80), fc.integer({ min: -3, max: 5 })), { maxLength: 300 }), (all) => {
      pairs.clear();
      const slots = new Map<string, number>();
      for (const [row, group] of all) {
        const name = `${row} ${group}`;
        if (!slots.has(name)) slots.set(name, slots.size);
        expect(pairs.slot(row, group)).toBe(slots.get(name));
      }
      expect(pairs.size).toBe(slots.size);
      for (let row = 0; row < 90; row++) {
        const linked: string[] = [];
        for (let slot = pairs.first(row); slot >= 0; slot = pairs.next(slot)) linked.push(`${pairs.rowOf(slot)} ${pairs.groupOf(slot)}`);
        expect(linked).toEqual([...slots.keys()].filter((n) => n.startsWith(`${row} `)));
      }
    }),
    { numRuns: 200 },
  );
});

test('rows of a slab are fresh when they come, also after clear, and remember that they changed', () => {
  for (const identity of [[0, 0], [Infinity, 0, -Infinity]]) {
    const slab = new Slab(Float64Array.from(identity));
    for (let round = 0; round < 3; round++) {
      let size = 0;
      for (const next of [1, 5, 63, 64, 65, 200, 199]) {
        slab.ensure(next);
        for (let row = size; row < next; row++) expect([...slab.data.subarray(row * slab.stride, (row + 1) * slab.stride)]).toEqual(identity);
        for (let row = size; row < next; row++) slab.data.fill(row + 1, row * slab.stride, (row + 1) * slab.stride);
        size = Math.max(size, next);
        expect(slab.size).toBe(size);
      }
      for (let row = 0; row < size; row++) expect(slab.data[row * slab.stride]).toBe(row + 1);
      slab.touch(Int32Array.of(7, 3, -1, 7, 150, 9), 5);
      expect(slab.dirtyCount).toBe(3);
      expect([...slab.takeDirty()]).toEqual([7, 3, 150]);
      expect([...slab.takeDirty()]).toEqual([]);
      slab.touch(Int32Array.of(3), 1);
      slab.clear();
      expect(slab.size).toBe(0);
      expect(slab.dirtyCount).toBe(0);
    }
  }
});

test('a bucket stands for its values within the accuracy, and buckets are in the order of values', () => {
  const aValue = fc.double({ noNaN: true, min: -1e300, max: 1e300 }).filter((x) => x === 0 || Math.abs(x) > 1e-300);
  fc.assert(
    fc.property(fc.array(aValue, { minLength: 1, maxLength: 50 }), fc.constantFrom(0.001, 0.01, 0.2), (values, accuracy) => {
      const buckets = bucketsOf(columnFrom(values), accuracy, values.length);
      const sorted = [...values].sort((a, b) => a - b);
      values.forEach((x, i) => expect(Math.abs(bucketValue(buckets[i]!, accuracy) - x)).toBeLessThanOrEqual(Math.abs(x) * accuracy * (1 + 1e-9)));
      const counted = [...new Set(buckets)].sort((a, b) => a - b).map((b) => [b, buckets.filter((x) => x === b).length] as const);
      for (const q of [0, 0.1, 0.5, 0.99, 1]) {
        const exact = sorted[Math.floor(q * (sorted.length - 1))]!;
        expect(Math.abs(bucketQuantile(counted, q, accuracy)! - exact)).toBeLessThanOrEqual(Math.abs(exact) * accuracy * (1 + 1e-9));
      }
    }),
    { numRuns: 500 },
  );
  expect(bucketQuantile([], 0.5, 0.01)).toBeNull();
  expect(() => bucketsOf(columnFrom(['a']), 0.01, 1)).toThrow(expect.objectContaining({ code: 'HR_AGGREGATE' }));
});
