import type { Estimator } from '../measure.js';
import { meanEstimator } from '../mean-estimate.js';
import { checkParameter } from '../parameter.js';
import { upTo, weight } from '../row-expression.js';
import { correctedBy } from './corrected-by.js';

/**
 * Switch-DR: doubly robust where w is at most `limit`, the outcome model alone where it is larger.
 *
 * Source: Wang, Agarwal and Dudík, "Optimal and adaptive off-policy evaluation in contextual bandits", ICML 2017, section 4.
 *
 * @param limit decisions with larger weights are left to the model
 * @throws HR_ARGUMENT a negative limit
 *
 * @example createTally({ switch_dr: switchDr(10) })
 * @see dr, drOs, tunedSwitchDr
 */
export function switchDr(limit = 10): Estimator<'x' | 'xx'> {
  checkParameter('The limit of Switch-DR', limit, 0, Infinity);
  return meanEstimator(correctedBy(upTo(weight, limit)), { name: 'switch_dr', formula: `Σ (v + w [w ≤ ${limit}] (r - q)) / n`, source: 'Wang, Agarwal and Dudík, ICML 2017, section 4' });
}
