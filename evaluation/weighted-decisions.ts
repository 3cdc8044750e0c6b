import { HeadraceError } from '../dataflow/errors.js';
import { badRows, type OnBad } from './bad-rows.js';
import type { Candidate } from './candidate.js';
import { policyRow } from './policy-row.js';
import { checkLength, distributionFault, largestMagnitude, type LoggedDecisions, shown } from './logged-decisions.js';

/** Decisions as estimators take them: one value a decision in every column. */
export interface WeightedDecisions {
  readonly length: number;
  readonly reward: Float64Array;
  readonly propensity: Float64Array;
  /** Probability of the shown action under the candidate, over its propensity. */
  readonly weight: Float64Array;
  /** The outcome that a model expects of the shown action. */
  readonly shownOutcome: Float64Array | undefined;
  /** The outcome that a model expects of the candidate: Σ π(a) q̂(a). */
  readonly expectedOutcome: Float64Array | undefined;
  /** Decisions that a row of a thinned log stands for: 1 / (1 - pdrop). */
  readonly multiple: Float64Array | undefined;
  /** Whose weights these are; undefined for weights of one's own. */
  readonly candidate: Candidate | undefined;
  /** The rest of what was logged, row for row. */
  readonly log: LoggedDecisions;
}

/** What an outcome model expects, a value for each row of the log that was given; see `expectedOutcomes`. */
export interface Outcomes {
  readonly shown: Float64Array;
  readonly expected: Float64Array;
}

/**
 * Weighs decisions for a candidate: w = π(shown) / propensity.
 *
 * @param outcomes of a model, for DM, DR and their kin
 * @param onBad as in `loggedDecisions`
 * @throws HR_EVALUATION_PMF the candidate is no distribution
 * @throws HR_EVALUATION_WEIGHT a weight over 1e60
 * @throws HR_EVALUATION_MODEL an outcome that is not a finite number
 * @throws HR_EVALUATION_COLUMNS a column of another length, or a candidate that needs actions of a log without them
 * @throws HR_EVALUATION_EMPTY no decision is left
 *
 * @example weigh(log, { uniform: true })
 */
export function weigh(log: LoggedDecisions, candidate: Candidate, outcomes?: Outcomes, onBad: OnBad = 'refuse'): WeightedDecisions {
  const probability = shownProbabilities(log, candidate);
  checkLength('shown outcomes', outcomes?.shown.length, log.length);
  checkLength('expected outcomes', outcomes?.expected.length, log.length);
  const n = log.length;
  const weight = new Float64Array(n);
  const bad = badRows(onBad);
  const rows = 'distribution' in candidate ? candidate.distribution : undefined;
  const listed = 'listed' in candidate ? policyRow(log, candidate) : undefined;
  for (let i = 0; i < n; i++) {
    const c = probability[i]!;
    const w = c / log.propensity[i]!;
    weight[i] = w;
    if (!(c >= 0 && c <= 1)) bad.add('HR_EVALUATION_PMF', i, `the candidate's probability of what was shown is ${shown(c)}`);
    else if (!(w <= largestMagnitude)) bad.add('HR_EVALUATION_WEIGHT', i, `the weight is ${w}`);
    else if (outcomes !== undefined && !(Math.abs(outcomes.shown[i]!) <= largestMagnitude && Math.abs(outcomes.expected[i]!) <= largestMagnitude)) {
      bad.add('HR_EVALUATION_MODEL', i, `the model expects ${shown(outcomes.shown[i]!)} of what was shown and ${shown(outcomes.expected[i]!)} of the candidate`);
    } else if (rows !== undefined) {
      const fault = distributionFault(rows, (log.kept?.[i] ?? i) * log.actions!, log.actions!);
      if (fault !== undefined) bad.add('HR_EVALUATION_PMF', i, `of the candidate, ${fault}`);
    } else if (listed !== undefined) {
      const { of, at, count } = listed(i);
      const fault = distributionFault(of, at, count);
      if (fault !== undefined) bad.add('HR_EVALUATION_PMF', i, `of the candidate, ${fault}`);
    }
  }
  const left = bad.keep(log);
  return columnsOf(left, log, weight, outcomes, candidate);
}

/**
 * Decisions with weights of one's own, e.g. marginal or balanced ones.
 *
 * @throws HR_EVALUATION_WEIGHT a weight that is missing, negative or over 1e60
 * @throws HR_EVALUATION_COLUMNS a column of another length
 */
export function withWeights(log: LoggedDecisions, weight: Float64Array, outcomes?: Outcomes, onBad: OnBad = 'refuse'): WeightedDecisions {
  checkLength('weights', weight.length, log.length);
  checkLength('shown outcomes', outcomes?.shown.length, log.length);
  checkLength('expected outcomes', outcomes?.expected.length, log.length);
  const bad = badRows(onBad);
  for (let i = 0; i < log.length; i++) {
    if (!(weight[i]! >= 0 && weight[i]! <= largestMagnitude)) bad.add('HR_EVALUATION_WEIGHT', i, `the weight is ${shown(weight[i]!)}`);
  }
  return columnsOf(bad.keep(log), log, weight, outcomes, undefined);
}

/** Probability of the shown action under the candidate, for each row of the log. Errors: HR_EVALUATION_COLUMNS, HR_EVALUATION_PMF. */
export function shownProbabilities(log: LoggedDecisions, candidate: Candidate): Float64Array {
  const { length: n, kept, actions, action, slot } = log;
  if ('shown' in candidate) {
    checkLength('the candidate', candidate.shown.length, log.given);
    return kept === undefined ? candidate.shown : Float64Array.from(kept, (i) => candidate.shown[i]!);
  }
  if (actions === undefined) throw new HeadraceError('HR_EVALUATION_COLUMNS', 'The log does not say how many actions there were; give `actions`, or the candidate as probabilities of what was shown.');
  if ('uniform' in candidate) return new Float64Array(n).fill(1 / actions);
  if (action === undefined) throw new HeadraceError('HR_EVALUATION_COLUMNS', 'The log has no actions; give them, or the candidate as probabilities of what was shown.');
  const out = new Float64Array(n);
  if ('slots' in candidate) {
    checkSlots(log, candidate.slots, actions);
    for (let i = 0; i < n; i++) out[i] = candidate.slots[slot === undefined ? 0 : slot[i]!]![action[i]!]!;
    return out;
  }
  if ('listed' in candidate) {
    const policy = policyRow(log, candidate);
    for (let i = 0; i < n; i++) {
      const { of, at, count, list } = policy(i);
      for (let k = at; k < at + count; k++) if (list![k] === action[i]) out[i]! += of[k]!;
    }
    return out;
  }
  checkLength('the candidate', candidate.distribution.length, log.given * actions);
  for (let i = 0; i < n; i++) out[i] = candidate.distribution[(kept === undefined ? i : kept[i]!) * actions + action[i]!]!;
  return out;
}

function checkSlots(log: LoggedDecisions, slots: readonly ArrayLike<number>[], actions: number): void {
  if (slots.length < log.slots) throw new HeadraceError('HR_EVALUATION_COLUMNS', `The candidate has ${slots.length} slots, the log has ${log.slots}.`);
  slots.forEach((of, k) => {
    checkLength(`slot ${k} of the candidate`, of.length, actions);
    const fault = distributionFault(of, 0, actions);
    if (fault !== undefined) throw new HeadraceError('HR_EVALUATION_PMF', `Slot ${k} of the candidate: ${fault}.`);
  });
}

/** The columns of the rows that are left: `left` is `log` without some. */
function columnsOf(left: LoggedDecisions, log: LoggedDecisions, weight: Float64Array, outcomes: Outcomes | undefined, candidate: Candidate | undefined): WeightedDecisions {
  const rows = left === log ? undefined : rowsOf(left, log);
  const of = (column: Float64Array): Float64Array => (rows === undefined ? column : Float64Array.from(rows, (i) => column[i]!));
  return {
    length: left.length,
    reward: left.reward,
    propensity: left.propensity,
    weight: of(weight),
    shownOutcome: outcomes && of(outcomes.shown),
    expectedOutcome: outcomes && of(outcomes.expected),
    multiple: left.pdrop?.map((p) => 1 / (1 - p)),
    candidate,
    log: left,
  };
}

/** Where the rows of `left` are in `log`; both know where they were in what was given. */
function rowsOf(left: LoggedDecisions, log: LoggedDecisions): Int32Array {
  if (log.kept === undefined) return left.kept!;
  const at = new Int32Array(left.length);
  let k = 0;
  for (let i = 0; i < log.length && k < at.length; i++) if (log.kept[i] === left.kept![k]) at[k++] = i;
  return at;
}
