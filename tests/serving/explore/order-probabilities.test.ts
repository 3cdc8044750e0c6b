import { describe, expect, test } from 'vitest';
import { normalQuantile } from '../../../evaluation/distributions/normal-quantile.js';
import { splitmix } from '../../../dataflow/splitmix.js';
import { rankProbabilities, slateProbability, topProbabilities } from '../../../serving/explore/order-probabilities.js';
import { betaPosterior, gaussianPosterior } from '../../../serving/explore/posterior.js';
import { thompsonExact } from '../../../serving/explore/thompson-exact.js';
import { slates } from './enumerated-slates.js';

const betas = (pairs: readonly (readonly [number, number])[]) => pairs.map(([alpha, beta], i) => ({ itemId: `i${i}`, alpha, beta }));
const gaussians = (pairs: readonly (readonly [number, number])[]) => pairs.map(([mean, deviation], i) => ({ itemId: `i${i}`, mean, deviation }));
const example = betas([[3, 7], [5, 9], [2, 3], [4, 8]]);

/** A polynomial with rational coefficients over one denominator. */
interface Polynomial {
  readonly of: readonly bigint[];
  readonly over: bigint;
}

const factorial = (n: number): bigint => (n < 2 ? 1n : BigInt(n) * factorial(n - 1));
const times = (a: Polynomial, b: Polynomial): Polynomial => {
  const of = Array.from({ length: a.of.length + b.of.length - 1 }, () => 0n);
  a.of.forEach((x, i) => b.of.forEach((y, j) => (of[i + j]! += x * y)));
  return { of, over: a.over * b.over };
};
const integrated = ({ of, over }: Polynomial): Polynomial => {
  const common = factorial(of.length);
  return { of: [0n, ...of.map((x, i) => (x * common) / BigInt(i + 1))], over: over * common };
};
const atOne = ({ of, over }: Polynomial): number => Number((of.reduce((sum, x) => sum + x, 0n) * 10n ** 20n) / over) / 1e20;
/** x^(a-1) (1-x)^(b-1) / B(a, b) for whole a and b. */
const betaDensity = (a: number, b: number): Polynomial => {
  const of = Array.from({ length: a + b - 1 }, () => 0n);
  for (let k = 0; k < b; k++) of[a - 1 + k] = (k % 2 === 0 ? 1n : -1n) * (factorial(b - 1) / (factorial(k) * factorial(b - 1 - k))) * factorial(a + b - 1);
  return { of, over: factorial(a - 1) * factorial(b - 1) };
};
/** In exact fractions. */
const exactSlate = (pairs: readonly (readonly [number, number])[], slate: readonly number[]): number => {
  let inside: Polynomial = { of: [1n], over: 1n };
  pairs.forEach(([a, b], j) => {
    if (!slate.includes(j)) inside = times(inside, integrated(betaDensity(a, b)));
  });
  for (const place of [...slate].reverse()) inside = integrated(times(inside, betaDensity(...pairs[place]!)));
  return atOne(inside);
};

describe('Beta posteriors', () => {
  test('the published values', () => {
    const top = topProbabilities(betaPosterior, example);
    [0.1494025047, 0.243513622, 0.4094468592, 0.1976370141].forEach((p, i) => expect(Math.abs(top[i]! - p)).toBeLessThan(1e-10));
    expect(Math.abs(slateProbability(betaPosterior, example, [2, 1, 0]) - 0.072684877)).toBeLessThan(1e-9);
  });

  test('every slate as exact fractions have it, and so the policy tells it', () => {
    const pairs = [[3, 7], [5, 9], [2, 3], [1, 1]] as const;
    const items = betas(pairs);
    for (const slots of [1, 2, 3, 4]) {
      const policy = thompsonExact({ posterior: betaPosterior, slots });
      for (const slate of slates(4, slots)) {
        const exact = exactSlate(pairs, slate);
        expect(Math.abs(slateProbability(betaPosterior, items, slate) - exact)).toBeLessThan(1e-13);
        expect(Math.abs(policy.probability(items, slate, { seed: '' }) - exact)).toBeLessThan(1e-13);
      }
    }
  });

  test('ranks sum to 1 both ways, and are sums over slates', () => {
    const ranks = rankProbabilities(betaPosterior, example);
    for (let i = 0; i < 4; i++) {
      expect(ranks.subarray(4 * i, 4 * i + 4).reduce((a, b) => a + b)).toBeCloseTo(1, 12);
      for (let k = 0; k < 4; k++) expect(ranks[4 * i + k]).toBeCloseTo(slates(4, 4).filter((s) => s[k] === i).reduce((sum, s) => sum + exactSlate([[3, 7], [5, 9], [2, 3], [4, 8]], s), 0), 12);
    }
  });

  test('posteriors of very different evidence: sums are 1 and two items have the known closed form', () => {
    // P(Beta(a, 1) > Beta(b, 1)) = a / (a + b)
    for (const [a, b] of [[0.01, 5], [0.01, 0.02], [1e6, 1], [1e6, 1.001e6], [0.5, 1e4]] as const) {
      expect(topProbabilities(betaPosterior, betas([[a, 1], [b, 1]]))[0]).toBeCloseTo(a / (a + b), 11);
      expect(topProbabilities(betaPosterior, betas([[1, a], [1, b]]))[0]).toBeCloseTo(b / (a + b), 11);
    }
    const mixed = topProbabilities(betaPosterior, betas([[0.01, 0.01], [1e9, 1e9], [3, 0.02], [40, 60], [1, 1]]));
    expect(mixed.reduce((x, y) => x + y)).toBeCloseTo(1, 12);
  });

  test('64 items at most', () => {
    expect(() => topProbabilities(betaPosterior, betas(Array.from({ length: 65 }, () => [1, 1] as const)))).toThrow('use thompsonVotes');
  });
});

describe('Gaussian posteriors', () => {
  test('two items: the normal distribution of their difference', () => {
    for (const [m, s, t] of [[0.3, 1, 2], [1, 0.01, 3], [-2, 1e-5, 1e-3], [1e6, 2e5, 7e5]] as const) {
      const p = topProbabilities(gaussianPosterior, gaussians([[m, s], [0, t]]))[0]!;
      if (p > 1e-10 && p < 1 - 1e-10) expect(normalQuantile(p) * Math.hypot(s, t)).toBeCloseTo(m, 9);
      else expect(p).toBeCloseTo(m > 0 ? 1 : 0, 9);
    }
  });

  test('items that are alike: every order is as likely', () => {
    const items = gaussians([[1, 2], [1, 2], [1, 2], [1, 2]]);
    for (const slate of slates(4, 3)) expect(slateProbability(gaussianPosterior, items, slate)).toBeCloseTo(1 / 24, 13);
  });
});

test('draws of the posteriors have the order that the integrals tell', () => {
  const random = splitmix(9);
  const n = 40_000;
  for (const { items, posterior } of [{ items: [...example, { itemId: 'x', alpha: 0.3, beta: 0.9 }], posterior: betaPosterior }, { items: gaussians([[0, 1], [0.5, 2], [1, 0.1]]), posterior: gaussianPosterior }] as { items: never[]; posterior: typeof betaPosterior }[]) {
    const won = items.map(() => 0);
    for (let k = 0; k < n; k++) {
      const drawn = items.map((item) => posterior.draw(item, random));
      won[drawn.indexOf(Math.max(...drawn))]! += 1;
    }
    topProbabilities(posterior, items).forEach((p, i) => expect(Math.abs(won[i]! - n * p)).toBeLessThan(4.5 * Math.sqrt(n * p * (1 - p))));
  }
});
