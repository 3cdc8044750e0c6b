import { HeadraceError } from '../../dataflow/errors.js';
import { studentQuantile } from '../distributions/student-quantile.js';
import { type Estimate, largest, type Measure, square, type Sum, total } from '../measure.js';
import { meanEstimate } from '../mean-estimate.js';
import { checkShare } from '../parameter.js';
import { least, minus, reward, type RowExpression, shownOutcome, times, upTo, weight } from '../row-expression.js';
import { correctedBy } from './corrected-by.js';
import { shrunkWeight } from './dr-os.js';
import { subGaussianWeight } from './sub-gaussian-ips.js';

/** How λ is chosen; see `tuned`. */
export interface TuningOptions {
  /** `slope`: SLOPE++. `mse`: least estimated variance plus squared bound of the bias. @default 'slope' */
  readonly by?: 'slope' | 'mse';
  /** One less the confidence of the bounds. @default 0.1 */
  readonly delta?: number;
}

/** An estimate and the λ that it was made with. */
export interface TunedEstimate extends Estimate {
  readonly lambda: number | null;
}

/** An estimator whose λ comes from the log. */
export interface TunedEstimator extends Measure<string, TunedEstimate> {
  readonly name: string;
  readonly formula: string;
  readonly source: string;
}

/**
 * Chooses λ of clipped IPS or DR, Switch-DR, DRos or their sub-Gaussian forms from the log, in one pass: the estimate and its bounds are kept for each λ.
 *
 * *When to use*: where no one knows a good clip. *Details*: SLOPE++ goes from the widest interval to narrower ones as long as each still meets all before it; the
 * other way takes the least bound of the mean squared error. The standard error is that of the chosen one, as if it had been known.
 *
 * Source: Su, Srinath and Krishnamurthy, "Adaptive estimator selection for off-policy evaluation", ICML 2020; Tucker and Lee, "Improved estimator selection for
 * off-policy evaluation", 2021 (SLOPE++); Su, Dimakopoulou, Krishnamurthy and Dudík, "Doubly robust off-policy evaluation with shrinkage", ICML 2020 (bound of the bias).
 *
 * @param of the family
 * @param lambdas values to choose from
 * @throws HR_ARGUMENT no λ, or one that the family does not take
 *
 * @example createTally({ switch_dr_tuned: tuned('switch_dr', [1, 2, 5, 10, Infinity]) })
 */
export function tuned(of: keyof typeof families, lambdas: readonly number[], options: TuningOptions = {}): TunedEstimator {
  const { by = 'slope', delta = 0.1 } = options;
  checkShare('delta', delta);
  if (lambdas.length === 0) throw new HeadraceError('HR_ARGUMENT', 'There is no λ to choose from.');
  if (lambdas.some((lambda) => !(lambda >= 0))) throw new HeadraceError('HR_ARGUMENT', `λ is one of ${lambdas.join(', ')}; it is never negative.`);
  const { changed, model } = families[of];
  const error = model ? minus(reward, shownOutcome) : reward;
  const sums: Record<string, Sum> = {};
  lambdas.forEach((lambda, k) => {
    const x = model ? correctedBy(changed(lambda)) : times(changed(lambda), reward);
    sums[`x${k}`] = total(x);
    sums[`xx${k}`] = square(x);
    if (by === 'mse') sums[`bias${k}`] = total(times(minus(weight, changed(lambda)), error));
  });
  if (by === 'mse') Object.assign(sums, { ww: square(weight), most: largest(weight) });
  return {
    name: `${of}_tuned`,
    formula: `${of} with λ one of ${lambdas.join(', ')}, by ${by === 'slope' ? 'SLOPE++' : 'least bound of the mean squared error'}`,
    source: by === 'slope' ? 'Su, Srinath and Krishnamurthy, ICML 2020; Tucker and Lee 2021' : 'Su et al., ICML 2020',
    sums,
    result(s, n) {
      if (!(n > 1)) return { value: null, standardError: null, n, lambda: null };
      const variances = lambdas.map((_, k) => Math.max(0, s[`xx${k}`]! / n - (s[`x${k}`]! / n) ** 2));
      const chosen =
        by === 'slope'
          ? slope(lambdas, lambdas.map((_, k) => s[`x${k}`]! / n), variances.map((v) => Math.sqrt(v / (n - 1)) * studentQuantile(1 - delta, n - 1)))
          : leastIndex(lambdas, lambdas.map((_, k) => variances[k]! / n + biasBound(n, s[`bias${k}`]!, s.ww!, s.most!, delta) ** 2));
      return { ...meanEstimate(n, s[`x${chosen}`]!, s[`xx${chosen}`]!), lambda: lambdas[chosen]! };
    },
  };
}

/** The weights of a family at a λ, and whether it corrects an outcome model. */
const families = {
  ips: { changed: (lambda: number): RowExpression => least(weight, lambda), model: false },
  dr: { changed: (lambda: number): RowExpression => least(weight, lambda), model: true },
  switch_dr: { changed: (lambda: number): RowExpression => upTo(weight, lambda), model: true },
  dr_os: { changed: shrunkWeight, model: true },
  ips_sub_gaussian: { changed: subGaussianWeight, model: false },
  dr_sub_gaussian: { changed: subGaussianWeight, model: true },
} as const;

/**
 * Upper bound, with confidence 1 - delta, of the bias that changed weights bring.
 *
 * Source: Su, Dimakopoulou, Krishnamurthy and Dudík, ICML 2020 (direct bias estimation), with Bernstein's inequality.
 *
 * @param bias Σ (w - ŵ)(r - q)
 */
export function biasBound(n: number, bias: number, squaredWeights: number, largestWeight: number, delta: number): number {
  const log = Math.log(2 / delta);
  return Math.abs(bias) / n + Math.sqrt((2 * (squaredWeights / n) * log) / n) + (2 * largestWeight * log) / (3 * n);
}

/** Index that SLOPE++ chooses among estimates with half-widths; of equally wide ones, the larger λ. */
function slope(lambdas: readonly number[], values: readonly number[], widths: readonly number[]): number {
  const factor = Math.sqrt(6) - 1;
  const order = widths.map((_, k) => k).sort((a, b) => widths[b]! - widths[a]! || lambdas[a]! - lambdas[b]!);
  for (let i = 1; i < order.length; i++) {
    const meetsAll = order.slice(0, i).every((j) => Math.abs(values[j]! - values[order[i]!]!) <= widths[order[i]!]! + factor * widths[j]!);
    if (!meetsAll) return order[i - 1]!;
  }
  return order.at(-1)!;
}

/** Index of the least score; of equal ones, of the larger λ, which changes less. */
function leastIndex(lambdas: readonly number[], scores: readonly number[]): number {
  return scores.map((_, k) => k).sort((a, b) => scores[a]! - scores[b]! || lambdas[b]! - lambdas[a]!)[0]!;
}
