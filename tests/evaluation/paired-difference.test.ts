import { expect, test } from 'vitest';
import { clippedIps, cressieRead, createTally, dr, ips, loggedDecisions, meanEstimator, minus, normalInterval, pairedDifference, reward, snips, times, weigh, weight, withWeights } from '../../evaluation/index.js';
import { splitmix } from '../../dataflow/splitmix.js';

/** A log of three actions, whose rewards have the means .1, .2, .3; decisions of one user go together. */
function simulated(seed: number, n: number, users?: number) {
  const random = splitmix(seed);
  const p = [0.5, 0.3, 0.2];
  const action = new Float64Array(n);
  const reward = new Float64Array(n);
  const user = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const u = random.unit();
    action[i] = u < 0.5 ? 0 : u < 0.8 ? 1 : 2;
    user[i] = users === undefined ? i : i % users;
    reward[i] = Number(random.unit() < [0.1, 0.2, 0.3][action[i]!]!);
  }
  return loggedDecisions({ action, reward, propensity: action.map((a) => p[a]!), actions: 3, user: users === undefined ? undefined : user });
}

const a = { slots: [[0.2, 0.2, 0.6]] };
const b = { slots: [[0.4, 0.4, 0.2]] };

test('the standard error is that of the mean of the differences, for estimators that are means', () => {
  const log = simulated(1, 20_000);
  const [first, second] = [weigh(log, a), weigh(log, b)];
  const difference = pairedDifference({ ips: ips(), clipped: clippedIps(1.5) });
  difference.add(first, second);
  // the difference of weights as if it were a weight, apart from a constant that keeps it positive
  const tally = createTally({ x: meanEstimator(times(minus(weight, { js: '(3)', sql: '3', columns: [] }), reward), { name: 'x', formula: '', source: '' }) });
  tally.add(withWeights(log, first.weight.map((w, i) => w - second.weight[i]! + 3)));
  const { value, standardError } = tally.results().x;
  const found = difference.result().ips;
  expect(found.value).toBeCloseTo(value!, 12);
  expect(found.standardError! / standardError!).toBeGreaterThan(0.9);
  expect(found.standardError! / standardError!).toBeLessThan(1.1);
  expect(difference.result().clipped.interval).not.toBeNull();
});

test('95 % intervals hold the truth in 93-97 % of logs, with users and without, for ratios too', () => {
  const truth = 0.2 * 0.1 + 0.2 * 0.2 + 0.6 * 0.3 - (0.4 * 0.1 + 0.4 * 0.2 + 0.2 * 0.3);
  const logs = 600;
  for (const users of [undefined, 400]) {
    const held = { ips: 0, snips: 0 };
    for (let s = 0; s < logs; s++) {
      const log = simulated(1000 + s, 1200, users);
      const difference = pairedDifference({ ips: ips(), snips: snips() });
      difference.add(weigh(log, a), weigh(log, b));
      const found = difference.result();
      for (const name of ['ips', 'snips'] as const) held[name] += Number(found[name].interval!.low <= truth && truth <= found[name].interval!.high);
    }
    for (const name of ['ips', 'snips'] as const) {
      expect(held[name] / logs, `${name}, users ${users}`).toBeGreaterThan(0.925);
      expect(held[name] / logs, `${name}, users ${users}`).toBeLessThan(0.975);
    }
  }
});

test('parts of a log add up, and it is narrower than the intervals apart', () => {
  const log = simulated(3, 4000);
  const whole = pairedDifference({ snips: snips() });
  whole.add(weigh(log, a), weigh(log, b));
  const parts = pairedDifference({ snips: snips() });
  for (let from = 0; from < 4000; from += 1000) {
    const part = loggedDecisions({ action: log.action!.slice(from, from + 1000), reward: log.reward.slice(from, from + 1000), propensity: log.propensity.slice(from, from + 1000), actions: 3 });
    parts.add(weigh(part, a), weigh(part, b));
  }
  expect(parts.result().snips.value).toBeCloseTo(whole.result().snips.value!, 12);
  expect(parts.result().snips.standardError).toBeCloseTo(whole.result().snips.standardError!, 9);
  const tally = createTally({ snips: snips() });
  tally.add(weigh(log, a));
  const alone = normalInterval(tally.results().snips)!;
  const { low, high } = whole.result().snips.interval!;
  expect(high - low).toBeLessThan(1.4 * (alone.high - alone.low));
});

test('no interval from one user, from the same policy, and for extremes', () => {
  const log = simulated(5, 100, 1);
  const one = pairedDifference({ ips: ips() });
  one.add(weigh(log, a), weigh(log, b));
  expect(one.result().ips).toMatchObject({ interval: null, standardError: null });
  const plain = simulated(5, 100);
  const same = pairedDifference({ ips: ips(), snips: snips(), cressie: cressieRead() });
  same.add(weigh(plain, a), weigh(plain, a));
  expect(same.result()).toMatchObject({ ips: { value: 0, interval: null }, snips: { value: 0, interval: null }, cressie: { value: 0, interval: null } });
  const other = pairedDifference({ cressie: cressieRead() });
  other.add(weigh(plain, a), weigh(plain, b));
  expect(other.result().cressie.value).not.toBeNull();
  expect(other.result().cressie.interval).toBeNull();
});

test('other decisions, a missing model and an impossible level are refused', () => {
  const difference = pairedDifference({ ips: ips() });
  expect(() => difference.add(weigh(simulated(1, 10), a), weigh(simulated(2, 10), a))).toThrow(expect.objectContaining({ code: 'HR_EVALUATION_COLUMNS' }));
  const log = simulated(1, 10);
  expect(() => pairedDifference({ dr: dr() }).add(weigh(log, a), weigh(log, b))).toThrow(expect.objectContaining({ code: 'HR_EVALUATION_MODEL' }));
  expect(() => difference.result(1)).toThrow(expect.objectContaining({ code: 'HR_ARGUMENT' }));
});
