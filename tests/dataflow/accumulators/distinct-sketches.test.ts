import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DistinctSketches } from '../../../dataflow/accumulators/distinct-sketches.js';
import { stringColumn } from '../../../schemas/column.js';

function sketchOf(values: readonly string[], precision = 12): DistinctSketches {
  const sketch = new DistinctSketches(precision);
  sketch.addAll(new Int32Array(values.length), stringColumn(values), values.length, undefined);
  return sketch;
}

const numbered = (n: number, of = 'value') => Array.from({ length: n }, (_, i) => `${of} ${i}`);

describe('the error', () => {
  test.each([100, 256, 300, 1_000, 10_000, 100_000])('of %i values is as documented: a root mean square of 1.6 %', (n) => {
    const runs = n > 10_000 ? 12 : 40;
    const errors = Array.from({ length: runs }, (_, run) => sketchOf(numbered(n, `run ${run}`)).estimate(0) / n - 1);
    const spread = Math.sqrt(errors.reduce((sum, e) => sum + e * e, 0) / runs);
    expect(spread).toBeLessThan(n <= 256 ? 0.0001 : 0.0163 * 1.35);
    // No bias: the mean is within three of its own standard errors.
    expect(Math.abs(errors.reduce((sum, e) => sum + e, 0) / runs)).toBeLessThan((3 * 0.0163) / Math.sqrt(runs));
  });

  test.each([8, 10, 14, 16])('follows the precision %i', (precision) => {
    const errors = Array.from({ length: 20 }, (_, run) => sketchOf(numbered(20_000, `run ${run}`), precision).estimate(0) / 20_000 - 1);
    expect(Math.sqrt(errors.reduce((sum, e) => sum + e * e, 0) / 20)).toBeLessThan((1.04 / Math.sqrt(2 ** precision)) * 1.5);
  });
});

test('a full sketch has three quarters of a byte a register', () => {
  for (const precision of [8, 12, 16]) expect(sketchOf(numbered(50_000), precision).bytes).toBe(0.75 * 2 ** precision);
});

test('what it holds depends on the set of values alone: not on order, repetition, merges, or a save between', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 900 }), fc.integer({ min: 1, max: 5 }), fc.boolean(), (n, parts, saved) => {
      const values = numbered(n);
      const whole = sketchOf(values);
      const pieces = Array.from({ length: parts }, (_, p) => sketchOf([...values].reverse().filter((_v, i) => i % parts === p || i % 7 === 0)));
      const merged = new DistinctSketches(12);
      for (const piece of pieces) {
        merged.merge(3, piece, 0);
        if (saved) merged.read(3, Uint8Array.from(merged.write(3)));
      }
      expect(merged.write(3)).toEqual(whole.write(0));
      expect(merged.estimate(3)).toBe(whole.estimate(0));
    }),
    { numRuns: 60 },
  );
});

test('a row of nothing is 0, nulls and masked values are passed over', () => {
  const sketch = new DistinctSketches(12);
  sketch.addAll(Int32Array.of(0, 0, 1), stringColumn([null, 'a', 'b']), 3, Uint8Array.of(1, 1, 0));
  expect([0, 1, 7].map((row) => sketch.estimate(row))).toEqual([1, 0, 0]);
});
