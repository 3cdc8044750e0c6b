import { describe, expect, test } from 'vitest';
import { balanced, bernsteinInterval, bootstrapIntervals, cascadeDr, confidenceSequence, createTally, cressieReadInterval, dr, type Estimate, estimateSlates, iips, type Interval, ips, loggedDecisions, loggedSlates, marginalWeights, moments, normalInterval, pseudoInverse, reward, rips, sips, sndr, snips, times, weigh, weight, withWeights } from '../../evaluation/index.js';
import { type Random, splitmix } from '../../dataflow/splitmix.js';

const logs = 1000;

/** How many standard errors the mean of values is off the truth. */
const off = (values: readonly number[], truth: number): number => {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1);
  return (mean - truth) / Math.sqrt(variance / values.length);
};

const draw = (random: Random, of: readonly number[]): number => {
  let u = random.unit();
  for (let a = 0; a < of.length - 1; a++) if ((u -= of[a]!) < 0) return a;
  return of.length - 1;
};

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, k) => sum + x * b[k]!, 0);

/** Two contexts; click rates, logging and candidate policies by context and action. */
const rates = [
  [0.1, 0.3, 0.5, 0.7],
  [0.6, 0.4, 0.2, 0.1],
];
const logging = [
  [0.4, 0.3, 0.2, 0.1],
  [0.25, 0.25, 0.25, 0.25],
];
const wanted = [
  [0.1, 0.2, 0.3, 0.4],
  [0.7, 0.1, 0.1, 0.1],
];
const truth = (dot(rates[0]!, wanted[0]!) + dot(rates[1]!, wanted[1]!)) / 2;
/** What a model that is wrong expects. */
const model = [0.3, 0.2, 0.4, 0.5];

function logOf(random: Random, n: number, policy: readonly (readonly number[])[] = logging) {
  const x = Array.from({ length: n }, () => random.below(2));
  const action = x.map((c) => draw(random, policy[c]!));
  return {
    x,
    action,
    reward: x.map((c, i) => Number(random.unit() < rates[c]![action[i]!]!)),
    propensity: x.map((c, i) => policy[c]![action[i]!]!),
    shown: Float64Array.from(x, (c, i) => wanted[c]![action[i]!]!),
    outcomes: { shown: Float64Array.from(action, (a) => model[a]!), expected: Float64Array.from(x, (c) => dot(wanted[c]!, model)) },
  };
}

test('IPS and DR are unbiased, also with a wrong model; their 95 % intervals hold the truth in 93 to 97 % of logs', { timeout: 60_000 }, () => {
  const random = splitmix(3);
  const values = { ips: [] as number[], dr: [] as number[] };
  const held: Record<string, number> = { ips: 0, snips: 0, dr: 0, sndr: 0, cressieRead: 0, bernstein: 0, sequence: 0 };
  const hold = (name: string, interval: Interval): void => {
    if (interval !== null && interval.low <= truth && truth <= interval.high) held[name]!++;
  };
  for (let k = 0; k < logs; k++) {
    const { outcomes, shown, ...log } = logOf(random, 500);
    const decisions = weigh(loggedDecisions(log), { shown }, outcomes);
    const tally = createTally({ ips: ips(), snips: snips(), dr: dr(), sndr: sndr(), cressieRead: cressieReadInterval(), moments: moments(times(weight, reward)) });
    tally.add(decisions);
    const { moments: m, cressieRead, ...estimates } = tally.results();
    values.ips.push(estimates.ips.value!);
    values.dr.push(estimates.dr.value!);
    for (const [name, estimate] of Object.entries(estimates)) hold(name, normalInterval(estimate));
    hold('cressieRead', cressieRead);
    hold('bernstein', bernsteinInterval(m!, 0.95, 4));
    if (k % 10 === 0) {
      const sequence = confidenceSequence();
      sequence.add(decisions);
      hold('sequence', sequence.interval());
    }
  }
  expect(Math.abs(off(values.ips, truth))).toBeLessThan(3.3);
  expect(Math.abs(off(values.dr, truth))).toBeLessThan(3.3);
  // a model as wrong as this one moves the direct method by many standard errors
  expect(Math.abs(dot(wanted[0]!, model) + dot(wanted[1]!, model) - 2 * truth)).toBeGreaterThan(0.05);
  for (const name of ['ips', 'snips', 'dr', 'sndr']) {
    expect(held[name]! / logs, name).toBeGreaterThan(0.93);
    expect(held[name]! / logs, name).toBeLessThan(0.97);
  }
  // these hold for weights of any size, or for every distribution, so they are wide
  expect(held.cressieRead! / logs).toBeGreaterThan(0.95);
  expect(held.bernstein! / logs).toBeGreaterThanOrEqual(0.97);
  expect(held.sequence! / (logs / 10)).toBeGreaterThanOrEqual(0.97);
});

test('bootstrap intervals by user hold the truth in about 95 % of logs where users act alike in all they do; normal ones do not', { timeout: 120_000 }, () => {
  const random = splitmix(12);
  const times = 3;
  const held = { ips: 0, snips: 0, normal: 0 };
  const holds = (interval: Interval): number => Number(interval !== null && interval.low <= truth && truth <= interval.high);
  for (let k = 0; k < logs / 2; k++) {
    const { action, reward, propensity, shown } = logOf(random, 200);
    const repeated = (of: ArrayLike<number>): Float64Array => Float64Array.from({ length: 200 * times }, (_, i) => of[Math.floor(i / times)]!);
    const user = repeated(Float64Array.from(action, (_, i) => i));
    const decisions = weigh(loggedDecisions({ action: repeated(action), reward: repeated(reward), propensity: repeated(propensity), user }), { shown: repeated(shown) });
    const drawn = bootstrapIntervals({ ips: ips(), snips: snips() }, decisions, { chance: random, replicates: 400 });
    held.ips += holds(drawn.ips.interval);
    held.snips += holds(drawn.snips.interval);
    const tally = createTally({ ips: ips() });
    tally.add(decisions);
    held.normal += holds(normalInterval(tally.results().ips));
  }
  for (const name of ['ips', 'snips'] as const) {
    expect(held[name] / (logs / 2), name).toBeGreaterThan(0.92);
    expect(held[name] / (logs / 2), name).toBeLessThan(0.97);
  }
  expect(held.normal / (logs / 2)).toBeLessThan(0.85);
});

test('a confidence sequence holds the truth at every moment, in at least 95 % of logs', { timeout: 60_000 }, () => {
  const random = splitmix(4);
  let missed = 0;
  for (let k = 0; k < 200; k++) {
    const { shown, outcomes, ...log } = logOf(random, 300);
    const decisions = weigh(loggedDecisions(log), { shown }, outcomes);
    const sequence = confidenceSequence();
    let held = true;
    for (let from = 0; from < 300 && held; from += 5) {
      sequence.add({ ...decisions, length: 5, weight: decisions.weight.subarray(from, from + 5), reward: decisions.reward.subarray(from, from + 5) });
      const interval = sequence.interval();
      held = interval === null || (interval.low <= truth && truth <= interval.high);
    }
    if (!held) missed++;
  }
  expect(missed / 200).toBeLessThanOrEqual(0.05);
});

test('MIPS is unbiased, with less variance than IPS, where the class of an action tells its outcome', () => {
  const random = splitmix(5);
  const category = Int32Array.of(0, 0, 1, 1);
  const byClass = [0.2, 0.6];
  const policy = logging[0]!;
  const candidate = { slots: [wanted[0]!] };
  const worth = dot(wanted[0]!, [0.2, 0.2, 0.6, 0.6]);
  const found = { ips: [] as number[], mips: [] as number[], table: [] as number[] };
  const valueOf = (decisions: ReturnType<typeof weigh>): number => {
    const tally = createTally({ it: ips() });
    tally.add(decisions);
    return tally.results().it.value!;
  };
  for (let k = 0; k < logs; k++) {
    const action = Array.from({ length: 200 }, () => draw(random, policy));
    const log = loggedDecisions({ action, actions: 4, propensity: action.map((a) => policy[a]!), reward: action.map((a) => Number(random.unit() < byClass[category[a]!]!)), distribution: Float64Array.from(action.flatMap(() => policy)) });
    found.ips.push(valueOf(weigh(log, candidate)));
    found.mips.push(valueOf(withWeights(log, marginalWeights(log, candidate, { category }))));
    found.table.push(valueOf(withWeights(log, marginalWeights(log, candidate, { observed: Int32Array.from(action, (a) => category[a]!), given: Float64Array.of(1, 0, 1, 0, 0, 1, 0, 1), classes: 2 }))));
  }
  expect(found.table).toEqual(found.mips);
  for (const values of [found.ips, found.mips]) expect(Math.abs(off(values, worth))).toBeLessThan(3.3);
  const spread = (values: readonly number[]): number => values.reduce((sum, x) => sum + (x - worth) ** 2, 0);
  expect(spread(found.mips)).toBeLessThan(0.8 * spread(found.ips));
});

test('a log of two policies is unbiased with balanced propensities, with less variance than with each its own', () => {
  const random = splitmix(6);
  const second = [
    [0.02, 0.08, 0.2, 0.7],
    [0.9, 0.04, 0.03, 0.03],
  ];
  const found = { plain: [] as number[], balanced: [] as number[] };
  for (let k = 0; k < logs; k++) {
    const parts = [logOf(random, 150), logOf(random, 50, second)];
    const join = (name: 'x' | 'action' | 'reward' | 'propensity'): number[] => parts.flatMap((part) => part[name]);
    const x = join('x');
    const action = join('action');
    const shown = Float64Array.from(parts.flatMap((part) => [...part.shown]));
    const log = loggedDecisions({ action, actions: 4, reward: join('reward'), propensity: join('propensity'), logger: parts.flatMap((part, j) => part.x.map(() => j)) });
    const under = (policy: readonly (readonly number[])[]): Float64Array => Float64Array.from(x, (c, i) => policy[c]![action[i]!]!);
    for (const [name, of] of [['plain', log], ['balanced', balanced(log, [under(logging), under(second)])]] as const) {
      const tally = createTally({ it: ips() });
      tally.add(weigh(of, { shown }));
      found[name].push(tally.results().it.value!);
    }
  }
  expect(Math.abs(off(found.balanced, truth))).toBeLessThan(3.3);
  const spread = (values: readonly number[]): number => values.reduce((sum, x) => sum + (x - truth) ** 2, 0);
  expect(spread(found.balanced)).toBeLessThan(0.7 * spread(found.plain));
  const log = loggedDecisions({ reward: [1], propensity: [0.5] });
  expect(() => balanced(log, [Float64Array.of(0.5)])).toThrow('which policy logged');
  expect(() => balanced({ ...log, logger: Int32Array.of(1) }, [Float64Array.of(0.5)])).toThrow('Logger 1');
  expect(() => balanced({ ...log, logger: Int32Array.of(0) }, [Float64Array.of(0)])).toThrow('under the mixture');
});

describe('slates of independent slots', () => {
  const slotLogging = [0.5, 0.3, 0.2];
  const slotWanted = [0.2, 0.3, 0.5];
  const effect = [0.1, 0.4, 0.7];
  const guess = [0.3, 0.3, 0.5];

  function slatesOf(random: Random, n: number, cascade: boolean) {
    const action = Array.from({ length: 2 * n }, () => draw(random, slotLogging));
    const reward = action.map((a, i) => Number(random.unit() < effect[a]! * (cascade && i % 2 === 1 ? (action[i - 1] === 2 ? 0.5 : 1) : 1)));
    return loggedSlates({
      slots: 2,
      reward,
      propensity: action.map((a) => slotLogging[a]!),
      candidate: action.map((a) => slotWanted[a]!),
      shownOutcome: action.map((a, i) => guess[a]! * (i % 2 === 0 ? 2 : 1)),
      expectedOutcome: action.map((_, i) => dot(slotWanted, guess) * (i % 2 === 0 ? 2 : 1)),
    });
  }
  const alone = dot(slotWanted, effect);
  const estimators = { sips: sips(), iips: iips(), rips: rips(), cascadeDr: cascadeDr(), pseudoInverse: pseudoInverse() };

  test('all estimators are unbiased where slots do not act on one another, and their intervals hold', () => {
    const random = splitmix(8);
    for (const [name, estimator] of Object.entries(estimators)) {
      const estimates = Array.from({ length: logs }, (): Estimate => estimateSlates(estimator, slatesOf(random, 600, false)));
      expect(Math.abs(off(estimates.map(({ value }) => value!), 2 * alone)), name).toBeLessThan(3.3);
      const held = estimates.filter((estimate) => {
        const { low, high } = normalInterval(estimate)!;
        return low <= 2 * alone && 2 * alone <= high;
      });
      expect(held.length / logs, name).toBeGreaterThan(0.93);
      expect(held.length / logs, name).toBeLessThan(0.97);
    }
  });

  test('where a slot depends on the one above, standard and cascade estimators are unbiased, and independent ones are not', () => {
    const random = splitmix(9);
    const worth = alone + alone * (1 - slotWanted[2]! / 2);
    const values = (name: keyof typeof estimators): number[] => Array.from({ length: logs }, () => estimateSlates(estimators[name], slatesOf(random, 150, true)).value!);
    for (const name of ['sips', 'rips', 'cascadeDr'] as const) expect(Math.abs(off(values(name), worth)), name).toBeLessThan(3.3);
    expect(Math.abs(off(values('iips'), worth))).toBeGreaterThan(10);
  });

  test('self-normalised forms come near the truth, with intervals that hold; shards add up', () => {
    const random = splitmix(10);
    for (const make of [sips, iips, rips]) {
      const estimator = make({ selfNormalised: true });
      let held = 0;
      for (let k = 0; k < logs; k++) {
        const halves = [slatesOf(random, 100, false), slatesOf(random, 100, false)];
        const sums = estimator.init(2);
        for (const half of halves) {
          const shard = estimator.init(2);
          estimator.add(shard, half);
          estimator.merge(sums, shard);
        }
        const { low, high } = normalInterval(estimator.result(sums))!;
        if (low <= 2 * alone && 2 * alone <= high) held++;
      }
      expect(held / logs, estimator.name).toBeGreaterThan(0.92);
      expect(held / logs, estimator.name).toBeLessThan(0.97);
    }
  });
});
