import type { Estimator } from '../measure.js';
import { meanEstimator } from '../mean-estimate.js';
import { weight } from '../row-expression.js';
import { correctedBy } from './corrected-by.js';

/**
 * Doubly robust: the mean of v + w·(r - q).
 *
 * *When to use*: with an outcome model that is right on the whole: it takes away most of the noise of IPS and stays unbiased. *Details*: right when either the
 * propensities or the model are; use cross-fitting, so that the model has not seen the outcomes it is compared to.
 *
 * Source: Dudík, Langford and Li, "Doubly robust policy evaluation and learning", ICML 2011, equation (1).
 *
 * @example createTally({ dr: dr() })
 * @see sndr, switchDr, drOs
 */
export function dr(): Estimator<'x' | 'xx'> {
  return meanEstimator(correctedBy(weight), { name: 'dr', formula: 'Σ (v + w (r - q)) / n', source: 'Dudík, Langford and Li, ICML 2011, equation (1)' });
}
