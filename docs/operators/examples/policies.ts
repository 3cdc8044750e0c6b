import assert from 'node:assert/strict';
import { diversity, epsilonGreedy } from 'headrace/serving';

const policy = epsilonGreedy({ epsilon: 0.3, slots: 2, rules: [diversity({ perCreator: 1 })] });
const items = [
  { itemId: 'song', score: 0.9, creatorId: 'ann' },
  { itemId: 'clip', score: 0.8, creatorId: 'ann' },
  { itemId: 'film', score: 0.5, creatorId: 'bob' },
];

// The first slot: any of three with 0.1 each, and 0.7 for the best.
assert.deepEqual(Array.from(policy.distribution(items, { seed: 'd1' }), (p) => p.toFixed(2)), ['0.80', '0.10', '0.10']);
// Behind the song its creator may not stand again: all of the probability is the film's.
assert.deepEqual([...policy.distribution(items, { seed: 'd1', after: [0] })], [0, 0, 1]);

// What is drawn is drawn from that, and the same seed draws it again.
const choice = policy.choose(items, { seed: 'd1' });
assert.equal(choice.propensity, policy.probability(items, choice.slots.map(({ candidate }) => candidate), { seed: 'd1' }));
assert.deepEqual(policy.choose(items, { seed: 'd1', time: choice.time }), choice);
