import { describe, expect, test } from 'vitest';
import { createTally, ips, loggedDecisions, snips, withWeights } from '../../evaluation/index.js';
import { normal } from '../../dataflow/normal.js';
import { splitmix } from '../../dataflow/splitmix.js';

/**
 * The MAE rows of table 1 of Schnabel, Swaminathan, Singh, Chandak and Joachims, "Recommendations as treatments", ICML 2016: the true mean absolute error of five
 * predictions of ratings, its estimates by IPS and SNIPS, and the naive mean over what was observed. A rating of 4 or 5 is observed with probability k, lower
 * ones with k / 4^(4 - rating), k so that 5 % of 943 × 1682 are. Shares of the ratings are those that the true errors of the table
 * imply, so that column is an input here; the others are not.
 */
const shares = [0.5263, 0.2417, 0.1442, 0.0622, 0.0256];
const entries = 943 * 1682;
const relative = [1 / 64, 1 / 16, 1 / 4, 1, 1];
const k = 0.05 / shares.reduce((sum, share, y) => sum + share * relative[y]!, 0);
const trials = 50;

/** A rating's absolute error under a prediction; `flip` is a uniform number for predictions that change a random part of the ratings. */
const predictions: Record<string, (rating: number, flip: number, normal: number) => number> = {
  REC_ONES: (y, flip) => (y === 1 && flip < shares[4]! / shares[0]! ? 4 : 0),
  REC_FOURS: (y, flip) => (y === 4 && flip < shares[4]! / shares[3]! ? 1 : 0),
  ROTATE: (y) => (y === 1 ? 4 : 1),
  SKEWED: (y, _, normal) => Math.abs(Math.min(6, Math.max(0, y + (normal * (6 - y)) / 2)) - y),
  COARSENED: (y) => Math.abs((y <= 3 ? 3 : 4) - y),
};

const table: Record<string, { true: number; ips: number; ipsSpread: number; snips: number; snipsSpread: number; naive: number }> = {
  REC_ONES: { true: 0.102, ips: 0.102, ipsSpread: 0.007, snips: 0.102, snipsSpread: 0.007, naive: 0.011 },
  REC_FOURS: { true: 0.026, ips: 0.026, ipsSpread: 0, snips: 0.026, snipsSpread: 0, naive: 0.173 },
  ROTATE: { true: 2.579, ips: 2.581, ipsSpread: 0.031, snips: 2.579, snipsSpread: 0.012, naive: 1.168 },
  SKEWED: { true: 1.306, ips: 1.304, ipsSpread: 0.012, snips: 1.304, snipsSpread: 0.009, naive: 0.912 },
  COARSENED: { true: 1.32, ips: 1.32, ipsSpread: 0.015, snips: 1.318, snipsSpread: 0.005, naive: 0.387 },
};

describe('MAE rows of Schnabel et al. 2016, table 1', () => {
  const random = splitmix(2016);
  const draw = (): number => normal(random.unit);
  const found = Object.fromEntries(Object.keys(predictions).map((name) => [name, { ips: [] as number[], snips: [] as number[], naive: [] as number[] }]));
  for (let t = 0; t < trials; t++) {
    const ratings: number[] = [];
    shares.forEach((share, y) => {
      // gaps between observed entries are geometric, so the unobserved ones need no draw
      const p = k * relative[y]!;
      const count = Math.round(share * entries);
      for (let at = Math.floor(Math.log(1 - random.unit()) / Math.log1p(-p)); at < count; at += 1 + Math.floor(Math.log(1 - random.unit()) / Math.log1p(-p))) ratings.push(y + 1);
    });
    const propensity = ratings.map((y) => k * relative[y - 1]!);
    for (const [name, error] of Object.entries(predictions)) {
      const log = loggedDecisions({ reward: ratings.map((y) => error(y, random.unit(), name === 'SKEWED' ? draw() : 0)), propensity });
      const tally = createTally({ ips: ips(), snips: snips() });
      // the mean goes over all entries, of which the log has those that were observed
      tally.add(withWeights(log, log.propensity.map((p) => ratings.length / entries / p)));
      found[name]!.ips.push(tally.results().ips.value!);
      found[name]!.snips.push(tally.results().snips.value!);
      found[name]!.naive.push(log.reward.reduce((sum, x) => sum + x, 0) / log.length);
    }
  }
  const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
  const spread = (values: readonly number[]): number => Math.sqrt(values.reduce((sum, x) => sum + (x - mean(values)) ** 2, 0) / (values.length - 1));

  test.for(Object.keys(predictions))('%s', (name) => {
    const row = table[name]!;
    const of = found[name]!;
    // both are means of 50 trials, given to three digits
    const tolerance = (noise: number): number => 0.001 + 3.5 * noise * Math.sqrt(2 / trials);
    expect(Math.abs(mean(of.ips) - row.ips)).toBeLessThan(tolerance(spread(of.ips)));
    expect(Math.abs(mean(of.snips) - row.snips)).toBeLessThan(tolerance(spread(of.snips)));
    expect(Math.abs(mean(of.ips) - row.true)).toBeLessThan(tolerance(spread(of.ips)));
    expect(Math.abs(mean(of.snips) - row.true)).toBeLessThan(tolerance(spread(of.snips)));
    expect(Math.abs(mean(of.naive) - row.naive)).toBeLessThan(0.006);
// REC_FOURS has a spread of less than the table's last digit
    if (row.ipsSpread > 0) expect(spread(of.ips) / row.ipsSpread).toBeCloseTo(1, 0);
    if (row.snipsSpread > 0) expect(spread(of.snips) / row.snipsSpread).toBeCloseTo(1, 0);
  });
});
