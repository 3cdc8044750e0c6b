import { describe, expect, test } from 'vitest';
import { bernsteinInterval, bootstrapIntervals, clopperPearsonInterval, confidenceSequence, createTally, cressieRead, cressieReadInterval, empiricalLikelihood, type Interval, ips, loggedDecisions, moments, normalInterval, reward, snips, times, weigh, weight, type WeightedDecisions } from '../../evaluation/index.js';
import { splitmix } from '../../dataflow/splitmix.js';

/** The same 400 decisions as were given to VowpalWabbit/estimators 0.2.2 (8ce3871). */
function reference(pdrop: number, scale = 1, shift = 0): WeightedDecisions {
  let state = 1;
  const unit = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const rows = Array.from({ length: 400 }, () => {
    const p = 0.05 + 0.9 * unit();
    const c = Math.min(1, p * (0.25 + 1.5 * unit()));
    return { p, c, r: scale * Number(unit() < 0.3) + shift };
  });
  const log = loggedDecisions({ reward: rows.map(({ r }) => r), propensity: rows.map(({ p }) => p), ...(pdrop > 0 && { pdrop: rows.map(() => pdrop) }) });
  return weigh(log, { shown: Float64Array.from(rows, ({ c }) => c) });
}

const sequenceOf = (of: WeightedDecisions, ...options: Parameters<typeof confidenceSequence>): Interval => {
  const sequence = confidenceSequence(...options);
  sequence.add(of);
  return sequence.interval();
};

const intervalsOf = (of: WeightedDecisions) => {
  const tally = createTally({ ips: ips(), clopperPearson: clopperPearsonInterval(), cressieRead: cressieReadInterval(), moments: moments(times(weight, reward)) });
  tally.add(of);
  const { ips: estimate, moments: m, ...rest } = tally.results();
  return { ...rest, normal: normalInterval(estimate), bernstein: bernsteinInterval(m!), sequence: sequenceOf(of) };
};

const expectInterval = (found: Interval, low: number, high: number): void => {
  expect(Math.abs(found!.low - low), `${found!.low} is not ${low}`).toBeLessThanOrEqual(1e-9 * Math.abs(low));
  expect(Math.abs(found!.high - high), `${found!.high} is not ${high}`).toBeLessThanOrEqual(1e-9 * Math.abs(high));
};

describe('values of VW', () => {
  test('for a whole log', () => {
    const found = intervalsOf(reference(0));
    expectInterval(found.sequence, 0.17882717926501937, 0.3801986939696328);
    expectInterval(found.clopperPearson, 0.21562032834914424, 0.3346448656914651);
    expectInterval(found.cressieRead, 0.21984104895094714, 0.3289704496811624);
    expectInterval(found.normal, 0.2237883802844916, 0.3204774255903679);
  });

  test('for a log of which 40 % were dropped', () => {
    const found = intervalsOf(reference(0.4));
    expectInterval(found.sequence, 0.17351192897435103, 0.41216493746275495);
    expectInterval(found.clopperPearson, 0.2156203283491444, 0.3346448656914654);
    expectInterval(found.cressieRead, 0.2196944746258976, 0.3449456556097219);
    expectInterval(found.normal, 0.2209492744441597, 0.3233165314307002);
  });

  test('for rewards from -1 to 2', () => {
    const bounds = { low: -1, high: 2 };
    expectInterval(sequenceOf(reference(0, 3, -1), bounds, 0.9), -0.4439156895077966, 0.1189321405953554);
    expectInterval(sequenceOf(reference(0.4, 3, -1), bounds, 0.9), -0.4613291148877985, 0.21268367464140914);
    const cressie = (of: WeightedDecisions): Interval => {
      const tally = createTally({ it: cressieReadInterval(bounds, 0.9, { most: 30 }) });
      tally.add(of);
      return tally.results().it;
    };
    expectInterval(cressie(reference(0, 3, -1)), -0.3184146090582517, -0.028128904772280444);
    expectInterval(cressie(reference(0.4, 3, -1)), -0.32368931203845486, 0.020162131416197326);
  });

  test('of empirical likelihood and Cressie-Read', () => {
    const all = reference(0);
    const tally = createTally({ any: cressieRead(), three: cressieRead({ most: 3 }) });
    tally.add(all);
    expect(empiricalLikelihood(all).value).toBeCloseTo(0.27251583130900375, 12);
    expect(empiricalLikelihood(all, { most: 3 }).value).toBeCloseTo(0.2725012336600727, 12);
    expect(tally.results().any.value).toBeCloseTo(0.27251583130900375, 12);
    expect(tally.results().three.value).toBeCloseTo(0.27257088178973415, 12);
  });
});

test('one decision has no interval without width, and no NaN', () => {
  const one = weigh(loggedDecisions({ reward: [1], propensity: [0.1] }), { shown: Float64Array.of(0.3) });
  const { normal, bernstein, ...bounded } = intervalsOf(one);
  expect([normal, bernstein]).toEqual([null, null]);
  const drawn = bootstrapIntervals({ ips: ips(), snips: snips() }, one, { chance: splitmix(1), replicates: 20 });
  expect([drawn.ips.interval, drawn.snips.interval]).toEqual([null, null]);
  for (const interval of Object.values(bounded)) if (interval !== null) expect(interval.high - interval.low).toBeGreaterThan(0.5);
});

test('decisions that are all alike have no normal interval', () => {
  const same = weigh(loggedDecisions({ reward: [0, 0, 0], propensity: [0.1, 0.1, 0.1] }), { shown: Float64Array.of(0.3, 0.3, 0.3) });
  expect(intervalsOf(same).normal).toBeNull();
  expect(bootstrapIntervals({ ips: ips() }, same, { chance: splitmix(1), replicates: 20 }).ips.interval).toBeNull();
});

test('a propensity of 1e-9 with an outcome gives no narrow interval', () => {
  const n = 40_000;
  const propensity = new Float64Array(n).fill(0.5);
  propensity[7] = 1e-9;
  const rewards = new Float64Array(n);
  rewards[7] = 1;
  const found = intervalsOf(weigh(loggedDecisions({ reward: rewards, propensity }), { shown: new Float64Array(n).fill(0.5) }));
  // vw-estimators says [1, 1] here
  expectInterval(found.clopperPearson, 0, 1);
  expect(found.normal!.high - found.normal!.low).toBeGreaterThan(10_000);
  expectInterval(found.cressieRead, 0, 1);
  expect(found.sequence!.low).toBe(0);
});

test('rewards outside of their bounds are refused', () => {
  const of = weigh(loggedDecisions({ reward: [2, 0], propensity: [0.5, 0.5] }), { shown: Float64Array.of(0.5, 0.5) });
  expect(() => intervalsOf(of)).toThrow('Rewards go from 0 to 2');
  expect(() => sequenceOf(of)).toThrow('Rewards go from 2 to 2');
  expect(() => clopperPearsonInterval({ low: 1, high: 1 })).toThrow('no range');
  expect(() => clopperPearsonInterval({}, 95)).toThrow('The level is 95');
});

test('a confidence sequence does not depend on how the log is cut', () => {
  const all = reference(0.4);
  const slice = (from: number, to: number): WeightedDecisions => ({ ...all, length: to - from, reward: all.reward.subarray(from, to), weight: all.weight.subarray(from, to), multiple: all.multiple!.subarray(from, to) });
  const cut = confidenceSequence();
  for (const [from, to] of [[0, 1], [1, 90], [90, 400]] as const) cut.add(slice(from, to));
  expect(cut.interval()).toEqual(sequenceOf(all));
});

describe('bootstrap', () => {
  /** Every decision ten times, as of one user. */
  const crowd = (): WeightedDecisions => {
    const of = reference(0);
    const repeat = (column: Float64Array): Float64Array => Float64Array.from({ length: 4000 }, (_, i) => column[Math.floor(i / 10)]!);
    return weigh(loggedDecisions({ reward: repeat(of.reward), propensity: repeat(of.propensity), user: Array.from({ length: 4000 }, (_, i) => 1e12 - Math.floor(i / 10)) }), { shown: repeat(of.weight.map((w, i) => w * of.propensity[i]!)) });
  };
  const width = (interval: Interval): number => interval!.high - interval!.low;

  test('draws whole users: repeating what each did does not make the interval narrower', () => {
    const once = bootstrapIntervals({ snips: snips() }, reference(0), { chance: splitmix(5), replicates: 400 }).snips;
    const byUser = bootstrapIntervals({ snips: snips() }, crowd(), { chance: splitmix(5), replicates: 400 }).snips;
    const byDecision = bootstrapIntervals({ snips: snips() }, crowd(), { chance: splitmix(5), replicates: 400, by: 'decision' }).snips;
    expect(width(byUser.interval)).toBeCloseTo(width(once.interval), 6);
    expect(width(byDecision.interval)).toBeLessThan(width(once.interval) / 2.5);
  });

  test('the same seed gives the same interval, and its standard error is near that of the delta method', () => {
    const draw = (seed: number) => bootstrapIntervals({ ips: ips(), snips: snips(), cr: cressieRead({ most: 5 }) }, reference(0), { chance: splitmix(seed), replicates: 2000 });
    const first = draw(7);
    expect(draw(7)).toEqual(first);
    expect(draw(8)).not.toEqual(first);
    const tally = createTally({ ips: ips(), snips: snips() });
    tally.add(reference(0));
    expect(first.ips.standardError! / tally.results().ips.standardError!).toBeCloseTo(1, 1);
    expect(first.snips.standardError! / tally.results().snips.standardError!).toBeCloseTo(1, 1);
    expect(first.cr.replicates).toBe(2000);
    expect(first.cr.interval!.low).toBeLessThan(0.2725);
  });

  test('by user needs users', () => {
    expect(() => bootstrapIntervals({ ips: ips() }, reference(0), { chance: splitmix(1), by: 'user' })).toThrow('no users');
  });
});
