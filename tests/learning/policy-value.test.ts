import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { splitmix } from '../../dataflow/splitmix.js';
import { choicesOf, decodeChoices, encodeChoices } from '../../learning/choice-blocks.js';
import { headPlan } from '../../learning/head-plan.js';
import { policyValue } from '../../learning/policy-value.js';
import { scoringTimes } from '../../learning/scoring-times.js';
import { type Choice, rowsOf } from '../../learning/training-rows.js';
import { decisionsOf, smallPlan } from './head-training-job.js';

/** Decisions among five candidates, each with its click probability as its only feature; epsilon-greedy by a noisy score has logged them. */
function logOf(seed: number, n: number) {
  const random = splitmix(seed);
  const choices: Choice[] = [];
  for (let i = 0; i < n; i++) {
    const chances = Array.from({ length: 5 }, () => 0.02 + 0.3 * random.unit());
    const noisy = chances.map((p) => p + 0.1 * (random.unit() - 0.5));
    const best = noisy.indexOf(Math.max(...noisy));
    const [epsilon, u] = [0.4, random.unit()];
    const shown = u < epsilon ? random.below(5) : best;
    choices.push({ key: `d${i}`, user: `u${random.below(n / 4)}`, reward: random.unit() < chances[shown]! ? 1 : 0, propensity: epsilon / 5 + (shown === best ? 1 - epsilon : 0), shown, candidates: chances.map((p) => [p]), items: chances.map((_, c) => `i${c}`) });
  }
  const columns = decodeChoices([encodeChoices(choicesOf(choices, 1))], n);
  const chances = Float64Array.from(columns.features);
  /** What showing the best by these scores earns, in truth. */
  const worth = (scores: Float64Array) => {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      let best = 5 * i;
      for (let c = best; c < 5 * i + 5; c++) {
        if (scores[c]! > scores[best]!) best = c;
        sum += 0.02 * chances[c]!;
      }
      sum += 0.9 * chances[best]!;
    }
    return sum / n;
  };
  const noisy = (size: number) => chances.map((p) => Math.max(0.001, p + size * (random.unit() - 0.5)));
  return { columns, chances, worth, noisy, random };
}

test('the interval holds the true difference, and a policy that shows the worst is surely below', () => {
  let held = 0;
  for (let seed = 1; seed <= 25; seed++) {
    const { columns, worth, noisy } = logOf(seed, 6_000);
    const [champion, candidate] = [noisy(0.1), noisy(0.2)];
    const value = policyValue(columns, { champion, candidate }, 0.1)!;
    const truth = worth(candidate) - worth(champion);
    if (value.low <= truth && truth <= value.high) held += 1;
    expect(value.low).toBeLessThan(value.difference);
    expect(value.effective).toBeGreaterThan(900);
    expect(value.effective).toBeLessThanOrEqual(value.slots);
    const worst = policyValue(columns, { champion, candidate: champion.map((p) => 1 - p) }, 0.1)!;
    expect(worst.high).toBeLessThan(0);
  }
  expect(held).toBeGreaterThanOrEqual(24);
});

test('policies that choose alike differ by nothing, and without decisions there is no value', () => {
  const { columns, noisy } = logOf(1, 500);
  const champion = noisy(0.1);
  expect(policyValue(columns, { champion, candidate: champion.map((p) => p / 2) }, 0.1)).toMatchObject({ difference: 0, low: 0, high: 0 });
  expect(policyValue(decodeChoices([], 10), { champion: new Float64Array(0), candidate: new Float64Array(0) }, 0.1)).toBeUndefined();
});

test('choices are the same however they came and were cut, each once, those with the smallest draws', () => {
  const { columns } = logOf(3, 60);
  const all = Array.from({ length: 60 }, (_, i): Choice => ({ key: `d${i}`, user: `u${i % 7}`, reward: i % 2, propensity: 0.5, shown: 0, candidates: Array.from({ length: 1 + (i % 4) }, (_, c) => [i, c]), items: Array.from({ length: 1 + (i % 4) }, (_, c) => `i${c}`) }));
  const whole = decodeChoices([encodeChoices(choicesOf(all, 2))], 25);
  expect(whole.length).toBe(25);
  expect(columns.length).toBe(60);
  fc.assert(
    fc.property(fc.shuffledSubarray(all, { minLength: 60 }), fc.integer({ min: 1, max: 59 }), (order, cut) => {
      const again = decodeChoices([encodeChoices(choicesOf(order.slice(0, cut), 2)), encodeChoices(choicesOf([...order.slice(cut), ...order.slice(0, 3)], 2))], 25);
      expect(again).toEqual(whole);
    }),
    { numRuns: 30 },
  );
});

describe('rows', () => {
  test('of the judged part carry each slot with all that was left for it', () => {
    const plan = smallPlan({ policy: {} });
    const day = decisionsOf(1);
    const judged = (time: number) => time % 3_600_000 >= 3_000_000;
    for (const decision of day.slice(0, 1_400)) {
      for (const [slot, { choice, features, click }] of rowsOf(decision, plan).entries()) {
        if (!judged(decision.time)) expect(choice).toBeUndefined();
        else {
          expect(choice).toMatchObject({ propensity: decision.slots[slot]!.propensity, user: decision.userId, reward: click });
          expect(choice!.candidates).toHaveLength(decision.candidates.length - slot);
          expect(choice!.candidates[choice!.shown]).toEqual(features);
        }
      }
    }
    const odd = day.find(({ time }) => judged(time))!;
    const hidden = odd.candidates.findIndex((_, i) => odd.slots.every(({ candidate }) => candidate !== i));
    const broken = { ...odd, candidates: odd.candidates.map((c, i) => (i === hidden ? { ...c, features: c.features.map(() => Number.NaN) } : c)) };
    expect(rowsOf(broken, plan)[0]!.choice).toBeUndefined();
    expect(rowsOf(odd, smallPlan())[0]!.choice).toBeUndefined();
  });

  test('a policy without chance, or for no decisions, is refused', () => {
    const layout = { context: [], candidate: ['score'] };
    for (const policy of [{ epsilon: 0 }, { epsilon: 1.5 }, { slots: 0 }]) expect(() => headPlan({ model: 'm', layout, policy })).toThrow(expect.objectContaining({ code: 'HR_ARGUMENT' }));
  });
});

test('scoring is timed in turn, and what is slow once does not count', async () => {
  const examples = { length: 1, embedded: [], features: new Float32Array(1), click: new Float32Array(1) };
  const [champion, candidate] = [{ parameters: new Float32Array(1), examples }, { parameters: new Float32Array(1), examples }];
  let [now, calls] = [0, 0];
  const score = (parameters: Float32Array) => {
    calls += 1;
    now += (parameters === candidate.parameters ? 4 : 1) + (calls === 9 ? 500 : 0);
    return Promise.resolve(new Float32Array(1));
  };
  expect(await scoringTimes({ score }, { champion, candidate }, () => now)).toEqual({ champion: 1, candidate: 4 });
});
