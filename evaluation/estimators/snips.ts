import { type Estimator, products, square, total } from '../measure.js';
import { ratioEstimate } from '../mean-estimate.js';
import { reward, times, weight } from '../row-expression.js';

/**
 * Self-normalised IPS: Σ w·r / Σ w.
 *
 * *When to use*: almost always instead of IPS: it stays within the range of the rewards, and does not move when a constant is added to them.
 * *Details*: its bias vanishes with 1/n. The standard error is that of a ratio; bootstrap numerator and denominator together.
 *
 * Source: Swaminathan and Joachims, "The self-normalized estimator for counterfactual learning", NIPS 2015, section 4.
 *
 * @example createTally({ snips: snips() })
 * @see ips, sndr
 */
export function snips(): Estimator<'wr' | 'w' | 'wrwr' | 'wrw' | 'ww'> {
  const wr = times(weight, reward);
  return {
    name: 'snips',
    formula: 'Σ w r / Σ w',
    source: 'Swaminathan and Joachims, NIPS 2015, section 4',
    sums: { wr: total(wr), w: total(weight), wrwr: square(wr), wrw: products(wr, weight), ww: square(weight) },
    result: ({ wr, w, wrwr, wrw, ww }, n) => ratioEstimate(n, wr, w, wrwr, wrw, ww),
  };
}
