import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decisionOf } from '../../../serving/decision-of.js';
import { distributionsOf, redraw } from '../../../serving/explore/distributions-of.js';
import { diversity } from '../../../serving/explore/diversity.js';
import { epsilonGreedy } from '../../../serving/explore/epsilon-greedy.js';
import type { CountedItem } from '../../../serving/explore/item.js';
import type { Policy } from '../../../serving/explore/policy.js';
import { gaussianPosterior } from '../../../serving/explore/posterior.js';
import { softmax } from '../../../serving/explore/softmax.js';
import { squareCb } from '../../../serving/explore/square-cb.js';
import { thompsonVotes } from '../../../serving/explore/thompson-votes.js';
import { ucb } from '../../../serving/explore/ucb.js';

const items = [2, 1, 1, 0, -3].map((score, i) => ({ itemId: `i${i}`, score, count: i, creatorId: `c${i % 2}`, mean: score, deviation: 1 }));

const recomputable: readonly Policy<CountedItem>[] = [
  epsilonGreedy({ epsilon: 0.1 }),
  epsilonGreedy({ epsilon: 0.3, slots: 3, floor: 0.01 }),
  epsilonGreedy({ epsilon: 0.3, slots: 3, design: 'slate', floor: 0.02 }),
  epsilonGreedy({ epsilon: 0, slots: 3, design: 'slate', floor: 0.02 }),
  softmax({ temperature: 0.5 }),
  softmax({ slots: 4, floor: 0.001 }),
  squareCb({ gamma: 7, slots: 2 }),
  ucb({ epsilon: 0.2, slots: 2 }),
];

test.each(recomputable.map((policy) => ({ scheme: policy.scheme, policy })))('$scheme: what is left out of the log is computed again, to the last bit', ({ policy }) => {
  fc.assert(
    fc.property(fc.string(), (seed) => {
      const choice = policy.choose(items, { seed });
      const decision = decisionOf({ decisionId: seed, choice }, 'scheme');
      expect(decision.slots.every(({ pmf }) => pmf.length === 0)).toBe(true);
      expect(distributionsOf(decision)).toEqual(choice.slots.map(({ pmf }) => pmf));
      expect(redraw(decision)).toEqual(choice.slots.map(({ candidate }) => candidate));
    }),
    { seed: 6, numRuns: 30 },
  );
});

test('where scores do not give the distribution, it is logged whatever is asked for', () => {
  for (const policy of [thompsonVotes({ posterior: gaussianPosterior, slots: 2 }), softmax({ slots: 2, rules: [diversity({ perCreator: 1 })] })] as const) {
    const choice = (policy as Policy<(typeof items)[number]>).choose(items, { seed: 'd' });
    const decision = decisionOf({ decisionId: 'd', choice }, 'scheme');
    expect(decision.slots.map(({ pmf }) => pmf)).toEqual(choice.slots.map(({ pmf }) => Array.from(pmf)));
    expect(redraw(decision)).toEqual(choice.slots.map(({ candidate }) => candidate));
  }
});

test('a page that was ranked anew behind the draw is found by drawing again', () => {
  const policy = softmax({ slots: 3, temperature: 2 });
  let found = 0;
  for (let d = 0; d < 50; d++) {
    const decision = decisionOf({ decisionId: `d${d}`, choice: policy.choose(items, { seed: `d${d}` }) });
    const reranked = { ...decision, slots: decision.slots.toSorted((a, b) => a.candidate - b.candidate) };
    if (redraw(reranked).join() !== reranked.slots.map(({ candidate }) => candidate).join()) found++;
    expect(redraw(decision)).toEqual(decision.slots.map(({ candidate }) => candidate));
  }
  expect(found).toBeGreaterThan(20);
});

test('a log that does not tell is refused', () => {
  const decision = decisionOf({ decisionId: 'd', choice: softmax().choose(items, { seed: 'd' }) }, 'scheme');
  expect(() => distributionsOf({ ...decision, scheme: 'thompson-beta-votes' })).toThrow('The scheme "thompson-beta-votes" does not follow from scores');
  expect(() => distributionsOf({ ...decision, parameters: {} })).toThrow('The parameter temperature is not logged.');
  expect(() => distributionsOf({ ...decision, slots: [{ ...decision.slots[0]!, pmf: [1] }] })).toThrow('Decision d: slot 0 has 1 probabilities for 5 candidates.');
});
