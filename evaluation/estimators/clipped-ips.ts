import type { Estimator } from '../measure.js';
import { meanEstimator } from '../mean-estimate.js';
import { checkParameter } from '../parameter.js';
import { least, reward, times, weight } from '../row-expression.js';

/**
 * IPS with weights of at most `limit`: the mean of min(w, limit)·r.
 *
 * *When to use*: to bound what one decision can do. *Details*: biased towards 0 for rewards that are not negative, by what is cut off.
 *
 * Source: Ionides, "Truncated importance sampling", Journal of Computational and Graphical Statistics 17(2), 2008.
 *
 * @param limit weights above count as this much
 * @throws HR_ARGUMENT a limit that is not above 0
 *
 * @example createTally({ ips_clipped: clippedIps(10) })
 * @see ips, tunedIps
 */
export function clippedIps(limit = 10): Estimator<'x' | 'xx'> {
  checkParameter('The clip of IPS', limit, Number.MIN_VALUE, Infinity);
  return meanEstimator(times(least(weight, limit), reward), {
    name: 'ips_clipped',
    formula: `Σ min(w, ${limit}) r / n`,
    source: 'Ionides, JCGS 17(2), 2008',
  });
}
