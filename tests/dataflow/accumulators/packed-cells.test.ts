import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packCells, packInts, unpackCells, unpackInts } from '../../../dataflow/accumulators/packed-cells.js';
import { byteReader, byteWriter } from '../../../dataflow/bytes.js';

const aCell = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.constantFrom(1, 190, 191, 192, 255, 256, 65_535, 65_536, -1, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, 2 ** 53) },
  { weight: 1, arbitrary: fc.oneof(fc.double(), fc.constantFrom(-0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324)) },
);

test('cells come back to the bit, over what was there before, and zeros take few bytes', () => {
  fc.assert(
    fc.property(fc.nat(5), fc.array(fc.array(aCell, { minLength: 5, maxLength: 5 }), { maxLength: 40 }), (width, cells) => {
      const data = Float64Array.from(cells.flatMap((row) => row.slice(0, width)));
      const rows = Int32Array.from(cells.keys()).reverse();
      const out = byteWriter(1);
      packCells(out, data, rows, width);
      out.u32(7);
      const reader = byteReader(Uint8Array.from(out.finish()));
      const back = new Float64Array(data.length).fill(9);
      unpackCells(reader, back, rows, width);
      expect(Array.from(back)).toEqual(Array.from(data));
      expect(reader.u32()).toBe(7);
      expect(reader.left).toBe(0);
    }),
    { numRuns: 500 },
  );
  const out = byteWriter();
  packCells(out, new Float64Array(6_200), Int32Array.of(0, 1), 3_100);
  expect(out.finish().length).toBe(4 + 100);
});

test('whole numbers come back, and those that go on alike take few bytes', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.nat(20), fc.integer())), fc.constantFrom(0, 1), (values, step) => {
      const out = byteWriter();
      packInts(out, Int32Array.from(values), step);
      expect(Array.from(unpackInts(byteReader(out.finish()), step))).toEqual(values);
    }),
    { numRuns: 300 },
  );
  const out = byteWriter();
  packInts(out, Int32Array.from({ length: 620 }, (_, i) => i), 1);
  expect(out.finish().length).toBe(8 + 10);
});
