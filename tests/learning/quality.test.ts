import fc from 'fast-check';
import { expect, test } from 'vitest';
import { recalibrated } from '../../learning/negative-sampling.js';
import { auc, rankedAuc } from '../../learning/quality/auc.js';
import { calibration } from '../../learning/quality/calibration.js';
import { normalizedEntropy } from '../../learning/quality/normalized-entropy.js';
import { pairedBootstrap } from '../../learning/quality/paired-bootstrap.js';
import { populationStability } from '../../learning/quality/population-stability.js';
import { drawOf, reservoirThreshold, smallestDraws } from '../../learning/reservoir.js';
import { splitmix } from '../../dataflow/splitmix.js';

test('AUC is the share of pairs in the right order, ties as one half, weights as repetitions', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ score: fc.integer({ min: 0, max: 6 }), click: fc.integer({ min: 0, max: 1 }), weight: fc.integer({ min: 0, max: 3 }) }), { maxLength: 30 }), (rows) => {
      let [pairs, right] = [0, 0];
      for (const a of rows) for (const b of rows) {
        if (a.click !== 1 || b.click !== 0) continue;
        pairs += a.weight * b.weight;
        right += a.weight * b.weight * (a.score > b.score ? 1 : a.score === b.score ? 0.5 : 0);
      }
      const found = rankedAuc(rows.map((r) => r.score), rows.map((r) => r.click), Int32Array.from(rows, (_, i) => i))(Uint8Array.from(rows, (r) => r.weight));
      if (pairs === 0) expect(found).toBeNull();
      else expect(found).toBeCloseTo(right / pairs, 12);
      const repeated = rows.flatMap((r) => Array.from({ length: r.weight }, () => r));
      expect(auc(repeated.map((r) => r.score), repeated.map((r) => r.click))).toBe(found);
    }),
  );
});

test('normalised entropy is 1 for the mean rate, below for better scores, null without two labels', () => {
  const clicks = [1, 0, 0, 0];
  expect(normalizedEntropy([0.25, 0.25, 0.25, 0.25], clicks)).toBeCloseTo(1, 12);
  expect(normalizedEntropy([0.9, 0.1, 0.1, 0.1], clicks)).toBeLessThan(0.3);
  expect(normalizedEntropy([0.1, 0.9, 0.9, 0.9], clicks)).toBeGreaterThan(3);
  expect(normalizedEntropy([1, 0], [1, 1])).toBeNull();
  expect(Number.isFinite(normalizedEntropy([0, 1, 0, 0], clicks))).toBe(true);
});

test('calibration finds the factor and the slope that were planted', () => {
  const random = splitmix(3);
  const n = 200_000;
  const logit = Float64Array.from({ length: n }, () => 4 * random.unit() - 3);
  const clicks = Float64Array.from(logit, (z) => (random.unit() < 1 / (1 + Math.exp(-z)) ? 1 : 0));
  const sharp = calibration(Float64Array.from(logit, (z) => 1 / (1 + Math.exp(-2 * z))), clicks)!;
  expect(Math.abs(sharp.slope - 0.5)).toBeLessThan(4 * sharp.slopeStandardError);
  expect(sharp.slopeStandardError).toBeLessThan(0.01);
  const right = calibration(Float64Array.from(logit, (z) => 1 / (1 + Math.exp(-z))), clicks)!;
  expect(Math.abs(right.ratio - 1)).toBeLessThan(4 * right.standardError);
  expect(calibration([0.5, 0.5], [0, 0])).toBeNull();
});

test('the stability index of two samples of one distribution is what chance gives, also for small ones', () => {
  const random = splitmix(5);
  for (const n of [200, 5_000]) {
    const indices = Array.from({ length: 300 }, () => populationStability(Array.from({ length: n }, () => random.unit()), Array.from({ length: n }, () => random.unit()))!);
    const mean = indices.reduce((sum, s) => sum + s.index, 0) / indices.length;
    expect(mean / indices[0]!.expected).toBeGreaterThan(0.85);
    expect(mean / indices[0]!.expected).toBeLessThan(1.25);
    expect(indices.filter((s) => s.index > s.expected + 3 * s.deviation).length).toBeLessThan(10);
  }
  const moved = populationStability(Array.from({ length: 5_000 }, () => random.unit()), Array.from({ length: 5_000 }, () => random.unit() ** 2))!;
  expect(moved.index).toBeGreaterThan(0.25);
});

test('the paired interval holds the true difference about as often as it says', () => {
  let covered = 0;
  const logs = 100;
  for (let seed = 1; seed <= logs; seed++) {
    const random = splitmix(seed);
    const n = 2_000;
    const users = Int32Array.from({ length: n }, () => random.below(300));
    const p = Float64Array.from({ length: n }, () => 0.05 + 0.3 * random.unit());
    const clicks = Float64Array.from(p, (x) => (random.unit() < x ? 1 : 0));
    // Both know half of the truth, each its own half: no difference but chance.
    const half = (odd: number) => Float64Array.from(p, (x, i) => (i % 2 === odd ? x : 0.2));
    const { entropy } = pairedBootstrap({ champion: half(0), candidate: half(1), clicks, users }, { seed });
    if (entropy!.low <= 0 && entropy!.high >= 0) covered += 1;
  }
  expect(covered).toBeGreaterThanOrEqual(88);
});

test('the reservoir is the same whatever the order and the cut, of at most its capacity, and uniform', () => {
  const draws = Float64Array.from({ length: 500 }, (_, i) => drawOf(`d${i}`));
  const whole = reservoirThreshold(draws, 20);
  expect(draws.filter((d) => d <= whole).length).toBe(20);
  fc.assert(
    fc.property(fc.shuffledSubarray([...draws], { minLength: 500 }), fc.integer({ min: 1, max: 200 }), (order, size) => {
      let threshold = Number.POSITIVE_INFINITY;
      let kept = new Float64Array(0);
      for (let at = 0; at < order.length; at += size) {
        const added = order.slice(at, at + size).filter((d) => d <= threshold);
        threshold = Math.min(threshold, reservoirThreshold(Float64Array.of(...kept, ...added), 20));
        kept = Float64Array.of(...kept, ...added).filter((d) => d <= threshold);
      }
      expect(kept.sort()).toEqual(draws.filter((d) => d <= whole).sort());
    }),
    { numRuns: 20 },
  );
  // Chi-square of which tenth of the history is sampled, over many histories: 9 degrees of freedom.
  const tenths = new Float64Array(10);
  for (let history = 0; history < 400; history++) {
    for (const place of smallestDraws(Float64Array.from({ length: 500 }, (_, i) => drawOf(`${history}-${i}`)), 50)) tenths[Math.floor(place / 50)]! += 1;
  }
  const expected = 400 * 5;
  expect(tenths.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0)).toBeLessThan(27.9);
});

test('recalibration undoes the thinning of examples without a click', () => {
  const p = 0.02;
  const kept = 0.1;
  const thinned = p / (p + (1 - p) * kept);
  expect(recalibrated(thinned, kept)).toBeCloseTo(p, 12);
  expect(recalibrated(0.3, 1)).toBeCloseTo(0.3, 12);
});
