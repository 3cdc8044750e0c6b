import type { Estimator } from '../measure.js';
import { meanEstimator } from '../mean-estimate.js';
import { checkParameter } from '../parameter.js';
import { least, weight } from '../row-expression.js';
import { correctedBy } from './corrected-by.js';

/**
 * Doubly robust with weights of at most `limit`: the mean of v + min(w, limit)·(r - q).
 *
 * *When to use*: to bound what one decision can do, at the price of trusting the model where weights are large.
 *
 * Source: Su, Dimakopoulou, Krishnamurthy and Dudík, "Doubly robust off-policy evaluation with shrinkage", ICML 2020 (pessimistic shrinkage).
 *
 * @param limit weights above count as this much
 * @throws HR_ARGUMENT a limit that is not above 0
 *
 * @example createTally({ dr_clipped: clippedDr(10) })
 * @see dr, tunedDr
 */
export function clippedDr(limit = 10): Estimator<'x' | 'xx'> {
  checkParameter('The clip of DR', limit, Number.MIN_VALUE, Infinity);
  return meanEstimator(correctedBy(least(weight, limit)), { name: 'dr_clipped', formula: `Σ (v + min(w, ${limit}) (r - q)) / n`, source: 'Su et al., ICML 2020 (pessimistic shrinkage)' });
}
