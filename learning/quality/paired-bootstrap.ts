import { splitmix } from '../../dataflow/splitmix.js';
import { rankedAuc } from './auc.js';
import { logLoss } from './log-loss.js';
import { entropyRatio } from './normalized-entropy.js';

/** Two heads scored the same examples. */
export interface PairedScores {
  readonly champion: ArrayLike<number>;
  readonly candidate: ArrayLike<number>;
  readonly clicks: ArrayLike<number>;
  /** User of each example, numbered from 0: examples of one user are drawn together. */
  readonly users: Int32Array;
}

/** Candidate less champion: the estimate, and the interval that holds 95 % of the resampled ones. */
export interface PairedDifference {
  readonly difference: number;
  readonly low: number;
  readonly high: number;
}

/** What is compared; null where the examples have only one label, or it was not asked for. */
export interface PairedResult {
  readonly entropy: PairedDifference | null;
  readonly auc: PairedDifference | null;
}

/**
 * Differences of normalised entropy and AUC between two heads, with intervals by resampling users.
 *
 * *Details*: users are drawn with Poisson(1) multiplicities, the same for both heads. Cost: a pass over the users a replicate and, where `auc` is asked for, two over the examples.
 *
 * Source: B. Efron and R. Tibshirani, "An introduction to the bootstrap", 1993, section 13.3 (percentile interval); N. Chamandy et al., "Estimating uncertainty for massive data streams", 2012 (Poisson).
 */
export function pairedBootstrap(scores: PairedScores, options: { readonly seed: number; readonly replicates?: number; readonly auc?: boolean }): PairedResult {
  const { champion, candidate, clicks, users } = scores;
  const { replicates = 200, auc = true } = options;
  const count = users.reduce((most, u) => Math.max(most, u), -1) + 1;
  // Sums a user: loss of both heads, clicks, examples.
  const sums = new Float64Array(4 * count);
  for (let i = 0; i < users.length; i++) {
    const at = 4 * users[i]!;
    sums[at]! += logLoss(champion[i]!, clicks[i]!);
    sums[at + 1]! += logLoss(candidate[i]!, clicks[i]!);
    sums[at + 2]! += clicks[i]!;
    sums[at + 3]! += 1;
  }
  const areas = auc ? ([rankedAuc(champion, clicks, users), rankedAuc(candidate, clicks, users)] as const) : undefined;
  const times = new Uint8Array(count).fill(1);
  const differences = (): { entropy: number | null; auc: number | null } => {
    let [a, b, clicked, n] = [0, 0, 0, 0];
    for (let u = 0; u < count; u++) {
      const w = times[u]!;
      a += w * sums[4 * u]!;
      b += w * sums[4 * u + 1]!;
      clicked += w * sums[4 * u + 2]!;
      n += w * sums[4 * u + 3]!;
    }
    return {
      entropy: minus(entropyRatio(b, clicked, n), entropyRatio(a, clicked, n)),
      auc: areas === undefined ? null : minus(areas[1](times), areas[0](times)),
    };
  };
  const estimate = differences();
  const random = splitmix(options.seed);
  const drawn: { readonly entropy: number[]; readonly auc: number[] } = { entropy: [], auc: [] };
  for (let r = 0; r < replicates; r++) {
    random.seed(r, 0);
    for (let u = 0; u < count; u++) times[u] = poisson(random.unit());
    const { entropy, auc: area } = differences();
    if (entropy !== null) drawn.entropy.push(entropy);
    if (area !== null) drawn.auc.push(area);
  }
  const interval = (difference: number | null, of: number[]): PairedDifference | null => {
    if (difference === null || of.length < replicates / 2) return null;
    of.sort((x, y) => x - y);
    const at = (share: number) => of[Math.min(of.length - 1, Math.max(0, Math.round(share * (of.length - 1))))]!;
    return { difference, low: at(0.025), high: at(0.975) };
  };
  return { entropy: interval(estimate.entropy, drawn.entropy), auc: interval(estimate.auc, drawn.auc) };
}

function minus(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a - b;
}

/** The Poisson(1) number at a uniform one. */
function poisson(u: number): number {
  let k = 0;
  while (u > atMost[k]!) k += 1;
  return k;
}

/** Probabilities that a Poisson(1) number is at most k; from 20 on it is. */
const atMost = ((): Float64Array => {
  const sums = new Float64Array(21).fill(1);
  for (let [k, share, sum] = [0, Math.exp(-1), 0]; k < 20; share /= ++k) sums[k] = sum += share;
  return sums;
})();
