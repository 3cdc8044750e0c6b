import { studentQuantile } from '../distributions/student-quantile.js';
import { type WeightRange, weightRange } from '../estimators/cressie-read.js';
import { largest, type Measure, products, smallest, square, total } from '../measure.js';
import { checkShare } from '../parameter.js';
import { reward, times, weight } from '../row-expression.js';
import { type Interval, intervalOf } from './interval.js';
import { checkRewards, type RewardBounds, rewardBounds } from './reward-bounds.js';

/** Below this a product of two terms that should be at most 0 is rounding. */
const rounding = 1e-9;

/**
 * Interval of the Cressie-Read estimate: the least and largest mean reward of the distributions that are near enough to the log.
 *
 * *When to use*: with bounded rewards and large weights; narrower than Clopper-Pearson's. *Details*: never outside of the reward bounds; asymptotic. null where all decisions
 * are alike, which proves nothing of others.
 *
 * Source: Karampatziakis, Langford and Mineiro, "Empirical likelihood for contextual bandits", NeurIPS 2020; as in VowpalWabbit/estimators.
 *
 * @throws HR_ARGUMENT a level that is not between 0 and 1, or a range that does not hold 1
 * @throws HR_EVALUATION_REWARD rewards outside of their bounds, when results are asked for
 *
 * @example createTally({ cr: cressieReadInterval({ low: 0, high: 1 }) })
 * @see cressieRead
 */
export function cressieReadInterval(
  bounds: RewardBounds = {},
  level = 0.95,
  range: WeightRange = {},
): Measure<'w' | 'ww' | 'wr' | 'wwr' | 'wwrr' | 'most' | 'least' | 'lowest' | 'highest', Interval> {
  checkShare('The level', level);
  const { low, high } = rewardBounds(bounds);
  const possible = weightRange(range);
  const wr = times(weight, reward);
  return {
    sums: {
      w: total(weight),
      ww: square(weight),
      wr: total(wr),
      wwr: products(weight, wr),
      wwrr: square(wr),
      most: largest(weight),
      least: smallest(weight),
      lowest: smallest(reward, true),
      highest: largest(reward, true),
    },
    result(s, n) {
      if (!(n > 0)) return null;
      checkRewards(s.lowest, s.highest, { low, high });
      const least = Math.min(possible.least, s.least);
      const most = Math.max(possible.most, s.most);
      const unseen = s.w < n ? most : least;
      const a = (unseen + s.w) / (1 + n);
      const b = (unseen ** 2 + s.ww) / (1 + n);
      const nearest = unseen === Infinity ? 1 + 1 / n : ((1 + n) * (a - 1) ** 2) / (b - a * a);
      // the upper quantile of F(1, n) is that of t(n), squared
      const phi = (-nearest - studentQuantile((1 + level) / 2, n) ** 2) / (2 * (1 + n));
      const bound = (r: number, sign: 1 | -1): number => {
        const candidates = [least, most].map((w) => extreme(s, n, phi, w, r, sign)).filter((x) => x !== undefined);
        const best = candidates.length > 0 ? Math.min(...candidates) : sign * r;
        return Math.min(high, Math.max(low, sign * best));
      };
      const interval = intervalOf(bound(low, 1), bound(high, -1));
      // where all decisions are alike, nothing but rounding is between the ends
      return interval !== null && interval.high - interval.low > 10 * rounding * (high - low) ? interval : null;
    },
  };
}

/** Extreme mean reward when what was not seen has weight `unseen` and reward `r`; undefined where there is none. */
function extreme(s: Readonly<Record<'w' | 'ww' | 'wr' | 'wwr' | 'wwrr', number>>, n: number, phi: number, unseen: number, r: number, sign: 1 | -1): number | undefined {
  let x: number;
  let y: number;
  let z: number;
  if (unseen === Infinity) {
    x = sign * (r + (s.wr - s.w * r) / n);
    y = (r * s.w - s.wr) ** 2 / (n * (1 + n)) - (r * r * s.ww - 2 * r * s.wwr + s.wwrr) / (1 + n);
    z = phi + 1 / (2 * n);
  } else {
    const w = (unseen + s.w) / (1 + n);
    const ww = (unseen * unseen + s.ww) / (1 + n);
    const wr = (sign * (unseen * r + s.wr)) / (1 + n);
    const wwr = (sign * (unseen * unseen * r + s.wwr)) / (1 + n);
    const wwrr = (unseen * unseen * r * r + s.wwrr) / (1 + n);
    const spread = ww - w * w;
    if (!(spread > 0)) return undefined;
    x = wr + ((1 - w) * (wwr - w * wr)) / spread;
    y = (wwr - w * wr) ** 2 / spread - (wwrr - wr * wr);
    z = phi + (0.5 * (1 - w) ** 2) / spread;
  }
  if (Math.abs(y * z) <= rounding * rounding) return x - Math.SQRT2 * rounding;
  return z <= 0 && y * z >= 0 ? x - Math.sqrt(2 * y * z) : undefined;
}
