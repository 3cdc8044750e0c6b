import { betaQuantile } from '../distributions/beta-quantile.js';
import { largest, type Measure, smallest, total } from '../measure.js';
import { checkShare } from '../parameter.js';
import { reward, times, weight } from '../row-expression.js';
import { type Interval, intervalOf } from './interval.js';
import { checkRewards, type RewardBounds, rewardBounds } from './reward-bounds.js';

/**
 * Interval for IPS by Clopper and Pearson's exact binomial interval, as if Σ w·r / max w of n / max w draws had come out 1.
 *
 * *When to use*: for few successes. *Details*: wide where the largest weight is. null where no weight is above 0.
 *
 * Source: Clopper and Pearson, Biometrika 26(4), 1934; for weights as in VowpalWabbit/estimators.
 *
 * @throws HR_ARGUMENT a level that is not between 0 and 1
 * @throws HR_EVALUATION_REWARD rewards outside of their bounds, when results are asked for
 *
 * @example createTally({ clopper_pearson: clopperPearsonInterval({ low: 0, high: 1 }) })
 */
export function clopperPearsonInterval(bounds: RewardBounds = {}, level = 0.95): Measure<'w' | 'wr' | 'most' | 'lowest' | 'highest', Interval> {
  checkShare('The level', level);
  const { low, high } = rewardBounds(bounds);
  return {
    sums: { w: total(weight), wr: total(times(weight, reward)), most: largest(weight), lowest: smallest(reward, true), highest: largest(reward, true) },
    result(s, rows) {
      if (!(s.most > 0)) return null;
      checkRewards(s.lowest, s.highest, { low, high });
      const n = rows / s.most;
      // an estimate above the largest reward is taken as that
      const successes = Math.min(n, Math.max(0, (s.wr - low * s.w) / (high - low) / s.most));
      const tail = (1 - level) / 2;
      const from = successes > 0 ? betaQuantile(tail, successes, n - successes + 1) : 0;
      const to = successes < n ? betaQuantile(1 - tail, successes + 1, n - successes) : 1;
      return intervalOf(low + from * (high - low), low + to * (high - low));
    },
  };
}
