import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HeadraceError } from '../../dataflow/errors.js';
import { clippedDr, clippedIps, constant, cressieRead, cressieReadInterval, createTally, dm, dr, drOs, ips, loggedDecisions, moments, over, propensity, reward, sndr, snips, subGaussianDr, subGaussianIps, switchDr, times, tuned, weigh, weight, type WeightedDecisions, weightSummary } from '../../evaluation/index.js';

/** A decision: propensity, probability under the candidate, reward, expected of what was shown, expected of the candidate, pdrop. */
type Row = readonly [p: number, c: number, r: number, q: number, v: number, drop: number];

const rows = fc.array(
  fc.tuple(fc.double({ min: 0.01, max: 1, noNaN: true }), fc.oneof(fc.constant(0), fc.double({ min: 1e-6, max: 1, noNaN: true })), fc.constantFrom(0, 1, 0.5, 3), fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 0.3)),
  { minLength: 1, maxLength: 60 },
);

const decisionsOf = (of: readonly Row[], thinned = false): WeightedDecisions => {
  const column = (k: number): Float64Array => Float64Array.from(of, (row) => row[k]!);
  return weigh(loggedDecisions({ propensity: column(0), reward: column(2), ...(thinned && { pdrop: column(5) }) }), { shown: column(1) }, { shown: column(3), expected: column(4) });
};

const all = () =>
  createTally({
    ips: ips(),
    ips_clipped: clippedIps(2),
    snips: snips(),
    dm: dm(),
    dr: dr(),
    dr_clipped: clippedDr(2),
    sndr: sndr(),
    switch_dr: switchDr(2),
    dr_os: drOs(2),
    sg: subGaussianIps(0.1),
    sg_dr: subGaussianDr(0.1),
    cr: cressieRead({ most: 100 }),
    tuned: tuned('dr_os', [0, 1, 10, Infinity], { by: 'mse' }),
    interval: cressieReadInterval({ low: 0, high: 3 }),
    weights: weightSummary(),
    moments: moments(times(weight, reward)),
  });

const expectClose = (actual: unknown, expected: unknown, what: string): void => {
  if (typeof expected === 'number' && Number.isFinite(expected)) expect(Math.abs((actual as number) - expected), `${what}: ${String(actual)} is not ${expected}`).toBeLessThanOrEqual(1e-9 * Math.abs(expected) + 1e-9);
  else if (typeof expected === 'object' && expected !== null) for (const [name, value] of Object.entries(expected)) expectClose((actual as Record<string, unknown>)[name], value, `${what}.${name}`);
  else expect(actual, what).toBe(expected);
};

test('shown with 10 %, wanted by the candidate with 30 %, outcome 1: counts three times', () => {
  const tally = createTally({ ips: ips() });
  tally.add(weigh(loggedDecisions({ reward: [1], propensity: [0.1] }), { shown: Float64Array.of(0.3) }));
  expect(tally.results().ips.value).toBeCloseTo(3, 14);
});

test('a random policy evaluated on its own log has weight exactly 1, and is worth the mean reward', () => {
  for (const actions of [2, 3, 7, 34, 49, 1000]) {
    const n = 100;
    const log = loggedDecisions({ action: Array.from({ length: n }, (_, i) => i % actions), actions, reward: Array.from({ length: n }, (_, i) => Number(i % 4 === 0)), propensity: new Float64Array(n).fill(1 / actions) });
    const decisions = weigh(log, { uniform: true });
    expect(new Set(decisions.weight)).toEqual(new Set([1]));
    const tally = createTally({ ips: ips(), snips: snips(), clipped: clippedIps(1) });
    tally.add(decisions);
    const { ips: a, snips: b, clipped } = tally.results();
    expect([a.value, b.value, clipped.value]).toEqual([0.25, 0.25, 0.25]);
  }
});

test('estimates are what their formulas say', () => {
  fc.assert(
    fc.property(rows, (of) => {
      const tally = all();
      tally.add(decisionsOf(of));
      const found = tally.results();
      const n = of.length;
      const mean = (x: (w: number, r: number, q: number, v: number) => number): number => of.reduce((sum, [p, c, r, q, v]) => sum + x(c / p, r, q, v), 0) / n;
      const w = mean((x) => x);
      expectClose(found.ips.value, mean((x, r) => x * r), 'ips');
      expectClose(found.ips_clipped.value, mean((x, r) => Math.min(x, 2) * r), 'clipped');
      expectClose(found.dm.value, mean((_, r, q, v) => v), 'dm');
      expectClose(found.dr.value, mean((x, r, q, v) => v + x * (r - q)), 'dr');
      expectClose(found.dr_clipped.value, mean((x, r, q, v) => v + Math.min(x, 2) * (r - q)), 'dr clipped');
      expectClose(found.switch_dr.value, mean((x, r, q, v) => v + (x <= 2 ? x : 0) * (r - q)), 'switch');
      expectClose(found.dr_os.value, mean((x, r, q, v) => v + ((2 * x) / (x * x + 2)) * (r - q)), 'dr os');
      expectClose(found.sg.value, mean((x, r) => (x / (0.9 + 0.1 * x)) * r), 'sub-Gaussian');
      expectClose(found.sg_dr.value, mean((x, r, q, v) => v + (x / (0.9 + 0.1 * x)) * (r - q)), 'sub-Gaussian dr');
      if (w > 0) {
        expectClose(found.snips.value, mean((x, r) => x * r) / w, 'snips');
        expectClose(found.sndr.value, mean((_, r, q, v) => v) + mean((x, r, q) => x * (r - q)) / w, 'sndr');
      } else expect([found.snips.value, found.sndr.value]).toEqual([null, null]);
      expectClose(found.weights.mean, w, 'weight');
    }),
  );
});

test('standard errors are those of a mean, and of the linearised ratio', () => {
  fc.assert(
    fc.property(rows, (of) => {
      const decisions = decisionsOf(of);
      const tally = all();
      tally.add(decisions);
      const { ips: a, snips: b, sndr: c } = tally.results();
      const { weight: w, reward: r, shownOutcome: q, expectedOutcome: v, length: n } = decisions;
      const error = (x: (i: number) => number): number => {
        const values = Array.from({ length: n }, (_, i) => x(i));
        const mean = values.reduce((sum, y) => sum + y, 0) / n;
        return Math.sqrt(values.reduce((sum, y) => sum + (y - mean) ** 2, 0) / (n - 1) / n);
      };
      const weights = w.reduce((sum, x) => sum + x, 0) / n;
      if (n === 1) {
        expect([a.standardError, b.standardError, c.standardError]).toEqual([null, null, null]);
        return;
      }
      const check = (found: number | null, expected: number): void => {
        // values that differ by rounding only have no standard error
        if (found !== null) expect(Math.abs(found - expected)).toBeLessThan(1e-6 * expected + 1e-6);
        else expect(expected).toBeLessThan(1e-5);
      };
      check(a.standardError, error((i) => w[i]! * r[i]!));
      if (weights < 1e-3) return;
      check(b.standardError, error((i) => (w[i]! * (r[i]! - b.value!)) / weights));
      const shift = w.reduce((sum, x, i) => sum + x * (r[i]! - q![i]!), 0) / n / weights;
      check(c.standardError, error((i) => v![i]! + (w[i]! * (r[i]! - q![i]! - shift)) / weights));
    }),
  );
});

test('parts of a log add up to the whole, however it is cut, merged, or sent as numbers', () => {
  fc.assert(
    fc.property(rows, fc.array(fc.nat(60), { maxLength: 4 }), fc.boolean(), (of, cuts, thinned) => {
      const whole = all();
      whole.add(decisionsOf(of, thinned));
      const ends = [...new Set([0, ...cuts.filter((cut) => cut < of.length), of.length])].sort((a, b) => a - b);
      const parts = ends.slice(1).map((end, k) => decisionsOf(of.slice(ends[k], end), thinned));
      const batches = all();
      const merged = all();
      const sent = all();
      for (const part of parts) {
        batches.add(part);
        const shard = all();
        shard.add(part);
        merged.merge(shard);
        sent.addState(Array.from(shard.state()));
      }
      for (const tally of [batches, merged, sent]) expectClose(tally.results(), whole.results(), 'part');
    }),
  );
});

test('a long log is summed to the last digits', () => {
  const n = 300_000;
  const log = loggedDecisions({ reward: new Float64Array(n).fill(0.1), propensity: new Float64Array(n).fill(1) });
  const tally = createTally({ ips: ips() });
  tally.add(weigh(log, { shown: new Float64Array(n).fill(1) }));
  // one running sum is off by 1e-12 here
  expect(Math.abs(tally.results().ips.value! - 0.1)).toBeLessThan(2e-14);
});

test('sums by group add up to those of all', () => {
  fc.assert(
    fc.property(rows, (of) => {
      const tally = all();
      const decisions = decisionsOf(of);
      const cells = tally.byGroup(
        decisions,
        Int32Array.from(of, (_, i) => i % 3),
        3,
      );
      const width = tally.kinds.length;
      for (let g = 0; g < 3; g++) tally.addState(cells.subarray(g * width, (g + 1) * width));
      const whole = all();
      whole.add(decisions);
      expectClose(tally.results(), whole.results(), 'group');
    }),
  );
});

test('a row of a thinned log is one of larger weight, and others of weight 0', () => {
  const thin = createTally({ ips: ips(), snips: snips(), cr: cressieRead(), weights: weightSummary() });
  thin.add(weigh(loggedDecisions({ reward: [1, 0, 1], propensity: [0.5, 0.5, 0.25], pdrop: [0.5, 0.5, 0.5] }), { shown: Float64Array.of(0.25, 0.5, 0.5) }));
  const full = createTally({ ips: ips(), snips: snips(), weights: weightSummary() });
  full.add(weigh(loggedDecisions({ reward: [1, 0, 0, 0, 1, 0], propensity: [0.25, 0.5, 0.25, 0.5, 0.125, 0.5] }), { shown: Float64Array.of(0.25, 0, 0.5, 0, 0.5, 0) }));
  expect(thin.results().ips).toEqual(full.results().ips);
  expect(thin.results().snips).toEqual(full.results().snips);
  expect(thin.results().weights.ess).toBe(full.results().weights.ess);
});

test('SQL of a measure is its own expression', () => {
  const tally = createTally({ clipped: clippedIps(10), inverse: moments(over(constant(1), propensity)) });
  expect(tally.sql()).toEqual(['toFloat64(count())', 'sum((least(weight, (10.)) * reward))', 'sum((least(weight, (10.)) * reward) * (least(weight, (10.)) * reward))', 'sum(((1.) / propensity))', 'sum(((1.) / propensity) * ((1.) / propensity))', 'max(((1.) / propensity))', 'min(((1.) / propensity))']);
  expect(tally.sql(true)[1]).toBe('sum((multiple * (least(weight, (10.)) * reward)))');
  expect(tally.sql()).toHaveLength(tally.state().length);
});

test('an estimator that needs a model says so, and tallies of other measures are not merged', () => {
  const code = (run: () => void): string => {
    try {
      run();
    } catch (error) {
      return (error as HeadraceError).code;
    }
    return 'none';
  };
  const decisions = weigh(loggedDecisions({ reward: [1], propensity: [0.5] }), { shown: Float64Array.of(0.5) });
  expect(code(() => createTally({ dr: dr() }).add(decisions))).toBe('HR_EVALUATION_MODEL');
  expect(code(() => createTally({ a: ips() }).merge(createTally({ a: clippedIps(3) })))).toBe('HR_EVALUATION_COLUMNS');
  expect(code(() => createTally({ a: ips() }).addState([1, 2]))).toBe('HR_EVALUATION_COLUMNS');
  for (const make of [() => clippedIps(0), () => switchDr(-1), () => drOs(NaN), () => subGaussianIps(1), () => cressieRead({ most: 1 }), () => tuned('ips', []), () => tuned('ips', [1, -1])]) expect(code(make)).toBe('HR_ARGUMENT');
});

test('a tally of nothing has no value and no NaN', () => {
  const results = all().results();
  expect(results.ips).toEqual({ value: null, standardError: null, n: 0 });
  expect(JSON.stringify(results)).not.toMatch(/NaN|Infinity/);
  expect(Object.values(results.weights)).not.toContain(NaN);
});
