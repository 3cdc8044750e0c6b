import type { Estimator } from '../measure.js';
import { meanEstimator } from '../mean-estimate.js';
import { reward, times, weight } from '../row-expression.js';

/**
 * Inverse propensity score: the mean of w·r.
 *
 * *When to use*: as the plain reading of a log with true propensities and moderate weights; it is unbiased where the log could show everything that the
 * candidate would. *Details*: one decision shown with 10 % and wanted by the candidate with 30 % counts three times. Large weights make it noisy; see `snips`, `dr`.
 *
 * Source: Horvitz and Thompson, JASA 47, 1952; for policies: Strehl, Langford, Li and Kakade, "Learning from logged implicit exploration data", NIPS 2010.
 *
 * @example createTally({ ips: ips() })
 * @see clippedIps, snips, dr
 */
export function ips(): Estimator<'x' | 'xx'> {
  return meanEstimator(times(weight, reward), {
    name: 'ips',
    formula: 'Σ w r / n',
    source: 'Horvitz and Thompson 1952; Strehl et al., NIPS 2010',
  });
}
