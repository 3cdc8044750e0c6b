import { normalQuantile } from '../distributions/normal-quantile.js';

/** Chance of a false alarm of one check, were its statistic normal. It is small, to leave room for skewed weights. */
const falseAlarms = 1e-4;

/**
 * How many standard errors a statistic has to be off before it is a finding.
 *
 * @param looks how many statistics the check looks at (actions, days, …), one-sided ones count half
 */
export function alarmThreshold(looks: number): number {
  return normalQuantile(1 - falseAlarms / (2 * Math.max(1, looks)));
}

/**
 * A χ² statistic as standard errors from its mean.
 *
 * Source: Wilson and Hilferty, "The distribution of chi-square", PNAS 17(12), 1931.
 */
export function chiSquareScore(statistic: number, freedom: number): number {
  if (!(freedom > 0)) return 0;
  const spread = 2 / (9 * freedom);
  return (Math.cbrt(statistic / freedom) - (1 - spread)) / Math.sqrt(spread);
}
