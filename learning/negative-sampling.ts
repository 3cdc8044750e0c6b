/**
 * The probability of a click among all examples, from one that was learned where only a share of the examples without a click was kept.
 *
 * Source: X. He et al., "Practical lessons from predicting clicks on ads at Facebook", ADKDD 2014, section 6.3: q = p / (p + (1 - p) / w).
 *
 * @param kept share of the examples without a click that were kept, above 0 and at most 1
 */
export function recalibrated(score: number, kept: number): number {
  return score / (score + (1 - score) / kept);
}
