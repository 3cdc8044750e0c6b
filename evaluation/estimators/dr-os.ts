import type { Estimator } from '../measure.js';
import { meanEstimator } from '../mean-estimate.js';
import { checkParameter } from '../parameter.js';
import { constant, over, plus, type RowExpression, times, weight } from '../row-expression.js';
import { correctedBy } from './corrected-by.js';

/**
 * Doubly robust with optimistic shrinkage: DR with weights λ·w / (w² + λ). 0 is the direct method, Infinity is DR.
 *
 * Source: Su, Dimakopoulou, Krishnamurthy and Dudík, "Doubly robust off-policy evaluation with shrinkage", ICML 2020, section 3 (optimistic shrinkage).
 *
 * @param lambda how much is left of large weights: at most √λ / 2
 * @throws HR_ARGUMENT a negative λ
 *
 * @example createTally({ dr_os: drOs(100) })
 * @see switchDr, tunedDrOs
 */
export function drOs(lambda = 100): Estimator<'x' | 'xx'> {
  checkParameter('λ of DRos', lambda, 0, Infinity);
  return meanEstimator(correctedBy(shrunkWeight(lambda)), { name: 'dr_os', formula: `Σ (v + ŵ (r - q)) / n, ŵ = ${lambda} w / (w² + ${lambda})`, source: 'Su et al., ICML 2020 (optimistic shrinkage)' });
}

/** λ·w / (w² + λ) */
export function shrunkWeight(lambda: number): RowExpression {
  if (lambda === Infinity) return weight;
  if (lambda === 0) return constant(0);
  return over(times(constant(lambda), weight), plus(times(weight, weight), constant(lambda)));
}
