import type { Moments } from '../moments.js';
import { checkShare } from '../parameter.js';
import { type Interval, intervalOf } from './interval.js';

/**
 * Empirical Bernstein interval: holds the mean in at least `level` of logs of any size, without a belief in the normal distribution.
 *
 * *When to use*: for small logs or large weights, where a normal interval is too narrow. *Details*: needs the range of the values; wide where that is large.
 * null for one decision.
 *
 * Source: Maurer and Pontil, "Empirical Bernstein bounds and sample variance penalization", COLT 2009, theorem 4, used from both sides.
 *
 * @param of moments of one number a decision, e.g. `moments(times(weight, reward))`
 * @param range largest less smallest value possible. By default from 0, or less, to the largest that was seen, which is no guarantee.
 * @throws HR_ARGUMENT a level that is not between 0 and 1
 */
export function bernsteinInterval(of: Moments, level = 0.95, range = of.largest - Math.min(0, of.smallest)): Interval {
  checkShare('The level', level);
  if (!(of.n > 1)) return null;
  const log = Math.log(4 / (1 - level));
  const reach = (7 * range * log) / (3 * (of.n - 1)) + Math.sqrt((2 * log * of.variance) / (of.n - 1));
  return intervalOf(of.mean - reach, of.mean + reach);
}
