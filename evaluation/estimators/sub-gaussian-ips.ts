import type { Estimator } from '../measure.js';
import { meanEstimator } from '../mean-estimate.js';
import { checkParameter } from '../parameter.js';
import { constant, over, plus, reward, type RowExpression, times, weight } from '../row-expression.js';

/**
 * IPS with sub-Gaussian weights w / (1 - λ + λ·w): none is above 1/λ.
 *
 * Source: Metelli, Russo and Restelli, "Subgaussian and differentiable importance sampling for off-policy evaluation and learning", NeurIPS 2021 (s = -1).
 *
 * @param lambda from 0 (IPS) to below 1
 * @throws HR_ARGUMENT a λ out of range
 *
 * @example createTally({ ips_sub_gaussian: subGaussianIps(0.05) })
 * @see subGaussianDr, clippedIps
 */
export function subGaussianIps(lambda = 0.05): Estimator<'x' | 'xx'> {
  return meanEstimator(times(subGaussianWeight(lambda), reward), { name: 'ips_sub_gaussian', formula: `Σ ŵ r / n, ŵ = w / (1 - ${lambda} + ${lambda} w)`, source: 'Metelli, Russo and Restelli, NeurIPS 2021' });
}

/** w / (1 - λ + λ·w). Errors: HR_ARGUMENT. */
export function subGaussianWeight(lambda: number): RowExpression {
  // at 1 a weight of 0 would be 0 / 0
  checkParameter('λ of the sub-Gaussian weights', lambda, 0, 1 - 1e-9);
  return over(weight, plus(constant(1 - lambda), times(constant(lambda), weight)));
}
