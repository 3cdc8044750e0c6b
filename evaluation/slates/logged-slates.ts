import { type ErrorCode, HeadraceError } from '../../dataflow/errors.js';
import type { LeftOut, OnBad } from '../bad-rows.js';
import { checkLength, doubles, largestMagnitude, type Numbers, shown } from '../logged-decisions.js';

/** Slates of one length, a value a slot in every column, slate after slate. Pad a shorter slate with reward 0 and probabilities 1. */
export interface SlateColumns {
  readonly slots: number;
  /** Outcome of each slot. */
  readonly reward: Numbers;
  /** Probability of the item at its slot, given those above it, when it was chosen. */
  readonly propensity: Numbers;
  /** The same under the candidate. */
  readonly candidate: Numbers;
  /** Probability of the item at its slot, whatever is above. @default those given the items above */
  readonly marginalPropensity?: Numbers | undefined;
  /** The same under the candidate. @default those given the items above */
  readonly marginalCandidate?: Numbers | undefined;
  /** What a model expects from this slot on, of the item shown. @default no model */
  readonly shownOutcome?: Numbers | undefined;
  /** What it expects from this slot on, of the candidate: Σ π(a | above) q̂(a). @default no model */
  readonly expectedOutcome?: Numbers | undefined;
}

/** Checked slates. */
export interface LoggedSlates {
  /** Slates. */
  readonly length: number;
  readonly slots: number;
  readonly reward: Float64Array;
  readonly propensity: Float64Array;
  readonly candidate: Float64Array;
  readonly marginalPropensity: Float64Array;
  readonly marginalCandidate: Float64Array;
  readonly shownOutcome: Float64Array | undefined;
  readonly expectedOutcome: Float64Array | undefined;
  /** What was left out, by code; rows are slates. */
  readonly leftOut: readonly LeftOut[];
}

/**
 * Checks slates and puts them into typed columns. A slate with a bad slot is refused, or left out as a whole.
 *
 * @throws HR_EVALUATION_PROPENSITY missing, 0, negative or over 1
 * @throws HR_EVALUATION_PMF a candidate's probability outside of [0, 1]
 * @throws HR_EVALUATION_WEIGHT a slate whose weight is over 1e60
 * @throws HR_EVALUATION_REWARD missing or not finite
 * @throws HR_EVALUATION_MODEL an expected outcome that is not finite
 * @throws HR_EVALUATION_COLUMNS columns of different lengths
 * @throws HR_EVALUATION_EMPTY no slate, or none that is left
 *
 * @example loggedSlates({ slots: 3, reward, propensity, candidate })
 */
export function loggedSlates(columns: SlateColumns, onBad: OnBad = 'refuse'): LoggedSlates {
  const { slots } = columns;
  const values = columns.reward.length;
  if (values === 0) throw new HeadraceError('HR_EVALUATION_EMPTY', 'The log has no slate.');
  if (!(Number.isInteger(slots) && slots > 0 && values % slots === 0)) throw new HeadraceError('HR_EVALUATION_COLUMNS', `${values} values are no slates of ${slots} slots.`);
  const names = ['reward', 'propensity', 'candidate', 'marginalPropensity', 'marginalCandidate', 'shownOutcome', 'expectedOutcome'] as const;
  for (const name of names) checkLength(name, columns[name]?.length, values);
  const propensity = doubles(columns.propensity);
  const candidate = doubles(columns.candidate);
  const all = {
    reward: doubles(columns.reward),
    propensity,
    candidate,
    marginalPropensity: columns.marginalPropensity === undefined ? propensity : doubles(columns.marginalPropensity),
    marginalCandidate: columns.marginalCandidate === undefined ? candidate : doubles(columns.marginalCandidate),
    shownOutcome: columns.shownOutcome && doubles(columns.shownOutcome),
    expectedOutcome: columns.expectedOutcome && doubles(columns.expectedOutcome),
  };
  const found = new Map<ErrorCode, { rows: number; first: number; example: string }>();
  const good: number[] = [];
  for (let s = 0; s < values / slots; s++) {
    const fault = slateFault(all, s, slots);
    if (fault === undefined) good.push(s);
    else if (onBad === 'refuse') throw new HeadraceError(fault.code, `Slate ${s} of the log: ${fault.what}.`);
    else {
      const seen = found.get(fault.code);
      if (seen === undefined) found.set(fault.code, { rows: 1, first: s, example: fault.what });
      else seen.rows++;
    }
  }
  const leftOut = Array.from(found, ([code, of]) => ({ code, ...of }));
  if (good.length === 0) throw new HeadraceError('HR_EVALUATION_EMPTY', `None of the ${values / slots} slates can be used: ${leftOut.map((l) => `${l.rows} × ${l.code} (${l.example})`).join(', ')}.`);
  if (leftOut.length === 0) return { length: good.length, slots, ...all, leftOut };
  const keep = (column: Float64Array): Float64Array => Float64Array.from({ length: good.length * slots }, (_, i) => column[good[Math.floor(i / slots)]! * slots + (i % slots)]!);
  return {
    length: good.length,
    slots,
    reward: keep(all.reward),
    propensity: keep(all.propensity),
    candidate: keep(all.candidate),
    marginalPropensity: keep(all.marginalPropensity),
    marginalCandidate: keep(all.marginalCandidate),
    shownOutcome: all.shownOutcome && keep(all.shownOutcome),
    expectedOutcome: all.expectedOutcome && keep(all.expectedOutcome),
    leftOut,
  };
}

type Columns = Omit<LoggedSlates, 'length' | 'slots' | 'leftOut'>;

/** What is wrong with a slate, if anything. */
function slateFault(of: Columns, s: number, slots: number): { code: ErrorCode; what: string } | undefined {
  let product = 1;
  for (let i = s * slots; i < (s + 1) * slots; i++) {
    for (const p of [of.propensity[i]!, of.marginalPropensity[i]!]) if (!(p > 0 && p <= 1)) return { code: 'HR_EVALUATION_PROPENSITY', what: `the propensity of slot ${i % slots} is ${shown(p)}` };
    for (const p of [of.candidate[i]!, of.marginalCandidate[i]!]) if (!(p >= 0 && p <= 1)) return { code: 'HR_EVALUATION_PMF', what: `the candidate's probability at slot ${i % slots} is ${shown(p)}` };
    if (!(Math.abs(of.reward[i]!) <= largestMagnitude)) return { code: 'HR_EVALUATION_REWARD', what: `the reward of slot ${i % slots} is ${shown(of.reward[i]!)}` };
    for (const column of [of.shownOutcome, of.expectedOutcome]) if (column !== undefined && !(Math.abs(column[i]!) <= largestMagnitude)) return { code: 'HR_EVALUATION_MODEL', what: `the model expects ${shown(column[i]!)} at slot ${i % slots}` };
    product *= of.candidate[i]! / of.propensity[i]!;
    if (!(Math.max(product, of.marginalCandidate[i]! / of.marginalPropensity[i]!) <= largestMagnitude)) return { code: 'HR_EVALUATION_WEIGHT', what: `the weight is ${product}` };
  }
  return undefined;
}
