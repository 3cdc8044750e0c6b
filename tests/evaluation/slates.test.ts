import { expect, test } from 'vitest';
import { HeadraceError } from '../../dataflow/errors.js';
import { cascadeDr, estimateSlates, iips, loggedSlates, normalInterval, pseudoInverse, rips, sips, type SlateColumns } from '../../evaluation/index.js';

const good: SlateColumns = { slots: 2, reward: [1, 0, 0, 1, 1, 1], propensity: [0.5, 0.5, 0.2, 0.4, 1, 0.5], candidate: [0.25, 1, 0.2, 0.2, 0.5, 0.5] };

const codeOf = (columns: SlateColumns): string => {
  try {
    loggedSlates(columns);
  } catch (error) {
    return (error as HeadraceError).code;
  }
  return 'none';
};

test('estimates of three slates, computed by hand', () => {
  const slates = loggedSlates(good);
  // weights of the slots: 0.5 and 2, 1 and 0.5, 0.5 and 1
  expect(estimateSlates(sips(), slates).value).toBeCloseTo((1 * 1 + 0.5 * 1 + 0.5 * 2) / 3, 12);
  expect(estimateSlates(iips(), slates).value).toBeCloseTo((0.5 + 0.5 + 0.5 + 1) / 3, 12);
  expect(estimateSlates(rips(), slates).value).toBeCloseTo((0.5 + 0.5 + 0.5 + 0.5) / 3, 12);
  expect(estimateSlates(pseudoInverse(), slates).value).toBeCloseTo((1.5 * 1 + 0.5 * 1 + 0.5 * 2) / 3, 12);
  expect(estimateSlates(sips({ selfNormalised: true }), slates).value).toBeCloseTo(2.5 / 2, 12);
  expect(estimateSlates(iips({ selfNormalised: true }), slates).value).toBeCloseTo(1 / 2 + 1.5 / 3.5, 12);
});

test('marginal probabilities are used where they are given', () => {
  const slates = loggedSlates({ ...good, marginalPropensity: [0.5, 0.5, 0.5, 0.5, 0.5, 0.5], marginalCandidate: [1, 1, 1, 1, 1, 1] });
  expect(estimateSlates(iips(), slates).value).toBeCloseTo((2 + 2 + 2 + 2) / 3, 12);
  expect(estimateSlates(rips(), slates).value).toBeCloseTo(2 / 3, 12);
});

test('a bad slot refuses the log, or leaves its slate out', () => {
  const spoilt = (name: 'reward' | 'propensity' | 'candidate', value: number | null): SlateColumns => ({ ...good, [name]: (good[name] as number[]).map((x, i) => (i === 3 ? value : x)) });
  expect(codeOf(spoilt('propensity', 0))).toBe('HR_EVALUATION_PROPENSITY');
  expect(codeOf(spoilt('propensity', null))).toBe('HR_EVALUATION_PROPENSITY');
  expect(codeOf(spoilt('propensity', 1e-300))).toBe('HR_EVALUATION_WEIGHT');
  expect(codeOf(spoilt('candidate', 1.2))).toBe('HR_EVALUATION_PMF');
  expect(codeOf(spoilt('reward', NaN))).toBe('HR_EVALUATION_REWARD');
  expect(codeOf({ ...good, slots: 4 })).toBe('HR_EVALUATION_COLUMNS');
  expect(codeOf({ slots: 2, reward: [], propensity: [], candidate: [] })).toBe('HR_EVALUATION_EMPTY');
  const left = loggedSlates(spoilt('propensity', -1), 'leave-out');
  expect(left).toMatchObject({ length: 2, leftOut: [{ code: 'HR_EVALUATION_PROPENSITY', rows: 1, first: 1 }] });
  expect([...left.reward]).toEqual([1, 0, 1, 1]);
});

test('one slate has an estimate and no interval', () => {
  const one = loggedSlates({ slots: 2, reward: [1, 0], propensity: [0.5, 0.5], candidate: [0.5, 0.5] });
  for (const estimator of [sips(), iips({ selfNormalised: true }), pseudoInverse()]) {
    const estimate = estimateSlates(estimator, one);
    expect(estimate.value).toBe(1);
    expect(normalInterval(estimate)).toBeNull();
  }
  expect(() => estimateSlates(cascadeDr(), one)).toThrow('needs the outcomes');
});
