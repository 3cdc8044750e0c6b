import { findRoot } from '../distributions/find-root.js';
import { logLowerGamma } from '../distributions/log-lower-gamma.js';
import { trigamma } from '../distributions/trigamma.js';
import { checkShare } from '../parameter.js';
import type { WeightedDecisions } from '../weighted-decisions.js';
import { type Interval, intervalOf } from './interval.js';
import { checkRewards, type RewardBounds, rewardBounds } from './reward-bounds.js';

/** An interval that may be looked at at any time. */
export interface ConfidenceSequence {
  /** Takes decisions, in the order in which they were made. Errors: HR_EVALUATION_REWARD. */
  add(batch: WeightedDecisions): void;
  /** The interval so far. */
  interval(): Interval;
}

/** Prior weight of the gamma mixture. */
const rho = 1;

/**
 * Time-uniform confidence sequence for IPS: with probability `level` it holds the truth at every moment, so one may stop as soon as it is narrow enough.
 *
 * *When to use*: for a number that is watched while the log grows. *Details*: depends on the order of the decisions, so parts of a log cannot be merged. Weights
 * need no bound. Each side is a gamma-mixture supermartingale on x = w·(r - low) or w·(high - r), centred at a predictable mean.
 *
 * Source: Karampatziakis, Mineiro and Ramdas, "Off-policy confidence sequences", ICML 2021; the mixture: Howard, Ramdas, McAuliffe and Sekhon, "Time-uniform,
 * nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49(2), 2021, proposition 9. As `cs` in VowpalWabbit/estimators.
 *
 * @throws HR_ARGUMENT a level that is not between 0 and 1, or bounds without a range
 *
 * @example
 * const sequence = confidenceSequence({ low: 0, high: 1 });
 * sequence.add(weigh(log, { uniform: true }));
 * sequence.interval();
 */
export function confidenceSequence(bounds: RewardBounds = {}, level = 0.95): ConfidenceSequence {
  checkShare('The level', level);
  const possible = rewardBounds(bounds);
  const { low, high } = possible;
  const range = high - low;
  // of each side: sum of x, and sum of squared distances to the predicted mean
  let t = 0;
  let sumLow = 0;
  let spreadLow = 0;
  let sumHigh = 0;
  let spreadHigh = 0;
  return {
    add({ length, weight, reward, multiple }) {
      for (let i = 0; i < length; i++) {
        const r = reward[i]!;
        checkRewards(r, r, possible);
        const m = multiple === undefined ? 1 : multiple[i]!;
        if (m > 1) {
          // the m - 1 decisions that were left out of the log, with x = 0, in closed form
          const gone = trigamma(t + 1) - trigamma(t + m);
          spreadLow += (sumLow + 0.5) ** 2 * gone;
          spreadHigh += (sumHigh + 0.5) ** 2 * gone;
          t += m - 1;
        }
        const w = weight[i]! * m;
        const xLow = (w * (r - low)) / range;
        const xHigh = (w * (high - r)) / range;
        spreadLow += (xLow - (sumLow + 0.5) / (t + 1)) ** 2;
        spreadHigh += (xHigh - (sumHigh + 0.5) / (t + 1)) ** 2;
        sumLow += xLow;
        sumHigh += xHigh;
        t++;
      }
    },
    interval() {
      if (t === 0) return null;
      const tail = (1 - level) / 2;
      return intervalOf(low + leastMean(t, sumLow, spreadLow, tail) * range, high - leastMean(t, sumHigh, spreadHigh, tail) * range);
    },
  };
}

/** The least mean that the wealth of a bet against it does not refute, in [0, 1]. */
function leastMean(t: number, sum: number, spread: number, tail: number): number {
  const threshold = -Math.log(tail);
  if (logWealth(sum, spread) <= threshold) return 0;
  const most = Math.min(1, sum / t);
  if (logWealth(sum - t * most, spread) >= threshold) return most;
  return findRoot((mean) => logWealth(sum - t * mean, spread) - threshold, 0, most);
}

function logWealth(s: number, v: number): number {
  return s + v + rho * Math.log(rho) - (v + rho) * Math.log(s + v + rho) + logLowerGamma(v + rho, s + v + rho) - logLowerGamma(rho, rho);
}
