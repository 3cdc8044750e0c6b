import { studentQuantile } from '../distributions/student-quantile.js';
import type { Moments } from '../moments.js';
import { checkShare } from '../parameter.js';

/**
 * A value that the mean is above, with confidence 1 - delta, by Hoeffding's inequality, for numbers from 0 to `most`.
 *
 * Source: Thomas, Theocharous and Ghavamzadeh, "High-confidence off-policy evaluation", AAAI 2015.
 *
 * @param most largest value possible: the largest weight times the largest reward. By default the largest that was seen, which is no guarantee.
 * @throws HR_ARGUMENT a delta that is not between 0 and 1
 */
export function hoeffdingLowerBound(of: Moments, delta = 0.05, most = of.largest): number {
  checkShare('delta', delta);
  return of.mean - most * Math.sqrt(Math.log(1 / delta) / (2 * of.n));
}

/**
 * A value that the mean is above, with confidence 1 - delta, by the empirical Bernstein inequality; null for one decision.
 *
 * Source: Maurer and Pontil, "Empirical Bernstein bounds and sample variance penalization", COLT 2009, theorem 4.
 *
 * @param most as in `hoeffdingLowerBound`
 * @throws HR_ARGUMENT a delta that is not between 0 and 1
 */
export function bernsteinLowerBound(of: Moments, delta = 0.05, most = of.largest): number | null {
  checkShare('delta', delta);
  if (!(of.n > 1)) return null;
  const log = Math.log(2 / delta);
  return of.mean - (7 * most * log) / (3 * (of.n - 1)) - Math.sqrt((2 * log * of.variance) / (of.n - 1));
}

/**
 * A value that the mean is above, with confidence 1 - delta, if it is distributed as Student's t; null for one decision.
 *
 * Source: Thomas, Theocharous and Ghavamzadeh, "High confidence policy improvement", ICML 2015, section 2.4.
 *
 * @throws HR_ARGUMENT a delta that is not between 0 and 1
 */
export function studentLowerBound(of: Moments, delta = 0.05): number | null {
  checkShare('delta', delta);
  if (!(of.n > 1)) return null;
  return of.mean - Math.sqrt(of.variance / (of.n - 1)) * studentQuantile(1 - delta, of.n - 1);
}
