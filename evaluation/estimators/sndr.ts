import { type Estimator, products, square, total } from '../measure.js';
import { standardErrorOf } from '../mean-estimate.js';
import { expectedOutcome, minus, reward, shownOutcome, times, weight } from '../row-expression.js';

/**
 * Self-normalised doubly robust: the mean of v, plus Σ w·(r - q) / Σ w.
 *
 * *When to use*: instead of DR where weights vary much. *Details*: the standard error is that of the delta method.
 *
 * Source: Thomas and Brunskill, "Data-efficient off-policy policy evaluation for reinforcement learning", ICML 2016 (weighted doubly robust, for one step).
 *
 * @example createTally({ sndr: sndr() })
 * @see dr, snips
 */
export function sndr(): Estimator<'v' | 'd' | 'w' | 'vv' | 'vd' | 'vw' | 'dd' | 'dw' | 'ww'> {
  const d = times(weight, minus(reward, shownOutcome));
  return {
    name: 'sndr',
    formula: 'Σ v / n + Σ w (r - q) / Σ w',
    source: 'Thomas and Brunskill, ICML 2016',
    sums: {
      v: total(expectedOutcome),
      d: total(d),
      w: total(weight),
      vv: square(expectedOutcome),
      vd: products(expectedOutcome, d),
      vw: products(expectedOutcome, weight),
      dd: square(d),
      dw: products(d, weight),
      ww: square(weight),
    },
    result(s, n) {
      if (!(n > 0) || !(s.w > 0)) return { value: null, standardError: null, n };
      const mean = s.w / n;
      const error = s.d / s.w;
      const terms = [s.vv, (2 * s.vd) / mean, (-2 * error * s.vw) / mean, s.dd / mean ** 2, (-2 * error * s.dw) / mean ** 2, (error * error * s.ww) / mean ** 2, -(s.v * s.v) / n];
      const deviations = terms.reduce((sum, x) => sum + x, 0);
      const size = terms.reduce((sum, x) => sum + Math.abs(x), 0);
      return { value: s.v / n + error, standardError: standardErrorOf(n, deviations, size), n };
    },
  };
}
