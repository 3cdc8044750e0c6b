import { expect, test } from 'vitest';
import { clickWorldTruth } from '../../../runners/simulate/click-world-truth.js';
import { decisionWorld, policyValue, type WorldItem } from '../../../runners/simulate/decision-world.js';
import { redraw } from '../../../serving/explore/distributions-of.js';
import { epsilonGreedy } from '../../../serving/explore/epsilon-greedy.js';
import { softmax } from '../../../serving/explore/softmax.js';

const world = { decisions: 3_000, seed: 5, users: 200, items: 60 };
const logged = epsilonGreedy<WorldItem>({ epsilon: 0.3 });

test('the same options give the same decisions; another run gives others of the same world', () => {
  const once = [...decisionWorld({ ...world, policy: logged })];
  expect([...decisionWorld({ ...world, policy: logged })]).toEqual(once);
  const other = [...decisionWorld({ ...world, policy: logged, run: 1 })];
  const same = other.filter(({ decision }, i) => decision.userId === once[i]!.decision.userId && decision.candidates[0]!.itemId === once[i]!.decision.candidates[0]!.itemId);
  expect(same.length).toBeLessThan(150);
  const scores = (from: typeof once) => new Map(from.flatMap(({ decision }) => decision.candidates.map(({ itemId, score }) => [itemId, score] as const)));
  for (const [item, score] of scores(other)) expect(scores(once).get(item) ?? score).toBe(score);
  expect(new Set([...once, ...other].map(({ decision }) => decision.decisionId)).size).toBe(6_000);
  expect(once.every(({ decision }, i) => i === 0 || decision.time >= once[i - 1]!.decision.time)).toBe(true);
});

test('what is logged is what was drawn from, and people click by the planted probabilities', () => {
  const truth = clickWorldTruth({ events: world.decisions, seed: world.seed, users: world.users, items: world.items });
  let clicks = 0;
  let expected = 0;
  let variance = 0;
  for (const { decision, outcomes } of decisionWorld({ ...world, policy: softmax({ temperature: 0.2, slots: 4 }) })) {
    expect(redraw(decision)).toEqual(decision.slots.map(({ candidate }) => candidate));
    decision.slots.forEach(({ candidate }, slot) => {
      const p = truth.clickProbability({ userId: decision.userId, itemId: decision.candidates[candidate]!.itemId, position: slot, timestamp: decision.time });
      expected += p;
      variance += p * (1 - p);
    });
    clicks += new Set(outcomes.map(({ outcomeId }) => outcomeId)).size;
    for (const { time } of outcomes) expect(time - decision.time).toBeLessThan(300_000);
  }
  expect(Math.abs(clicks - expected)).toBeLessThan(4 * Math.sqrt(variance));
});

test('the value of a policy is what it earns when it is run for real', () => {
  for (const policy of [epsilonGreedy<WorldItem>({ epsilon: 1 }), softmax<WorldItem>({ temperature: 0.05, slots: 3 })]) {
    const { value, standardError } = policyValue({ ...world, policy, samples: 10_000 });
    let clicks = 0;
    let squares = 0;
    const n = 10_000;
    for (const { outcomes } of decisionWorld({ ...world, policy, samples: n, run: 3 })) {
      const earned = new Set(outcomes.map(({ outcomeId }) => outcomeId)).size;
      clicks += earned;
      squares += earned * earned;
    }
    const mean = clicks / n;
    expect(Math.abs(mean - value)).toBeLessThan(4 * Math.hypot(standardError, Math.sqrt((squares / n - mean * mean) / n)));
    expect(standardError).toBeLessThan(0.01);
  }
});

test('numbers that cannot be', () => {
  const first = (options: object) => () => decisionWorld({ ...world, policy: logged, ...options }).next();
  expect(first({ candidates: 61 })).toThrow('candidates is 61; give a whole number from 1 to the 60 items.');
  expect(first({ run: -1 })).toThrow('run is -1');
  expect(first({ users: 0 })).toThrow('users is 0');
});
