import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { epsilonGreedy } from '../../../serving/explore/epsilon-greedy.js';
import type { Item } from '../../../serving/explore/item.js';
import type { Policy } from '../../../serving/explore/policy.js';
import { betaPosterior, gaussianPosterior } from '../../../serving/explore/posterior.js';
import { slotMarginals } from '../../../serving/explore/slot-marginals.js';
import { softmax } from '../../../serving/explore/softmax.js';
import { squareCb } from '../../../serving/explore/square-cb.js';
import { thompsonExact } from '../../../serving/explore/thompson-exact.js';
import { thompsonVotes } from '../../../serving/explore/thompson-votes.js';
import { ucb } from '../../../serving/explore/ucb.js';
import { anyOf, bestOf, filling, playedOut, type Process, slates } from './enumerated-slates.js';

interface Rated extends Item {
  readonly score: number;
  readonly count: number;
  readonly alpha: number;
  readonly beta: number;
  readonly mean: number;
  readonly deviation: number;
}

const scores = fc.array(fc.oneof(fc.integer({ min: -2, max: 2 }), fc.double({ min: -5, max: 5, noNaN: true })), { minLength: 1, maxLength: 5 });
const epsilons = fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true }));
const slotCounts = fc.integer({ min: 1, max: 3 });

function rated(values: readonly number[]): Rated[] {
  return values.map((score, i) => ({ itemId: `i${i}`, score, count: i * 3, alpha: 1 + Math.abs(score), beta: 2 + i, mean: score, deviation: 0.5 + i / 4 }));
}

function expectSlates(policy: Policy<Rated>, items: readonly Rated[], reference: Process, seed = 's'): void {
  const expected = playedOut(reference);
  for (const slate of slates(items.length, policy.slots)) expect(policy.probability(items, slate, { seed, time: 0 })).toBeCloseTo(expected.get(slate.join()) ?? 0, 12);
}

describe('probabilities of slates are those of the process, played out in all ways', () => {
  const check = (name: string, make: (epsilon: number, slots: number) => Policy<Rated>, reference: (values: readonly number[], epsilon: number, slots: number) => Process) =>
    test(name, () => {
      fc.assert(fc.property(scores, epsilons, slotCounts, (values, epsilon, slots) => expectSlates(make(epsilon, slots), rated(values), reference(values, epsilon, slots))), { seed: 3, numRuns: 60 });
    });

  check(
    'epsilon-greedy, slot by slot: a coin in every slot',
    (epsilon, slots) => epsilonGreedy({ epsilon, slots }),
    (values, epsilon, slots) => filling(values.length, slots, (left) => [...anyOf(left).map((w) => ({ ...w, p: epsilon * w.p })), ...bestOf(values)(left).map((w) => ({ ...w, p: (1 - epsilon) * w.p }))]),
  );
  check(
    'epsilon-greedy, page by page: one coin',
    (epsilon, slots) => epsilonGreedy({ epsilon, slots, design: 'slate' }),
    (values, epsilon, slots) => ({
      shown: [],
      ways: () => [
        { p: epsilon, next: filling(values.length, slots, anyOf) },
        { p: 1 - epsilon, next: filling(values.length, slots, bestOf(values)) },
      ],
    }),
  );
  check(
    'Plackett-Luce: strengths over the sum of those that are left',
    (epsilon, slots) => softmax({ temperature: 0.1 + epsilon, slots }),
    (values, epsilon, slots) =>
      filling(values.length, slots, (left) => {
        const strength = (i: number) => Math.exp(values[i]! / (0.1 + epsilon));
        const whole = left.reduce((sum, i) => sum + strength(i), 0);
        return left.map((item) => ({ item, p: strength(item) / whole }));
      }),
  );
  check(
    'inverse-gap weighting',
    (epsilon, slots) => squareCb({ gamma: 10 * epsilon, slots }),
    (values, epsilon, slots) =>
      filling(values.length, slots, (left) => {
        const best = bestOf(values)(left);
        const others = left.filter((i) => !best.some(({ item }) => item === i)).map((item) => ({ item, p: 1 / (left.length + 10 * epsilon * (values[best[0]!.item]! - values[item]!)) }));
        const rest = 1 - others.reduce((sum, { p }) => sum + p, 0);
        return [...others, ...best.map(({ p, item }) => ({ item, p: p * rest }))];
      }),
  );
  check(
    'upper confidence bounds under a coin',
    (epsilon, slots) => ucb({ epsilon: Math.max(epsilon, 0.01), exploration: 2, slots }),
    (values, given, slots) => {
      const epsilon = Math.max(given, 0.01);
      const items = rated(values);
      const shown = items.reduce((sum, { count }) => sum + count, 0);
      const bounds = items.map(({ score, count }) => score + 2 * Math.sqrt(Math.log(1 + shown) / (1 + count)));
      return filling(values.length, slots, (left) => [...anyOf(left).map((w) => ({ ...w, p: epsilon * w.p })), ...bestOf(bounds)(left).map((w) => ({ ...w, p: (1 - epsilon) * w.p }))]);
    },
  );
  check(
    'a floor: with probability n·floor any item that is left',
    (epsilon, slots) => epsilonGreedy({ epsilon: 0, floor: epsilon / 4, slots }),
    (values, epsilon, slots) =>
      filling(values.length, slots, (left) => {
        const share = Math.min(1, left.length * (epsilon / 4));
        return [...anyOf(left).map((w) => ({ ...w, p: share * w.p })), ...bestOf(values)(left).map((w) => ({ ...w, p: (1 - share) * w.p }))];
      }),
  );
});

const policies: Readonly<Record<string, (slots: number) => Policy<Rated>>> = {
  'epsilon-greedy-slot': (slots) => epsilonGreedy({ epsilon: 0.3, slots }),
  'epsilon-greedy-slate': (slots) => epsilonGreedy({ epsilon: 0.3, slots, design: 'slate' }),
  'plackett-luce': (slots) => softmax({ temperature: 0.7, slots }),
  'square-cb': (slots) => squareCb({ gamma: 20, slots }),
  ucb: (slots) => ucb({ epsilon: 0.2, slots }),
  'thompson-beta-votes': (slots) => thompsonVotes({ posterior: betaPosterior, votes: 20, slots }),
  'thompson-gaussian-votes': (slots) => thompsonVotes({ posterior: gaussianPosterior, votes: 20, slots }),
  'thompson-beta-exact': (slots) => thompsonExact({ posterior: betaPosterior, slots }),
  'thompson-gaussian-exact': (slots) => thompsonExact({ posterior: gaussianPosterior, slots, floor: 0.01 }),
};

describe.each(Object.entries(policies))('%s', (_name, make) => {
  test('what choose tells is what it draws from, and its slates sum to 1', () => {
    fc.assert(
      fc.property(scores, slotCounts, fc.string(), (values, slots, seed) => {
        const policy = make(slots);
        const items = rated(values);
        const choice = policy.choose(items, { seed, time: 0 });
        expect(choice.slots.length).toBe(Math.min(slots, items.length));
        const shown = choice.slots.map(({ candidate }) => candidate);
        expect(new Set(shown).size).toBe(shown.length);
        let joint = 1;
        choice.slots.forEach(({ item, candidate, propensity, pmf }, k) => {
          expect(item).toBe(items[candidate]);
          expect(propensity).toBe(pmf[candidate]);
          expect(pmf.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
          expect(pmf).toEqual(policy.distribution(items, { seed, time: 0, after: shown.slice(0, k) }));
          joint *= propensity;
        });
        expect(choice.propensity).toBe(joint);
        expect(policy.probability(items, shown, { seed, time: 0 })).toBe(joint);
        const all = slates(items.length, slots).map((slate) => policy.probability(items, slate, { seed, time: 0 }));
        expect(all.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 9);
        expect(policy.choose(items, { seed, time: 0 })).toEqual(choice);
      }),
      { seed: 4, numRuns: 12 },
    );
  });

  test('items that are no better than one another have one probability, whatever their order', () => {
    const alike = Array.from({ length: 4 }, (_, i) => ({ ...rated([1])[0]!, itemId: `i${i}` }));
    const policy = make(1);
    const share = Array.from(policy.distribution(alike, { seed: 's', time: 0 }));
    // votes are a draw themselves
    if (policy.scheme.endsWith('votes')) expect(Math.min(...share)).toBeGreaterThan(0);
    else for (const p of share) expect(p).toBeCloseTo(0.25, 12);
  });
});

test('marginals are sums over all that may stand before', () => {
  const items = rated([1, 1, 0, -1]);
  const policy = softmax({ slots: 3 });
  const marginals = slotMarginals(policy, items, { seed: '' });
  for (let k = 0; k < 3; k++) {
    for (let i = 0; i < 4; i++) {
      const expected = slates(4, 3).filter((slate) => slate[k] === i).reduce((sum, slate) => sum + policy.probability(items, slate, { seed: '' }), 0);
      expect(marginals[k * 4 + i]).toBeCloseTo(expected, 12);
    }
  }
  expect(() => slotMarginals(softmax({ slots: 10 }), rated(Array.from({ length: 20 }, () => 0)), { seed: '' })).toThrow('more than 100000');
});

describe('what cannot be', () => {
  const items = rated([1, 2]);
  test.each([
    ['no item', () => softmax().choose([], { seed: 'd1' }), 'HR_POLICY_ITEMS', 'Decision d1: there is nothing to choose from.'],
    ['a score that is no number', () => softmax().choose([{ itemId: 'a', score: Number.NaN }], { seed: '' }), 'HR_POLICY_ITEMS', 'The score of item a is NaN.'],
    ['nothing passes the filter', () => softmax<Rated>({ filter: () => false }).choose(items, { seed: 'd1' }), 'HR_POLICY_ITEMS', 'Decision d1: none of the 2 items passes the filter.'],
    ['epsilon over 1', () => epsilonGreedy({ epsilon: 1.5 }), 'HR_ARGUMENT', 'epsilon is 1.5; give a number from 0 to 1.'],
    ['epsilon over 1 at some hour', () => epsilonGreedy({ epsilon: () => 2 }).choose(items, { seed: '' }), 'HR_ARGUMENT', 'epsilon is 2; give a number from 0 to 1.'],
    ['no slot', () => softmax({ slots: 0 }), 'HR_ARGUMENT', 'A policy has 0 slots; give a whole number from 1.'],
    ['temperature 0', () => softmax({ temperature: 0 }), 'HR_ARGUMENT', 'temperature is 0'],
    ['bounds without exploration', () => ucb({ epsilon: 0 }), 'HR_ARGUMENT', 'epsilon is 0'],
    ['a negative count', () => ucb({ epsilon: 0.1 }).choose([{ itemId: 'a', score: 1, count: -1 }], { seed: '' }), 'HR_POLICY_ITEMS', 'The count of item a is NaN.'],
    ['votes without a floor', () => thompsonVotes({ posterior: betaPosterior, floor: 0 }), 'HR_ARGUMENT', 'The floor of thompsonVotes is above 0'],
    ['a posterior that is none', () => thompsonVotes({ posterior: betaPosterior }).choose([{ itemId: 'a', alpha: 0, beta: 1 }], { seed: '' }), 'HR_POLICY_ITEMS', 'alpha and beta of item a are 0 and 1'],
    ['a deviation of 0', () => thompsonExact({ posterior: gaussianPosterior }).choose([{ itemId: 'a', mean: 1, deviation: 0 }], { seed: '' }), 'HR_POLICY_ITEMS', 'The deviation of item a is 0.'],
    ['a place that is none', () => softmax().probability(items, [7], { seed: '' }), 'HR_ARGUMENT', 'There is no item at place 7 of 2.'],
  ])('%s', (_name, run, code, message) => {
    expect(run).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) as string }) as Error);
  });
});
