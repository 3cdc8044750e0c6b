import { expect, test } from 'vitest';
import { logGamma } from '../../../evaluation/distributions/log-gamma.js';
import { logLowerGamma } from '../../../evaluation/distributions/log-lower-gamma.js';
import { diversity } from '../../../serving/explore/diversity.js';
import { epsilonGreedy } from '../../../serving/explore/epsilon-greedy.js';
import type { Item } from '../../../serving/explore/item.js';
import { draw, type Policy } from '../../../serving/explore/policy.js';
import { betaPosterior, gaussianPosterior } from '../../../serving/explore/posterior.js';
import { drawStream, seededRandom } from '../../../serving/explore/seeded-random.js';
import { softmax } from '../../../serving/explore/softmax.js';
import { squareCb } from '../../../serving/explore/square-cb.js';
import { thompsonExact } from '../../../serving/explore/thompson-exact.js';
import { thompsonVotes } from '../../../serving/explore/thompson-votes.js';
import { ucb } from '../../../serving/explore/ucb.js';
import { slates } from './enumerated-slates.js';

const draws = process.env['HEADRACE_FAULTS'] === 'long' ? 1_000_000 : 60_000;
const items = [3, 1, 1, -1].map((score, i) => ({ itemId: `i${i}`, score, count: 5 * i, alpha: 1 + i, beta: 4, mean: score / 4, deviation: 1, creatorId: `c${i % 2}`, category: '' }));
type Rated = (typeof items)[number];

const policies: Readonly<Record<string, Policy<Rated>>> = {
  'epsilon-greedy': epsilonGreedy({ epsilon: 0.2 }),
  'epsilon-greedy-slot': epsilonGreedy({ epsilon: 0.4, slots: 3 }),
  'epsilon-greedy-slate': epsilonGreedy({ epsilon: 0.4, slots: 3, design: 'slate' }),
  'with diversity': epsilonGreedy({ epsilon: 0.4, slots: 3, rules: [diversity({ perCreator: 1, top: 2 })] }),
  softmax: softmax({ floor: 0.01 }),
  'plackett-luce': softmax({ slots: 2 }),
  'square-cb': squareCb({ gamma: 3 }),
  ucb: ucb({ epsilon: 0.3 }),
};

test.each(Object.entries(policies))('%s: a chi-square test does not tell draws of slates from their probabilities', (_name, policy) => {
  const all = slates(items.length, policy.slots);
  const counts = new Map(all.map((slate) => [slate.join(), 0]));
  for (let d = 0; d < draws; d++) {
    const drawn = policy.choose(items, { seed: `decision-${d}`, time: 0 }).slots.map(({ candidate }) => candidate).join();
    counts.set(drawn, counts.get(drawn)! + 1);
  }
  const expected = all.map((slate) => draws * policy.probability(items, slate, { seed: '', time: 0 }));
  expect(chiSquareChance(all.map((slate) => counts.get(slate.join())!), expected)).toBeGreaterThan(0.001);
});

test.each<[string, Policy<Rated>]>([
  ['beta', thompsonExact({ posterior: betaPosterior })],
  ['gaussian', thompsonExact({ posterior: gaussianPosterior })],
])('thompson, exact, %s: neither', (_name, policy) => {
  const pmf = policy.distribution(items, { seed: '', time: 0 });
  const counts = items.map(() => 0);
  for (let d = 0; d < draws; d++) counts[draw(pmf, seededRandom(`decision-${d}`, drawStream).real())]! += 1;
  expect(policy.choose(items, { seed: 'decision-7', time: 0 }).slots[0]!.candidate).toBe(draw(pmf, seededRandom('decision-7', drawStream).real()));
  expect(chiSquareChance(counts, Array.from(pmf, (p) => draws * p))).toBeGreaterThan(0.001);
});

test('thompson, votes: nor here, where each decision has its own distribution', () => {
  const policy = thompsonVotes<Rated>({ posterior: betaPosterior, votes: 16 });
  const n = draws / 5;
  const counts = items.map(() => 0);
  const expected = items.map(() => 0);
  let variance = 0;
  for (let d = 0; d < n; d++) {
    const [slot] = policy.choose(items, { seed: `decision-${d}`, time: 0 }).slots;
    counts[slot!.candidate]! += 1;
    slot!.pmf.forEach((p, i) => (expected[i]! += p));
    variance += slot!.pmf[0]! * (1 - slot!.pmf[0]!);
  }
  // the first item is drawn as often as told, by the variance of its own distributions
  expect(Math.abs(counts[0]! - expected[0]!)).toBeLessThan(3.5 * Math.sqrt(variance));
  expect(chiSquareChance(counts, expected)).toBeGreaterThan(0.001);
});

test('the place where the running sum passes the number, to the last bit', () => {
  const below = (x: number) => x - 2 ** -53;
  for (const [pmf, u, place] of [
    [[0.25, 0, 0.75], 0, 0], [[0.25, 0, 0.75], below(0.25), 0], [[0.25, 0, 0.75], 0.25, 2], [[0.25, 0, 0.75], below(1), 2],
    [[0, 1, 0], 0, 1], [[0, 1, 0], below(1), 1], [[0.1, 0.2, 0], 0.9, 1],
  ] as const) expect(draw(pmf, u)).toBe(place);
});

test('seeds that differ little give draws that have nothing to do with one another', () => {
  const n = 20_000;
  let product = 0;
  for (let d = 0; d < n; d++) product += (seededRandom(`d${d}`, drawStream).real() - 0.5) * (seededRandom(`d${d + 1}`, drawStream).real() - 0.5);
  expect(Math.abs(product / n)).toBeLessThan((4 / 12) / Math.sqrt(n));
  const item: Item = { itemId: 'only' };
  expect(softmax().choose([{ ...item, score: 1 }], { seed: '' }).propensity).toBe(1);
});

/** Chance of a chi-square value as large as this one, if the expectations hold. Cells that cannot be must be empty. */
function chiSquareChance(counts: readonly number[], expected: readonly number[]): number {
  let value = 0;
  let cells = 0;
  expected.forEach((e, i) => {
    if (e === 0) expect(counts[i]).toBe(0);
    else {
      value += (counts[i]! - e) ** 2 / e;
      cells++;
    }
  });
  const half = (cells - 1) / 2;
  return 1 - Math.exp(logLowerGamma(half, value / 2) - logGamma(half));
}
