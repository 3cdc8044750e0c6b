import { expect, test } from 'vitest';
import { scoreOf } from '../../evaluation/index.js';

const forecast = (value: number, observed: number, more: object = {}) => ({ value, interval: { low: value - 1, high: value + 1 }, baseline: 2, control: 2, observed, ...more });

test('intervals, signs, ranks and bias', () => {
  const forecasts = [forecast(3, 3.5), forecast(4, 1), forecast(1, 0.5), forecast(5, 6.5, { interval: null })];
  const score = scoreOf(forecasts);
  expect(score).toMatchObject({ n: 4, intervals: 3, covered: 2, signs: 4, right: 3 });
  // ranks 2 3 1 4 and 3 2 1 4: 1 - 6·2 / (4·15)
  expect(score.rankCorrelation).toBeCloseTo(0.8, 12);
  expect(score.bias).toBeCloseTo((3 + 4 + 1 + 5 - 3.5 - 1 - 0.5 - 6.5) / 4, 12);
});

test('ties share their rank; no rank of two, or of values that are alike', () => {
  expect(scoreOf([forecast(1, 1), forecast(1, 2), forecast(2, 3)]).rankCorrelation).toBeCloseTo(Math.sqrt(3) / 2, 12);
  expect(scoreOf([forecast(1, 1), forecast(2, 2)]).rankCorrelation).toBeNull();
  expect(scoreOf([forecast(1, 1), forecast(1, 2), forecast(1, 3)]).rankCorrelation).toBeNull();
  expect(scoreOf([])).toEqual({ n: 0, intervals: 0, covered: 0, signs: 0, right: 0, rankCorrelation: null, bias: null });
});

test('a sign needs both sides of the test, and a difference', () => {
  expect(scoreOf([forecast(3, 4, { control: null }), forecast(3, 4, { baseline: null }), forecast(2, 4), forecast(3, 2)])).toMatchObject({ n: 4, signs: 0, right: 0 });
});
