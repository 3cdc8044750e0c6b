import { describe, expect, test } from 'vitest';
import { expectedOutcomes, type LoggedDecisions, logistic, loggedDecisions, type OutcomeModel, ridge, smoothed } from '../../evaluation/index.js';
import { splitmix } from '../../dataflow/splitmix.js';

const actions = 3;

/** Decisions with one context feature in [-1, 1], uniform actions, and a mean reward that the test gives. */
function simulated(n: number, mean: (x: number, action: number, slot: number) => number, binary: boolean): LoggedDecisions {
  const random = splitmix(11);
  const context = Float64Array.from({ length: n }, () => 2 * random.unit() - 1);
  const action = Float64Array.from({ length: n }, () => random.below(actions));
  const slot = Float64Array.from({ length: n }, () => random.below(2));
  const reward = Float64Array.from({ length: n }, (_, i) => (binary ? Number(random.unit() < mean(context[i]!, action[i]!, slot[i]!)) : mean(context[i]!, action[i]!, slot[i]!)));
  return loggedDecisions({ context, action, actions, slot, slots: 2, reward, propensity: new Float64Array(n).fill(1 / actions) });
}

const predictAt = (model: OutcomeModel, log: LoggedDecisions, row: number): number[] => {
  const out = new Float64Array(actions);
  model.fit(log, Int32Array.from({ length: log.length }, (_, i) => i)).predict(log, row, out);
  return [...out];
};

test('the smoothed model draws each item and slot to the mean of all', () => {
  const log = loggedDecisions({ action: [0, 0, 1, 0], actions: 2, slot: [0, 0, 0, 1], reward: [1, 1, 0, 0], propensity: [0.5, 0.5, 0.5, 0.5] });
  const out = new Float64Array(2);
  const fitted = smoothed(10).fit(log, Int32Array.of(0, 1, 2, 3));
  fitted.predict(log, 0, out);
  // the mean is 1/2: (2 + 10/2) / (2 + 10) and (0 + 10/2) / (1 + 10)
  expect([...out]).toEqual([7 / 12, 5 / 11]);
  fitted.predict(log, 3, out);
  expect([...out]).toEqual([5 / 11, 5 / 10]);
});

describe('ridge', () => {
  const line = (x: number, a: number, s: number): number => 0.3 + 0.5 * x + 0.2 * a - 0.1 * s;

  test('finds a line, whose coefficients it draws to 0 as the penalty grows', () => {
    const log = simulated(500, line, false);
    for (const row of [0, 1, 2, 3]) {
      const found = predictAt(ridge({ penalty: 1e-6 }), log, row);
      found.forEach((q, a) => expect(q).toBeCloseTo(line(log.context![row]!, a, log.slot![row]!), 6));
    }
    const flat = predictAt(ridge({ penalty: 1e9 }), log, 0);
    const mean = log.reward.reduce((sum, r) => sum + r, 0) / log.length;
    for (const q of flat) expect(q).toBeCloseTo(mean, 4);
  });

  test('takes features of actions in the place of the actions', () => {
    const log = simulated(500, line, false);
    const found = predictAt(ridge({ penalty: 1e-6, actionFeatures: Float64Array.of(0, 1, 2) }), log, 5);
    found.forEach((q, a) => expect(q).toBeCloseTo(line(log.context![5]!, a, log.slot![5]!), 6));
  });

  test('is refused features that are not finite, and too many coefficients', () => {
    const log = simulated(50, line, false);
    expect(() => predictAt(ridge({ actionFeatures: Float64Array.of(0, NaN, 1) }), log, 0)).toThrow('no solution');
    expect(() => predictAt(ridge({ penalty: 0 }), log, 0)).toThrow('The penalty is 0');
    expect(() => ridge().fit({ ...log, actions: 5000 }, Int32Array.of(0))).toThrow('too large');
  });
});

describe('logistic', () => {
  const curve = (x: number, a: number, s: number): number => 1 / (1 + Math.exp(-(-1 + x + 0.7 * a - 0.5 * s)));

  test('finds the probabilities of clicks', () => {
    const log = simulated(40_000, curve, true);
    for (const row of [0, 1, 2]) predictAt(logistic(), log, row).forEach((q, a) => expect(Math.abs(q - curve(log.context![row]!, a, log.slot![row]!))).toBeLessThan(0.02));
  });

  test('is at the least loss: its gradient is 0', () => {
    const log = simulated(300, curve, true);
    const fitted = logistic({ penalty: 0.5 }).fit(log, Int32Array.from({ length: 300 }, (_, i) => i));
    const out = new Float64Array(actions);
    let gradient = 0;
    for (let i = 0; i < 300; i++) {
      fitted.predict(log, i, out);
      gradient += log.reward[i]! - out[log.action![i]!]!;
    }
    // the constant has no penalty
    expect(Math.abs(gradient)).toBeLessThan(1e-6);
  });

  test('finds an end where all rewards are alike, and is refused rewards over 1', () => {
    for (const value of [0, 1]) {
      const log = simulated(100, () => value, false);
      for (const q of predictAt(logistic(), log, 0)) expect(Math.abs(q - value)).toBeLessThan(0.01);
    }
    expect(() => predictAt(logistic(), simulated(10, () => 2, false), 0)).toThrow('from 0 to 1');
  });
});

describe('cross-fitting', () => {
  /** Remembers nothing but the mean of what it was fitted on. */
  const mean: OutcomeModel = {
    name: 'mean',
    fit: (log, rows) => {
      const value = rows.reduce((sum, i) => sum + log.reward[i]!, 0) / rows.length;
      return { predict: (_, row, out) => void out.fill(value) };
    },
  };

  test('no row is predicted by a model that has seen it, nor by one that has seen its user', () => {
    const reward = [1, 2, 4, 8, 16, 32];
    const propensity = new Float64Array(6).fill(0.5);
    const action = [0, 1, 0, 1, 0, 1];
    const others = (i: number, same: (j: number) => boolean): number => {
      const left = reward.filter((_, j) => !same(j));
      return left.reduce((sum, r) => sum + r, 0) / left.length;
    };
    const plain = expectedOutcomes(loggedDecisions({ reward, propensity, action, actions: 2 }), { uniform: true }, mean, { folds: 2 });
    reward.forEach((_, i) => expect(plain.shown[i]).toBe(others(i, (j) => j % 2 === i % 2)));
    const user = [7, 7, 9, 9, 7, 9];
    const byUser = expectedOutcomes(loggedDecisions({ reward, propensity, action, actions: 2, user }), { uniform: true }, mean, { folds: 2 });
    reward.forEach((_, i) => expect(byUser.shown[i]).toBe(others(i, (j) => user[j] === user[i])));
  });

  test('needs actions, a whole candidate, and as many users as folds', () => {
    const log = loggedDecisions({ reward: [1, 0], propensity: [0.5, 0.5], action: [0, 1], actions: 2 });
    expect(() => expectedOutcomes(loggedDecisions({ reward: [1], propensity: [0.5] }), { uniform: true }, mean)).toThrow('needs the actions');
    expect(() => expectedOutcomes(log, { shown: Float64Array.of(0.5, 0.5) }, mean)).toThrow('whole distribution');
    expect(() => expectedOutcomes(log, { uniform: true }, mean, { folds: 3 })).toThrow('2 decisions cannot be put into 3 folds');
    expect(() => expectedOutcomes(log, { uniform: true }, mean, { folds: 1.5 })).toThrow('folds is 1.5');
  });

  test('every form of a candidate gives the same', () => {
    const log = simulated(200, (x, a) => a + x, false);
    const slots = [
      [0.2, 0.3, 0.5],
      [0.6, 0.4, 0],
    ];
    const distribution = Float64Array.from(Array.from(log.slot!, (s) => slots[s]!).flat());
    expect(expectedOutcomes(log, { distribution }, ridge())).toEqual(expectedOutcomes(log, { slots }, ridge()));
  });
});
