import { describe, expect, test } from 'vitest';
import {
  bernsteinLowerBound,
  cascadeDr,
  clippedDr,
  clippedIps,
  clopperPearsonInterval,
  confidenceSequence,
  createTally,
  cressieRead,
  cressieReadInterval,
  dm,
  dr,
  drOs,
  empiricalLikelihood,
  estimateSlates,
  hoeffdingLowerBound,
  iips,
  type Interval,
  ips,
  least,
  loggedDecisions,
  loggedSlates,
  type Measures,
  moments,
  normalInterval,
  pseudoInverse,
  type ResultsOf,
  reward,
  rips,
  sips,
  sndr,
  snips,
  studentLowerBound,
  subGaussianDr,
  subGaussianIps,
  switchDr,
  times,
  tuned,
  weigh,
  weight,
  type WeightedDecisions,
} from '../../evaluation/index.js';
import { biasBound } from '../../evaluation/estimators/tuned.js';
import { hasShared, sharedJson } from './shared-files.js';

/** Equal to nine digits. */
function expectNear(actual: number | null | undefined, expected: number, what: string): void {
  expect(actual, what).not.toBeNull();
  expect(Math.abs(actual! - expected), `${what}: ${actual} is not ${expected}`).toBeLessThanOrEqual(1e-9 * Math.abs(expected) + 1e-15);
}

const resultsOf = <const M extends Measures>(decisions: WeightedDecisions, measures: M): ResultsOf<M> => {
  const tally = createTally(measures);
  tally.add(decisions);
  return tally.results();
};

interface Parity {
  bandit: { pi_b: number[][]; pi_e: number[][]; action: number[]; reward: number[]; q_hat: number[][]; expected: Record<string, number> };
  slate: { len_list: number; n_actions: number; cond_b: number[][]; cond_e: number[][]; reward: number[]; action: number[]; q_hat: number[]; eval_action_dist: number[][]; expected: Record<string, number> };
  vw_estimators: Record<string, number & [number, number]>;
}

describe.skipIf(!hasShared('fixtures/ope-parity.json'))('values of OBP and VW on a small log', () => {
  const { bandit, slate, vw_estimators: vw } = sharedJson<Parity>('fixtures/ope-parity.json');
  const propensity = bandit.action.map((a, i) => bandit.pi_b[i]![a]!);
  const distribution = Float64Array.from(bandit.pi_e.flat());
  const outcomes = {
    shown: Float64Array.from(bandit.action, (a, i) => bandit.q_hat[i]![a]!),
    expected: Float64Array.from(bandit.pi_e, (pi, i) => pi.reduce((sum, p, a) => sum + p * bandit.q_hat[i]![a]!, 0)),
  };
  const weighed = (pdrop?: number): WeightedDecisions =>
    weigh(loggedDecisions({ action: bandit.action, actions: 4, reward: bandit.reward, propensity, distribution: Float64Array.from(bandit.pi_b.flat()), ...(pdrop !== undefined && { pdrop: bandit.action.map(() => pdrop) }) }), { distribution }, outcomes);

  test('every bandit value of OBP', () => {
    const lambdas = [0.5, 1, 2, 5, Infinity];
    const r = resultsOf(weighed(), {
      ipw: ips(),
      cipw_2: clippedIps(2),
      snipw: snips(),
      dm: dm(),
      dr: dr(),
      dr_clip_2: clippedDr(2),
      sndr: sndr(),
      switch_dr_1: switchDr(1),
      dr_os_3: drOs(3),
      'sg_ipw_0.2': subGaussianIps(0.2),
      'sg_dr_0.2': subGaussianDr(0.2),
      slope: tuned('ips', lambdas),
      moments: moments(times(weight, reward)),
      clipped: moments(times(least(weight, 2), reward)),
      bias: { sums: tuned('ips', [2], { by: 'mse' }).sums, result: (s: Readonly<Record<string, number>>, n: number) => biasBound(n, s.bias0!, s.ww!, s.most!, 0.05) },
    });
    const found: Record<string, number | null> = {
      ...Object.fromEntries(Object.entries(r).flatMap(([name, of]) => (of !== null && typeof of === 'object' && 'value' in of ? [[name, of.value]] : []))),
      slope_cipw_value: r.slope.value,
      slope_cipw_lambda: r.slope.lambda,
      'hoeffding_lcb_0.05': hoeffdingLowerBound(r.moments!),
      'bernstein_lcb_0.05': bernsteinLowerBound(r.moments!),
      'student_t_lcb_0.05': studentLowerBound(r.moments!),
      'bias_ub_clip2_0.05': r.bias,
      mse_score_clip2: r.clipped!.variance / 12 + r.bias ** 2,
    };
    for (const [name, value] of Object.entries(bandit.expected)) expectNear(found[name], value, name);
  });

  test('every slate value of OBP', () => {
    const { len_list: slots, n_actions: actions } = slate;
    const at = (column: number[], i: number): number[] => column.slice(i * actions, (i + 1) * actions);
    const slates = loggedSlates({
      slots,
      reward: slate.reward,
      propensity: slate.cond_b.flat(),
      candidate: slate.cond_e.flat(),
      shownOutcome: slate.action.map((a, i) => at(slate.q_hat, i)[a]!),
      expectedOutcome: slate.action.map((_, i) => at(slate.q_hat, i).reduce((sum, q, a) => sum + q * slate.eval_action_dist[i]![a]!, 0)),
    });
    const on = { selfNormalised: true };
    const found = { sips: sips(), iips: iips(), rips: rips(), snsips: sips(on), sniips: iips(on), snrips: rips(on), cascade_dr: cascadeDr() } as const;
    for (const [name, value] of Object.entries(slate.expected)) expectNear(estimateSlates(found[name as keyof typeof found], slates).value, value, name);
    expectNear(estimateSlates(pseudoInverse(), slates).value, vw.slate_pseudo_inverse!, 'slate_pseudo_inverse');
  });

  test('every bandit value of VW', () => {
    const all = weighed();
    const thinned = weighed(0.3);
    const measures = { ips: ips(), snips: snips(), cressieread: cressieRead(), cressieread_wmax20: cressieRead({ most: 20 }), clopper_pearson: clopperPearsonInterval(), cressieread_ci: cressieReadInterval() };
    const r = resultsOf(all, measures);
    const t = resultsOf(thinned, measures);
    const sequence = (of: WeightedDecisions): Interval => {
      const it = confidenceSequence();
      it.add(of);
      return it.interval();
    };
    const values: Record<string, number | null> = {
      ips: r.ips.value,
      snips: r.snips.value,
      mle: empiricalLikelihood(all).value,
      cressieread: r.cressieread.value,
      mle_wmax20: empiricalLikelihood(all, { most: 20 }).value,
      cressieread_wmax20: r.cressieread_wmax20.value,
    };
    const intervals: Record<string, Interval> = {
      gaussian: normalInterval(r.ips),
      clopper_pearson: r.clopper_pearson,
      cressieread_ci: r.cressieread_ci,
      cs: sequence(all),
      'cs_pdrop0.3': sequence(thinned),
      'gaussian_pdrop0.3': normalInterval(t.ips),
      'cressieread_pdrop0.3': t.cressieread_ci,
    };
    for (const [name, expected] of Object.entries(vw)) {
      if (name === 'slate_pseudo_inverse') continue;
      if (typeof expected === 'number') expectNear(values[name], expected, name);
      else {
        expectNear(intervals[name]?.low, expected[0], `${name} low`);
        expectNear(intervals[name]?.high, expected[1], `${name} high`);
      }
    }
  });
});
