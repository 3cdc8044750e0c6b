import { describe, expect, test } from 'vitest';
import { splitmix } from '../../../dataflow/splitmix.js';
import { createEvaluation, type DecisionColumns, evaluate, type EvaluationResult, type FindingCode, loggedDecisions, weigh } from '../../../evaluation/index.js';

const n = 4000;
const policy = [0.4, 0.3, 0.2, 0.1];

/** A sound log of a policy over four actions, with click rate 30 %. */
function sound(seed = 1): DecisionColumns & { action: number[]; reward: number[]; propensity: number[] } {
  const random = splitmix(seed);
  const action = Array.from({ length: n }, () => {
    const u = random.unit();
    return u < 0.4 ? 0 : u < 0.7 ? 1 : u < 0.9 ? 2 : 3;
  });
  return { action, actions: 4, propensity: action.map((a) => policy[a]!), reward: action.map(() => Number(random.unit() < 0.3)) };
}

const evaluated = (columns: DecisionColumns): EvaluationResult => evaluate([loggedDecisions(columns, 'leave-out')], { slots: [[0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.4]] });
const finding = (result: EvaluationResult, code: FindingCode) => result.findings.find((of) => of.code === code);

describe('a sound log', () => {
  test('has no finding, and says so', () => {
    const result = evaluated(sound());
    expect(result.findings).toEqual([]);
    expect(result.verdict).toBe('trust');
    expect(result.reasons).toHaveLength(1);
  });
  test('with designed probabilities of two digits is not taken for rounded', () => {
    const random = splitmix(2);
    // ε-greedy with ε = 0.04 or 0.12 of four: 0.97 and 0.01, 0.91 and 0.03
    const epsilon = Array.from({ length: n }, () => (random.below(2) === 0 ? 0.04 : 0.12));
    const action = epsilon.map((e) => (random.unit() < 1 - (3 / 4) * e ? 0 : 1 + random.below(3)));
    const propensity = action.map((a, i) => (a === 0 ? Number((1 - (3 / 4) * epsilon[i]!).toFixed(2)) : Number((epsilon[i]! / 4).toFixed(2))));
    expect(finding(evaluate([loggedDecisions({ ...sound(), action, propensity })], { slots: [[0.97, 0.01, 0.01, 0.01]] }), 'PROPENSITY_ROUNDED')).toBeUndefined();
  });
});

describe('outcomes', () => {
  test('that come for fewer decisions of one policy are found', () => {
    const random = splitmix(3);
    const logger = Array.from({ length: n }, () => random.below(2));
    const joined = logger.map((k) => Number(random.unit() < (k === 1 ? 0.6 : 0.95)));
    const result = evaluated({ ...sound(), logger, joined });
    expect(finding(result, 'JOIN_RATE')!.message).toMatch(/Outcomes came for 6\d % of the decisions of policy 1, and for 9\d % of the others/);
    expect(result.diagnostics.join_rate).toBeCloseTo(0.775, 1);
    expect(finding(evaluated({ ...sound(), logger, joined: logger.map(() => Number(random.unit() < 0.9)) }), 'JOIN_RATE')).toBeUndefined();
  });
  test('of which half are lost for one policy are found by what its actions are worth', () => {
    const random = splitmix(4);
    const logger = Array.from({ length: n }, () => random.below(2));
    const { reward, ...rest } = sound();
    const result = evaluated({ ...rest, logger, reward: reward.map((r, i) => (logger[i] === 1 && random.below(2) === 0 ? 0 : r)) });
    expect(finding(result, 'POLICIES_DISAGREE')).toMatchObject({ severity: 'warning' });
    expect(result.diagnostics.by_policy).toHaveLength(2);
    expect(finding(evaluated({ ...rest, reward, logger }), 'POLICIES_DISAGREE')).toBeUndefined();
  });
  test('that come late are counted', () => {
    const late = Array.from({ length: n }, (_, i) => Number(i % 20 === 0));
    expect(finding(evaluated({ ...sound(), late }), 'LATE_OUTCOMES')).toMatchObject({ severity: 'warning' });
  });
  test('that are counted twice are found, unless 2 is possible', () => {
    const { reward, ...rest } = sound();
    const columns = { ...rest, reward: reward.map((r, i) => (i % 20 === 0 ? 2 * r : r)) };
    expect(finding(evaluated(columns), 'OUTCOME_REPEATED')!.message).toMatch(/^Rewards are 0 and 1, but for \d\.?\d? % of the outcomes they are 2/);
    const known = evaluate([loggedDecisions(columns)], { uniform: true }, { rewards: { low: 0, high: 5 } });
    expect(finding(known, 'OUTCOME_REPEATED')).toBeUndefined();
    expect(finding(evaluated({ ...rest, reward: reward.map((r, i) => r * (1 + (i % 3))) }), 'OUTCOME_REPEATED')).toBeUndefined();
  });
  test('that are missing for an hour are found', () => {
    const { reward, ...rest } = sound();
    const time = reward.map((_, i) => i * 60_000);
    const result = evaluated({ ...rest, time, reward: reward.map((r, i) => (i > 1000 && i < 1200 ? 0 : r)) });
    expect(finding(result, 'OUTCOMES_MISSING')!.message).toMatch(/^The time from 1970-01-01T1\d:00:00 has no outcome/);
  });
});

test('a decision at another slot is another decision', () => {
  const decision = Array.from({ length: n }, (_, i) => Math.floor(i / 2));
  const slot = decision.map((_, i) => i % 2);
  expect(evaluated({ ...sound(), decision, slot }).diagnostics.repeated_share).toBe(0);
  expect(evaluated({ ...sound(), decision }).diagnostics.repeated_share).toBe(0.5);
});

test('a policy that takes over is named; two that run side by side are no change', () => {
  const after = evaluated({ ...sound(), logger: Array.from({ length: n }, (_, i) => Number(i >= 1500)), time: Array.from({ length: n }, (_, i) => Date.UTC(2026, 0, 1) + i * 60_000) });
  expect(finding(after, 'POLICY_CHANGE')!.message).toMatch(/^Policy 1 took over from policy 0 about 2026-01-02 0[01]:\d\d UTC/);
  expect(finding(evaluated({ ...sound(), logger: Array.from({ length: n }, (_, i) => i % 2) }), 'POLICY_CHANGE')).toBeUndefined();
});

test('what the log never shows is told from distributions, with bounds of the value', () => {
  const { action, reward } = sound();
  const shown = action.map((a) => (a === 3 ? 0 : a));
  const distribution = Float64Array.from(shown.flatMap(() => [0.5, 0.3, 0.2, 0]));
  const result = evaluated({ action: shown, actions: 4, reward, propensity: shown.map((a) => [0.5, 0.3, 0.2][a]!), distribution });
  expect(result.diagnostics).toMatchObject({ unsupported_by: 'distribution' });
  expect(result.diagnostics.unsupported_mass).toBeCloseTo(0.4, 12);
  const { low, high } = result.diagnostics.value_bounds!;
  expect(high - low).toBeCloseTo(0.4, 12);
  expect(result.verdict).toBe('do-not-trust');
});

test('what could have been shown and never was is not supported either', () => {
  const shown = Array.from({ length: n }, () => 0);
  const distribution = Float64Array.from(shown.flatMap(() => [0.9997, 0.0001, 0.0001, 0.0001]));
  const result = evaluated({ action: shown, actions: 4, reward: sound().reward, propensity: shown.map(() => 0.9997), distribution });
  expect(finding(result, 'UNSUPPORTED_MASS')).toMatchObject({ severity: 'error' });
  expect(result.diagnostics).toMatchObject({ unsupported_by: 'weights' });
  expect(result.diagnostics.unsupported_mass).toBeCloseTo(0.9, 3);
  expect(result.verdict).toBe('do-not-trust');
});

test('rows that were left out, and a thinned log, are mentioned', () => {
  const columns = sound();
  columns.propensity[5] = 0;
  const result = evaluated(columns);
  expect(finding(result, 'ROWS_LEFT_OUT')).toMatchObject({ severity: 'info', numbers: { rows: 1 } });
  expect(result.diagnostics.left_out).toEqual({ HR_EVALUATION_PROPENSITY: 1 });
  const thinned = evaluated({ ...sound(), pdrop: sound().reward.map((r) => (r === 0 ? 0.5 : 0)) });
  expect(finding(thinned, 'LOG_THINNED')!.numbers).toMatchObject({ rows: n });
  expect(thinned.diagnostics.thinned!.decisions).toBeGreaterThan(1.5 * n);
});

test('rows that were left out before they came here are counted', () => {
  const evaluation = createEvaluation();
  const { action, reward, propensity } = sound();
  const distribution = Float64Array.from(action.flatMap(() => policy));
  evaluation.add(weigh(loggedDecisions({ action, actions: 4, reward, propensity, distribution }), { distribution }));
  evaluation.addLeftOut([{ code: 'HR_EVALUATION_PMF', rows: 500, first: 3, example: 'the probabilities sum to 0.99' }]);
  const result = evaluation.result();
  expect(result.diagnostics).toMatchObject({ left_out: { HR_EVALUATION_PMF: 500 }, on_policy_mismatch: 0, weight_mean: 1 });
  expect(finding(result, 'ROWS_LEFT_OUT')!.message).toMatch(/^500 of 4500 rows \(11 %\) could not be used/);
});

test('one row gives no interval and no trust; a weight of 1e-300 no NaN', () => {
  const one = evaluate([loggedDecisions({ action: [1], actions: 4, reward: [1], propensity: [0.3] })], { uniform: true });
  for (const { low, high } of Object.values(one.estimates)) expect([low, high]).toEqual([null, null]);
  expect(one.verdict).toBe('do-not-trust');
  const { action, propensity, reward } = sound();
  const tiny = evaluate([loggedDecisions({ action, actions: 4, reward, propensity })], { shown: new Float64Array(n).fill(1e-300) });
  expect(tiny.verdict).toBe('do-not-trust');
  for (const result of [one, tiny]) expect(JSON.stringify(result)).not.toMatch(/NaN|Infinity/);
  for (const result of [one, tiny]) expect(nulls(result.diagnostics)).not.toContain('ess');
});

/** Names of numbers that JSON cannot hold. */
const nulls = (of: object): string[] => Object.entries(of).filter(([, x]) => typeof x === 'number' && !Number.isFinite(x)).map(([name]) => name);

test('the clip curve ends in IPS, and the histogram and the days hold every decision', () => {
  const { diagnostics, estimates } = evaluated({ ...sound(), time: Array.from({ length: n }, (_, i) => i * 60_000) });
  expect(diagnostics.clip_curve.at(-1)!.value).toBeCloseTo(estimates.ips!.value!, 12);
  expect(diagnostics.clip_curve.find(({ limit }) => limit === 1)!.value).toBeLessThan(estimates.ips!.value!);
  expect(diagnostics.weight_histogram.reduce((sum, bin) => sum + bin.n, 0)).toBe(n);
  expect(diagnostics.by_time.map(({ of }) => of)).toEqual(['1970-01-01', '1970-01-02', '1970-01-03']);
  expect(diagnostics.by_time.reduce((sum, day) => sum + day.n, 0)).toBe(n);
  expect(diagnostics.calibration).toHaveLength(4);
});
