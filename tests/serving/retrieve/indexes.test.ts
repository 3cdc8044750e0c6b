import { expect, test } from 'vitest';
import { usearchIndex } from '../../../connectors/usearch/usearch-index.js';
import { normal } from '../../../dataflow/normal.js';
import { splitmix } from '../../../dataflow/splitmix.js';
import { exactIndex } from '../../../serving/retrieve/exact-index.js';
import { isInstalled } from '../../is-installed.js';

const hasUsearch = isInstalled('usearch');

const width = 64;

/** Vectors of length 1 around some centres, as embeddings lie. */
function vectors(n: number, seed: number): Float32Array {
  const random = splitmix(seed);
  const draw = () => normal(random.unit);
  const centres = Float64Array.from({ length: 30 * width }, draw);
  const values = new Float32Array(n * width);
  for (let i = 0; i < n; i++) {
    const centre = random.below(30);
    const row = Float64Array.from({ length: width }, (_, k) => centres[centre * width + k]! + draw());
    const norm = Math.hypot(...row);
    row.forEach((x, k) => (values[i * width + k] = x / norm));
  }
  return values;
}

test('the exact index finds what a sort finds', () => {
  const values = vectors(500, 1);
  const index = exactIndex(values, width);
  for (let q = 0; q < 20; q++) {
    const query = values.subarray(q * width, (q + 1) * width);
    const products = Array.from({ length: 500 }, (_, i) => query.reduce((sum, x, k) => sum + x * values[i * width + k]!, 0));
    const { rows, scores } = index.nearest(query, 7);
    expect([...rows]).toEqual([...products.keys()].sort((a, b) => products[b]! - products[a]!).slice(0, 7));
    rows.forEach((row, i) => expect(scores[i]).toBeCloseTo(products[row]!, 5));
  }
  expect([index.nearest(values.subarray(0, width), 0).rows.length, index.nearest(values.subarray(0, width), 900).rows.length, exactIndex(new Float32Array(0), width).nearest(values.subarray(0, width), 3).rows.length]).toEqual([0, 500, 0]);
});

test.skipIf(!hasUsearch)('the index of usearch finds nearly all of what the exact one finds, with the same scores', async () => {
  const values = vectors(3_000, 2);
  const [exact, index] = [exactIndex(values, width), await usearchIndex(values, width)];
  let found = 0;
  const queries = vectors(100, 3);
  for (let q = 0; q < 100; q++) {
    const query = queries.subarray(q * width, (q + 1) * width);
    const [all, some] = [exact.nearest(query, 20), index.nearest(query, 20)];
    const wanted = new Map(Array.from(all.rows, (row, i) => [row, all.scores[i]!]));
    some.rows.forEach((row, i) => {
      if (!wanted.has(row)) return;
      found++;
      expect(some.scores[i]).toBeCloseTo(wanted.get(row)!, 4);
    });
  }
  expect(found / 2_000).toBeGreaterThan(0.95);
  expect(index.nearest(queries.subarray(0, width), 9_000).rows.length).toBeGreaterThan(2_900);
  expect((await usearchIndex(new Float32Array(0), width)).nearest(queries.subarray(0, width), 3).rows.length).toBe(0);
});
