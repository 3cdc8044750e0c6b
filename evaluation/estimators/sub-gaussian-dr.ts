import type { Estimator } from '../measure.js';
import { meanEstimator } from '../mean-estimate.js';
import { correctedBy } from './corrected-by.js';
import { subGaussianWeight } from './sub-gaussian-ips.js';

/**
 * Doubly robust with sub-Gaussian weights w / (1 - λ + λ·w).
 *
 * Source: Metelli, Russo and Restelli, "Subgaussian and differentiable importance sampling for off-policy evaluation and learning", NeurIPS 2021 (s = -1).
 *
 * @param lambda from 0 (DR) to below 1
 * @throws HR_ARGUMENT a λ out of range
 *
 * @example createTally({ dr_sub_gaussian: subGaussianDr(0.05) })
 * @see subGaussianIps, drOs
 */
export function subGaussianDr(lambda = 0.05): Estimator<'x' | 'xx'> {
  return meanEstimator(correctedBy(subGaussianWeight(lambda)), { name: 'dr_sub_gaussian', formula: `Σ (v + ŵ (r - q)) / n, ŵ = w / (1 - ${lambda} + ${lambda} w)`, source: 'Metelli, Russo and Restelli, NeurIPS 2021' });
}
