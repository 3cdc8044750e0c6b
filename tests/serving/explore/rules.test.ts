import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { adaptive } from '../../../serving/explore/adaptive.js';
import { diversity } from '../../../serving/explore/diversity.js';
import { epsilonGreedy } from '../../../serving/explore/epsilon-greedy.js';
import { overridden } from '../../../serving/explore/overridden.js';
import { betaPosterior } from '../../../serving/explore/posterior.js';
import { softmax } from '../../../serving/explore/softmax.js';
import { thompsonExact } from '../../../serving/explore/thompson-exact.js';
import { slates } from './enumerated-slates.js';

const page = fc.array(fc.record({ creator: fc.integer({ min: 0, max: 3 }), category: fc.integer({ min: 0, max: 3 }), score: fc.integer({ min: 0, max: 3 }) }), { minLength: 1, maxLength: 14 });
const itemsOf = (drawn: readonly { readonly creator: number; readonly category: number; readonly score: number }[]) =>
  drawn.map(({ creator, category, score }, i) => ({ itemId: `i${i}`, score, creatorId: creator === 0 ? '' : `c${creator}`, category: category === 0 ? '' : `g${category}` }));

describe('diversity', () => {
  test('the top 10 hold at most 2 of a creator and of a category, whatever is drawn', () => {
    const policy = softmax({ slots: 12, temperature: 3, rules: [diversity()] });
    fc.assert(
      fc.property(page, fc.string(), (drawn, seed) => {
        const { slots, items } = policy.choose(itemsOf(drawn), { seed });
        const counts = new Map<string, number>();
        for (const { item } of slots.slice(0, 10)) for (const name of [item.creatorId, item.category]) if (name !== '') counts.set(name, (counts.get(name) ?? 0) + 1);
        expect(Math.max(0, ...counts.values())).toBeLessThanOrEqual(2);
        // shorter than asked for only where everything that is left would break the rule
        if (slots.length < Math.min(10, items.length)) {
          for (const item of items) expect(slots.some((s) => s.item === item) || counts.get(item.creatorId) === 2 || counts.get(item.category) === 2).toBe(true);
        }
      }),
      { seed: 5 },
    );
  });

  test('it is folded into the probabilities: what would break it has none, the others share what it leaves', () => {
    const items = itemsOf([{ creator: 1, category: 0, score: 3 }, { creator: 1, category: 0, score: 2 }, { creator: 2, category: 0, score: 1 }, { creator: 0, category: 0, score: 0 }]);
    const policy = epsilonGreedy({ epsilon: 0.3, slots: 2, rules: [diversity({ perCreator: 1 })] });
    expect(Array.from(policy.distribution(items, { seed: '', after: [0] }))).toEqual([0, 0, 0.3 / 2 + 0.7, 0.3 / 2]);
    expect(slates(4, 2).reduce((sum, slate) => sum + policy.probability(items, slate, { seed: '' }), 0)).toBeCloseTo(1, 12);
    expect(policy.choose(items, { seed: '' }).recomputable).toBe(false);
  });

  test('under exact Thompson sampling: draws of the posteriors, of which those that keep the rule are shown', () => {
    const items = [[3, 7, 'a'], [5, 9, 'a'], [2, 3, 'b'], [4, 8, 'b']].map(([alpha, beta, creatorId], i) => ({ itemId: `i${i}`, alpha: alpha as number, beta: beta as number, creatorId: creatorId as string }));
    const free = thompsonExact({ posterior: betaPosterior, slots: 4 });
    const ruled = thompsonExact({ posterior: betaPosterior, slots: 2, rules: [diversity({ perCreator: 1 })] });
    // the page that shows the best of all, then the best of the other creator, from all orders of four
    const expected = new Map<string, number>();
    for (const order of slates(4, 4)) {
      const second = order.find((i) => items[i]!.creatorId !== items[order[0]!]!.creatorId)!;
      const key = [order[0]!, second].join();
      expected.set(key, (expected.get(key) ?? 0) + free.probability(items, order, { seed: '' }));
    }
    for (const slate of slates(4, 2)) expect(ruled.probability(items, slate, { seed: '' })).toBeCloseTo(expected.get(slate.join()) ?? 0, 12);
    const reopening = thompsonExact({ posterior: betaPosterior, slots: 3, rules: [diversity({ perCreator: 1, top: 2 })] });
    expect(() => reopening.choose(items, { seed: '' })).toThrow('opens an item again');
  });

  test('numbers that cannot be', () => {
    expect(() => diversity({ perCreator: 0 })).toThrow('diversity: perCreator is 0');
    expect(() => diversity({ top: 1.5 })).toThrow('diversity: top is 1.5');
  });
});

test('a filter comes before everything: places are those of what was given, propensities those of what is left', () => {
  const items = itemsOf([{ creator: 0, category: 0, score: 9 }, { creator: 0, category: 0, score: 2 }, { creator: 0, category: 0, score: 1 }]);
  const policy = epsilonGreedy({ epsilon: 0.5, filter: (item) => item.score < 9 });
  expect(Array.from(policy.distribution(items, { seed: '' }))).toEqual([0, 0.75, 0.25]);
  expect(policy.probability(items, [0], { seed: '' })).toBe(0);
  expect(policy.choose(items, { seed: '' }).items).toEqual(items.slice(1));
});

test('adaptive: 2 % at peak, 15 % at night, 5 % else, by the hours of a place', () => {
  const at = (hour: number, minute = 0) => Date.UTC(2026, 0, 5, hour, minute);
  const epsilon = adaptive();
  expect([0, 6, 7, 12, 17, 18, 21, 22, 23].map((hour) => epsilon(at(hour)))).toEqual([0.15, 0.15, 0.05, 0.05, 0.05, 0.02, 0.02, 0.05, 0.05]);
  expect(adaptive({ offset: '2h' })(at(16))).toBe(0.02);
  expect(adaptive({ offset: '-2h' })(at(19, 59))).toBe(0.05);
  const late = adaptive({ peakHours: [22, 2], offPeakHours: [4, 5], peak: 0.01 });
  expect([21, 22, 1, 2, 4].map((hour) => late(at(hour)))).toEqual([0.05, 0.01, 0.01, 0.05, 0.15]);
  expect(() => adaptive({ peak: 2 })).toThrow('adaptive: peak is 2');
  expect(() => adaptive({ peakHours: [0, 25] })).toThrow('adaptive: 25 is no hour');
  const policy = epsilonGreedy({ epsilon, clock: { now: () => at(20) } });
  expect(policy.choose([{ itemId: 'a', score: 1 }], { seed: '' })).toMatchObject({ time: at(20), parameters: { epsilon: 0.02 } });
  expect(policy.choose([{ itemId: 'a', score: 1 }], { seed: '', time: at(3) }).parameters).toEqual({ epsilon: 0.15 });
});

test('an override is marked, and leaves what was drawn as it was', () => {
  const choice = softmax().choose([{ itemId: 'a', score: 1 }], { seed: '' });
  expect(overridden(choice, 'sold out')).toEqual({ ...choice, overridden: 'sold out' });
});
