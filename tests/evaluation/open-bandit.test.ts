import { describe, expect, test } from 'vitest';
import { bernsteinLowerBound, bootstrapIntervals, type Bootstrap, type Candidate, clippedDr, clippedIps, constant, createTally, dm, dr, drOs, type Estimate, expectedOutcomes, hoeffdingLowerBound, ips, loggedDecisions, meanEstimator, type Measure, moments, over, reward, smoothed, sndr, snips, studentLowerBound, subGaussianDr, subGaussianIps, switchDr, times, tuned, weigh, weight, weightSummary } from '../../evaluation/index.js';
import { mersenneTwister } from './mersenne-twister.js';
import { hasShared, openBandit, sharedJson } from './shared-files.js';

interface Tuned {
  value: number;
  lambda: number | 'Infinity';
}
type Reference = Record<string, Record<string, number> & { n: number; estimates: Record<string, number | [number, number, number] | Tuned> }>;

function expectNear(actual: number | null | undefined, expected: number, what: string): void {
  expect(actual ?? NaN, what).not.toBeNaN();
  expect(Math.abs(actual! - expected), `${what}: ${actual} is not ${expected}`).toBeLessThanOrEqual(1e-9 * Math.abs(expected) + 1e-12 * Number(expected === 0));
}

const here = hasShared('fixtures/obp-men-reference.json') && hasShared('data/open-bandit');

describe.skipIf(!here)('values of OBP on the Open Bandit campaign "men"', () => {
  const reference = here ? sharedJson<Reference>('fixtures/obp-men-reference.json') : {};
  const slots = here ? sharedJson<{ slots: number[][] }>('fixtures/bts-men-policy.json').slots : [];

  test.for(Object.keys(reference))('all values of %s', (pair) => {
    const [from, to] = pair.replace('men:', '').split('->') as ['random' | 'bts', 'random' | 'bts'];
    const log = loggedDecisions({ ...openBandit(from), actions: 34 });
    const candidate: Candidate = to === 'random' ? { uniform: true } : { slots };
    const decisions = weigh(log, candidate, expectedOutcomes(log, candidate, smoothed(10), { folds: 1 }));
    const limits = [1, 2, 5, 10, 50, Infinity];
    const of = (make: (l: number) => ReturnType<typeof ips>, name: string, at: readonly number[]) => Object.fromEntries(at.map((l) => [`${name}_${l}`, make(l)]));
    const lambdas = [1, 2, 5, 10, Infinity];
    const tunings = (name: string, family: 'ips' | 'switch_dr' | 'dr_os') => ({ [`${name}_tuned_slope`]: tuned(family, lambdas), [`${name}_tuned_mse`]: tuned(family, lambdas, { by: 'mse' }) });
    const estimators: Record<string, Measure<string, Estimate>> = {
      ipw: ips(),
      snipw: snips(),
      dm: dm(),
      dr: dr(),
      sndr: sndr(),
      ...of(clippedIps, 'cipw', limits),
      ...of(clippedDr, 'dr_clip', limits),
      ...of(switchDr, 'switch_dr', limits),
      ...of(drOs, 'dr_os', [0, 1, 5, 10, 100]),
      ...of(subGaussianIps, 'sg_ipw', [0.05, 0.1, 0.5]),
      ...of(subGaussianDr, 'sg_dr', [0.05, 0.1, 0.5]),
      ...tunings('cipw', 'ips'),
      ...tunings('switch_dr', 'switch_dr'),
      ...tunings('dr_os', 'dr_os'),
    };
    const tally = createTally(estimators);
    tally.add(decisions);
    const found: Record<string, { value: number | null; lambda?: number }> = tally.results();
    const about = createTally({ weights: weightSummary(), moments: moments(times(weight, reward)) });
    about.add(decisions);
    const { weights, moments: m } = about.results();
    const bounds: Record<string, number | null> = { ipw_hoeffding_lcb_0: hoeffdingLowerBound(m!), ipw_bernstein_lcb_0: bernsteinLowerBound(m!), ipw_student_t_lcb_0: studentLowerBound(m!) };
    // OBP draws the terms of SNIPS as if their denominator were known
    const fixedRatio = meanEstimator(over(times(weight, reward), constant(weights.mean!)), { name: 'snips', formula: '', source: '' });
    const bootstraps: Record<string, Bootstrap> = bootstrapIntervals(
      { ipw_bootstrap2000_seed12345: ips(), snipw_bootstrap2000_seed12345: fixedRatio, 'snipw_ratio_bootstrap2000(not OBP)': snips() },
      decisions,
      { chance: mersenneTwister(12345), replicates: 2000 },
    );

    const { estimates, ...summary } = reference[pair]!;
    const summaries: Record<string, number | null> = { n: weights.n, iw_mean: weights.mean, iw_max: weights.largest, iw_var: weights.variance, ess: weights.ess, mean_inv_pscore: weights.meanInversePropensity, on_policy_behavior_mean: weights.meanReward };
    summaries['on_policy_eval_mean(ground truth)'] = openBandit(to).reward.reduce((sum, r) => sum + r, 0) / weights.n;
    for (const [name, value] of Object.entries(summary)) expectNear(summaries[name], value as unknown as number, name);
    let checked = 0;
    for (const [name, value] of Object.entries(estimates)) {
      if (Array.isArray(value)) {
        const { mean, interval } = bootstraps[name]!;
        expectNear(mean, value[0], name);
        expectNear(interval?.low, value[1], `${name} low`);
        expectNear(interval?.high, value[2], `${name} high`);
      } else if (typeof value === 'object') {
        expectNear(found[name]?.value, value.value, name);
        expect(found[name]?.lambda, name).toBe(Number(value.lambda));
      } else expectNear((found[name] ?? { value: bounds[name.replace(/\.05$/, '')] }).value, value, name);
      checked++;
    }
    expect(checked).toBe(Object.keys(estimates).length);
  });
});
