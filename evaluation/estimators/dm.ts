import type { Estimator } from '../measure.js';
import { meanEstimator } from '../mean-estimate.js';
import { expectedOutcome } from '../row-expression.js';

/**
 * Direct method: the mean of what an outcome model expects of the candidate.
 *
 * *When to use*: beside the others, to see what the model alone says. *Details*: as wrong as its model; the standard error knows nothing of that.
 *
 * Source: Dudík, Langford and Li, "Doubly robust policy evaluation and learning", ICML 2011, section 2.
 *
 * @example createTally({ dm: dm() })
 * @see dr
 */
export function dm(): Estimator<'x' | 'xx'> {
  return meanEstimator(expectedOutcome, { name: 'dm', formula: 'Σ v / n, v = Σ_a π(a) q̂(a)', source: 'Dudík, Langford and Li, ICML 2011, section 2' });
}
