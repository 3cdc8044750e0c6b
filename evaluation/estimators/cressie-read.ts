import { type Estimator, largest, products, smallest, square, total } from '../measure.js';
import { checkParameter } from '../parameter.js';
import { reward, times, weight } from '../row-expression.js';

/** Weights that are possible, whether seen or not. */
export interface WeightRange {
  /** The least weight that a decision could have. @default 0 */
  readonly least?: number;
  /** The largest one: 1 / the smallest propensity of the design. @default Infinity */
  readonly most?: number;
}

/** A usable weight range: it has 1 strictly between its ends, since the mean weight is 1. Errors: HR_ARGUMENT. */
export function weightRange(range: WeightRange): Required<WeightRange> {
  const { least = 0, most = Infinity } = range;
  checkParameter('The least weight', least, 0, 1 - Number.EPSILON);
  checkParameter('The largest weight', most, 1 + Number.EPSILON, Infinity);
  return { least, most };
}

/**
 * Cressie-Read estimate (power -2): of all distributions of (w, r) with mean weight 1, the one nearest to the log, with a share for what was not seen.
 *
 * *When to use*: where VW's estimators are used; one pass, like empirical likelihood but in closed form. *Details*: better with the true weight range. It has no
 * standard error; `cressieReadInterval` is its interval.
 *
 * Source: Karampatziakis, Langford and Mineiro, "Empirical likelihood for contextual bandits", NeurIPS 2020; as in VowpalWabbit/estimators.
 *
 * @throws HR_ARGUMENT a range that does not hold 1
 *
 * @example createTally({ cressie_read: cressieRead({ most: 20 }) })
 * @see empiricalLikelihood, cressieReadInterval
 */
export function cressieRead(range: WeightRange = {}): Estimator<'w' | 'ww' | 'wr' | 'wwr' | 'r' | 'most' | 'least'> {
  const possible = weightRange(range);
  return {
    name: 'cressie_read',
    formula: 'Σ (-γ - β w) w r / (1 + n) + missing · Σ r / n',
    source: 'Karampatziakis, Langford and Mineiro, NeurIPS 2020',
    sums: { w: total(weight), ww: square(weight), wr: total(times(weight, reward)), wwr: products(weight, times(weight, reward)), r: total(reward), most: largest(weight), least: smallest(weight) },
    result(s, n) {
      if (!(n > 0)) return { value: null, standardError: null, n: 0 };
      // the weight of the decision that stands for all that were not seen
      const unseen = s.w < n ? Math.max(possible.most, s.most) : Math.min(possible.least, s.least);
      let gamma = -(1 + n) / n;
      let beta = 0;
      if (unseen !== Infinity) {
        const a = (unseen + s.w) / (1 + n);
        const b = (unseen * unseen + s.ww) / (1 + n);
        // all weights alike: there is nothing to tilt
        if (!(b - a * a > 1e-14 * b)) return { value: s.wr / n, standardError: null, n };
        gamma = (b - a) / (a * a - b);
        beta = (1 - a) / (a * a - b);
      }
      const missing = Math.max(0, 1 - (-gamma * s.w - beta * s.ww) / (1 + n));
      return { value: (-gamma * s.wr - beta * s.wwr) / (1 + n) + (missing * s.r) / n, standardError: null, n };
    },
  };
}
