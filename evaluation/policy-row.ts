import { HeadraceError } from '../dataflow/errors.js';
import type { Candidate } from './candidate.js';
import { checkLength, type LoggedDecisions } from './logged-decisions.js';

/** Probabilities of a decision: `count` values of `of`, from `at` on. Reused between calls. */
export interface PolicyRow {
  of: ArrayLike<number>;
  at: number;
  count: number;
  /** Their actions, at the same places; undefined: 0, 1, … */
  list: Int32Array | undefined;
}

/** The candidate's whole distribution at each row of the log; what is not listed has probability 0. Errors: HR_EVALUATION_COLUMNS. */
export function policyRow(log: LoggedDecisions, candidate: Candidate): (row: number) => PolicyRow {
  const { actions, slot, kept } = log;
  if (actions === undefined) throw new HeadraceError('HR_EVALUATION_COLUMNS', 'The log does not say how many actions there were.');
  const row: PolicyRow = { of: [], at: 0, count: actions, list: undefined };
  if ('shown' in candidate) throw new HeadraceError('HR_EVALUATION_COLUMNS', 'The candidate is known for what was shown only; its whole distribution is needed.', { remedy: 'Give { distribution } or { slots }.' });
  if ('uniform' in candidate) {
    row.of = new Float64Array(actions).fill(1 / actions);
    return () => row;
  }
  if ('slots' in candidate) {
    const { slots } = candidate;
    if (slots.length < log.slots) throw new HeadraceError('HR_EVALUATION_COLUMNS', `The candidate has ${slots.length} slots, the log has ${log.slots}.`);
    slots.forEach((of, k) => checkLength(`slot ${k} of the candidate`, of.length, actions));
    return (i) => {
      row.of = slots[slot === undefined ? 0 : slot[i]!]!;
      return row;
    };
  }
  if ('listed' in candidate) {
    const { start, action, probability } = candidate.listed;
    checkLength('the candidate', start.length - 1, log.given);
    row.of = probability;
    row.list = action;
    return (i) => {
      const k = kept === undefined ? i : kept[i]!;
      row.at = start[k]!;
      row.count = start[k + 1]! - start[k]!;
      return row;
    };
  }
  checkLength('the candidate', candidate.distribution.length, log.given * actions);
  row.of = candidate.distribution;
  return (i) => {
    row.at = (kept === undefined ? i : kept[i]!) * actions;
    return row;
  };
}
