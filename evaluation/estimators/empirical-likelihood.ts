import { findRoot } from '../distributions/find-root.js';
import type { Estimate } from '../measure.js';
import type { WeightedDecisions } from '../weighted-decisions.js';
import { type WeightRange, weightRange } from './cressie-read.js';

/**
 * Empirical likelihood: the most likely mean reward, given that the mean weight is 1.
 *
 * *When to use*: like `cressieRead`, which it is close to; this one needs the decisions themselves. *Details*: about 60 passes over the weights; a thinned log
 * (pdrop) is taken by its multiples.
 *
 * Source: Karampatziakis, Langford and Mineiro, "Empirical likelihood for contextual bandits", NeurIPS 2020; as `mle` in VowpalWabbit/estimators.
 *
 * @throws HR_ARGUMENT a range that does not hold 1
 *
 * @example empiricalLikelihood(weigh(log, { uniform: true }), { most: 20 }).value
 * @see cressieRead
 */
export function empiricalLikelihood(decisions: WeightedDecisions, range: WeightRange = {}): Estimate {
  const { length, weight, reward, multiple } = decisions;
  if (length === 0) return { value: null, standardError: null, n: 0 };
  let { least, most } = weightRange(range);
  let n = 0;
  for (let i = 0; i < length; i++) {
    n += multiple === undefined ? 1 : multiple[i]!;
    least = Math.min(least, weight[i]!);
    most = Math.max(most, weight[i]!);
  }
  // each decision has a likelihood weight c / (n + β (w - 1)) of at most 1
  let high = n / (1 - least);
  let low = most === Infinity ? 0 : n / (1 - most);
  for (let i = 0; i < length; i++) {
    const c = multiple === undefined ? 1 : multiple[i]!;
    const w = weight[i]!;
    if (w < 1) high = Math.min(high, (n - c) / (1 - w));
    else if (w > 1) low = Math.max(low, (n - c) / (1 - w));
  }
  const slope = (beta: number): number => {
    let sum = 0;
    for (let i = 0; i < length; i++) {
      const w = weight[i]! - 1;
      // a decision of weight 1 has no say, even where its denominator is 0
      if (w !== 0) sum += ((multiple === undefined ? 1 : multiple[i]!) * w) / (w * beta + n);
    }
    return sum;
  };
  const atLow = slope(low);
  const atHigh = slope(high);
  const beta = atLow * atHigh < 0 ? findRoot(slope, low, high) : atLow < 0 ? low : high;
  let seen = 0;
  let value = 0;
  let plain = 0;
  for (let i = 0; i < length; i++) {
    const c = multiple === undefined ? 1 : multiple[i]!;
    const share = (c * weight[i]!) / ((weight[i]! - 1) * beta + n);
    seen += share;
    value += share * reward[i]!;
    plain += c * reward[i]!;
  }
  return { value: value + (Math.max(0, 1 - seen) * plain) / n, standardError: null, n };
}
