import { largest, type Measure, smallest, square, total } from './measure.js';
import { constant, over, propensity, reward, weight } from './row-expression.js';

/** What the weights of a log look like, for diagnostics. */
export interface WeightSummary {
  /** Decisions, those that a thinned log left out included. */
  readonly n: number;
  /** Near 1 where the propensities are true and the log could show everything that the candidate would. */
  readonly mean: number | null;
  /** Variance of the weights, over n. */
  readonly variance: number | null;
  readonly largest: number | null;
  readonly smallest: number | null;
  /** The largest weight's share of all. */
  readonly largestShare: number | null;
  /** Effective sample size: (Σ w)² / Σ w². */
  readonly ess: number;
  /** Mean of 1 / propensity: near the number of actions where propensities are true. */
  readonly meanInversePropensity: number | null;
  /** Mean of the rewards as they came: what the logging policy is worth. */
  readonly meanReward: number | null;
}

/**
 * Sums of the weights, in the same pass as the estimators.
 *
 * Source: Kong, "A note on importance sampling using standardized weights", University of Chicago, 1992 (effective sample size).
 *
 * @example createTally({ ips: ips(), weights: weightSummary() })
 */
export function weightSummary(): Measure<'w' | 'ww' | 'most' | 'least' | 'inverse' | 'r', WeightSummary> {
  return {
    sums: { w: total(weight), ww: square(weight), most: largest(weight), least: smallest(weight), inverse: total(over(constant(1), propensity)), r: total(reward) },
    result({ w, ww, most, least, inverse, r }, n) {
      if (!(n > 0)) return { n: 0, mean: null, variance: null, largest: null, smallest: null, largestShare: null, ess: 0, meanInversePropensity: null, meanReward: null };
      return {
        n,
        mean: w / n,
        variance: Math.max(0, ww / n - (w / n) ** 2),
        largest: most,
        smallest: least,
        largestShare: w > 0 ? most / w : null,
        // the square of a tiny weight may be 0
        ess: ww > 0 ? (w * w) / ww : 0,
        meanInversePropensity: inverse / n,
        meanReward: r / n,
      };
    },
  };
}
