import { normalQuantile } from '../distributions/normal-quantile.js';
import type { Estimate } from '../measure.js';
import { checkShare } from '../parameter.js';
import { type Interval, intervalOf } from './interval.js';

/**
 * Value ± z · standard error.
 *
 * *When to use*: for thousands of decisions with moderate weights. *Details*: too narrow where a few large weights make the estimate, or decisions of one user go
 * together: see `bootstrapIntervals`. null where there is no standard error.
 *
 * Source: central limit theorem; e.g. Owen, "Monte Carlo theory, methods and examples", 2013, section 2.4.
 *
 * @param level share of logs for which the interval holds the truth, e.g. 0.95
 * @throws HR_ARGUMENT a level that is not between 0 and 1
 */
export function normalInterval(estimate: Estimate, level = 0.95): Interval {
  checkShare('The level', level);
  const { value, standardError } = estimate;
  if (value === null || standardError === null) return null;
  const reach = normalQuantile((1 + level) / 2) * standardError;
  return intervalOf(value - reach, value + reach);
}
