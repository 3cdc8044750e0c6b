import { HeadraceError } from '../../dataflow/errors.js';
import { normal } from '../../dataflow/normal.js';
import type { Random } from '../../dataflow/splitmix.js';
import type { BetaItem, GaussianItem, Item } from './item.js';
import { finite } from './scheme.js';

/** A density on the whole line that falls off to both sides. */
export interface Density {
  /** ln of the density, up to a constant. */
  logAt(x: number): number;
  /** Where it is largest. */
  readonly mode: number;
  /** Length over which it keeps its shape, at `x`: steps of an integration there. */
  stepAt(x: number): number;
}

/** What is known of the value of an item. */
export interface Posterior<C extends Item> {
  readonly name: 'beta' | 'gaussian';
  mean(item: C): number;
  /** A draw from it. */
  draw(item: C, random: Random): number;
  /** Its density on a scale that keeps the order. Errors: HR_POLICY_ITEMS. */
  density(item: C): Density;
}

/** Beta(alpha, beta) of a rate: `alpha` successes and `beta` failures, each with its prior. */
export const betaPosterior: Posterior<BetaItem> = {
  name: 'beta',
  mean(item) {
    checkBeta(item);
    return item.alpha / (item.alpha + item.beta);
  },
  draw({ alpha, beta }, random) {
    const x = gammaDraw(alpha, random);
    const y = gammaDraw(beta, random);
    return x + y > 0 ? x / (x + y) : random.real() < alpha / (alpha + beta) ? 1 : 0;
  },
  // by log-odds: x^(a-1) (1-x)^(b-1) dx is a density without poles there
  density(item) {
    checkBeta(item);
    const { alpha, beta } = item;
    const spread = Math.sqrt(1 / alpha + 1 / beta);
    const mode = Math.log(alpha / beta);
    return {
      mode,
      logAt: (x) => -alpha * softplus(-x) - beta * softplus(x),
      stepAt(x) {
        const tail = Math.max(spread, 3 / (x < mode ? alpha : beta));
        return Math.abs(x) < 40 ? Math.min(tail, 2.5) : tail;
      },
    };
  },
};

/** A normal distribution of a value. */
export const gaussianPosterior: Posterior<GaussianItem> = {
  name: 'gaussian',
  mean: (item) => finite(item.mean, item, 'mean'),
  draw: ({ mean, deviation }, random) => mean + deviation * normal(random.real),
  density(item) {
    const mode = finite(item.mean, item, 'mean');
    const { deviation } = item;
    if (!(deviation > 0 && Number.isFinite(deviation))) throw new HeadraceError('HR_POLICY_ITEMS', `The deviation of item ${item.itemId} is ${String(deviation)}.`);
    return { mode, logAt: (x) => -0.5 * ((x - mode) / deviation) ** 2, stepAt: () => deviation };
  },
};

/** ln(1 + eˣ), for any x. */
function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

function checkBeta({ itemId, alpha, beta }: BetaItem): void {
  if (!(alpha >= leastBeta && beta >= leastBeta && alpha < 1e12 && beta < 1e12)) throw new HeadraceError('HR_POLICY_ITEMS', `alpha and beta of item ${itemId} are ${String(alpha)} and ${String(beta)}; they lie from ${leastBeta} to 1e12.`);
}

/** Less evidence than this is none: start with a prior. */
const leastBeta = 0.01;

/** Marsaglia and Tsang, "A simple method for generating gamma variables", ACM TOMS 26(3), 2000; shape under 1 by their boost. */
function gammaDraw(shape: number, random: Random): number {
  if (shape < 1) return gammaDraw(shape + 1, random) * (1 - random.real()) ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(random.real);
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    const u = 1 - random.real();
    if (Math.log(u) < 0.5 * x * x + d * (1 - v + Math.log(v))) return d * v;
  }
}
