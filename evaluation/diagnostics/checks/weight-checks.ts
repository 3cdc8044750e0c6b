import { alarmThreshold } from '../alarm-threshold.js';
import type { CellSums } from '../cell-measures.js';
import type { Facts } from '../facts.js';
import type { Finding } from '../finding.js';
import { digits, leastDecisions, leastExcess, percent, score } from './score.js';

/** Bounds of the effective sample size, and of its share of the decisions. */
const essBounds = { error: 10, warning: 25, share: 0.002 } as const;
/** From this share of Σ w² on, one weight dominates. */
const dominance = { warning: 0.7, error: 0.95 } as const;
/** Pareto shape over which averages converge too slowly. Source: Vehtari et al. 2024, section 3. */
const longTail = 0.7;
/** Candidate's share that the log does not show. */
const missingMass = { warning: 0.05, error: 0.3 } as const;
/** A log is too unlikely to be true when this few of such logs are. */
const improbable = 1e-3;

/** The effective sample size. */
export function essLow({ n, weights }: Facts): Finding | undefined {
  const { ess } = weights;
  const share = ess / n;
  if (ess >= essBounds.warning && share >= essBounds.share) return undefined;
  // of a log that is short, and not of the weights
  if (n < leastDecisions && share > 0.5) return undefined;
  return {
    code: 'ESS_LOW',
    severity: ess < essBounds.error ? 'error' : 'warning',
    message: `The estimate rests on no more than ${digits(ess)} of ${n} decisions (effective sample size): the candidate mostly does what the log seldom shows.`,
    numbers: { ess, share },
  };
}

/** One weight that makes most of Σ w². */
export function weightDominates({ n, weights }: Facts): Finding | undefined {
  const { largest, variance, mean } = weights;
  if (largest === null || variance === null || mean === null || !(n > 1) || !(largest > 0)) return undefined;
  const squares = n * (variance + mean ** 2);
  // squares of tiny weights are 0
  const share = squares > 0 ? largest ** 2 / squares : 0;
  if (share < dominance.warning) return undefined;
  return {
    code: 'WEIGHT_DOMINATES',
    severity: share >= dominance.error ? 'error' : 'warning',
    message: `One decision weighs as much as ${digits(largest)} others and makes ${percent(share)} of the uncertainty.`,
    numbers: { weight_max: largest, share },
  };
}

/** The tail index. */
export function weightTail({ tail }: Facts): Finding | undefined {
  if (tail === null || tail.k - 3 * tail.error <= longTail) return undefined;
  return {
    code: 'WEIGHT_TAIL',
    severity: 'warning',
    message: `The largest weights are far out (Pareto shape ${digits(tail.k)}, more than ${longTail}): a new log may give quite another estimate.`,
    numbers: { tail_index: tail.k, error: tail.error },
  };
}

/** Mean weights over 1, of the whole log and of its parts. */
export function weightMean(facts: Facts): Finding | undefined {
  const parts: { what: string; sums: CellSums }[] = [{ what: 'the log', sums: facts.whole }];
  if (facts.bySlot.size > 1) for (const [slot, sums] of facts.bySlot) parts.push({ what: `slot ${slot}`, sums });
  for (const [segment, sums] of facts.bySegment) parts.push({ what: `segment ${segment}`, sums });
  for (const [logger, sums] of facts.byLogger) parts.push({ what: `policy ${logger}`, sums });
  const threshold = alarmThreshold(parts.length);
  let worst: { what: string; z: number; mean: number } | undefined;
  for (const { what, sums } of parts) {
    const mean = sums.w / sums.n;
    const z = score(sums.n, sums.w, sums.ww, 1);
    if (mean - 1 > leastExcess(sums.n) && z > threshold && !(worst !== undefined && worst.z >= z)) worst = { what, z, mean };
  }
  if (worst === undefined) return undefined;
  return {
    code: 'WEIGHT_MEAN',
    severity: 'error',
    message: `The mean weight of ${worst.what} is ${digits(worst.mean)}; with true propensities it is at most 1. The estimate is that much too high.`,
    numbers: { weight_mean: worst.mean, standard_errors: worst.z, of: worst.what },
  };
}

/** What the candidate does and the log does not show: from whole distributions where there are, and from a mean weight under 1. */
export function unsupportedMass({ unsupported, value, bounds }: Facts): Finding | undefined {
  if (unsupported.mass < missingMass.warning) return undefined;
  const between = bounds === null ? '' : ` The candidate is worth between ${digits(bounds.low)} and ${digits(bounds.high)}, depending on what happens there.`;
  return {
    code: 'UNSUPPORTED_MASS',
    severity: unsupported.mass >= missingMass.error ? 'error' : 'warning',
    message: `${percent(unsupported.mass)} of what the candidate would do ${unsupported.by === 'distribution' ? 'has probability 0 in the log' : 'does not show in the log'}.${between}`,
    numbers: { unsupported_mass: unsupported.mass, ...(value !== null && { value }), ...bounds },
  };
}

/** The chance of a propensity this small is at most decisions × actions × propensity. */
export function propensityImprobable({ n, actions, leastPropensity, slots }: Facts): Finding | undefined {
  if (actions === undefined) return undefined;
  const chance = n * actions * leastPropensity;
  if (chance >= improbable) return undefined;
  return {
    code: 'PROPENSITY_IMPROBABLE',
    severity: 'warning',
    message: `The smallest propensity is ${digits(leastPropensity)}: a log of ${n} decisions among ${actions} actions would hold one like it once in ${digits(1 / chance)} times.`,
    numbers: { propensity_least: leastPropensity, chance, slots },
  };
}

/** Too few decisions to say anything. */
export function fewDecisions({ n }: Facts): Finding | undefined {
  if (n >= leastDecisions) return undefined;
  return { code: 'FEW_DECISIONS', severity: n < 10 ? 'error' : 'warning', message: `The log has ${n === 1 ? 'one decision' : `${n} decisions`}; that says next to nothing.`, numbers: { n } };
}
