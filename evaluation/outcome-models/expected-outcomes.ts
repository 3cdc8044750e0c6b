import { HeadraceError } from '../../dataflow/errors.js';
import type { Candidate } from '../candidate.js';
import type { LoggedDecisions } from '../logged-decisions.js';
import { checkParameter } from '../parameter.js';
import { policyRow } from '../policy-row.js';
import type { Outcomes } from '../weighted-decisions.js';
import type { FittedModel, OutcomeModel } from './outcome-model.js';

/** Settings of `expectedOutcomes`. */
export interface CrossFitOptions {
  /** Parts of the log; each is predicted by a model that was fitted on the others. 1 fits and predicts the whole log. @default 5 */
  readonly folds?: number;
}

/** What a model expects at a row of each action, or of `some` in their order: writes it to `out`. */
export type Prediction = (row: number, out: Float64Array, some?: Int32Array) => void;

/**
 * Fits a model to a log so that no row is predicted by a model that has seen it: the log is put into parts, and each is predicted by a model of the others.
 *
 * *Details*: users, or rows where the log has no users, go to the parts in turn, so the same log gives the same parts.
 *
 * Source: Chernozhukov et al., "Double/debiased machine learning for treatment and structural parameters", Econometrics Journal 21(1), 2018, definition 3.1.
 *
 * @throws HR_ARGUMENT folds that are no whole number from 1
 * @throws HR_EVALUATION_COLUMNS a log without actions
 * @throws HR_EVALUATION_EMPTY fewer users or rows than folds
 */
export function crossFit(log: LoggedDecisions, model: OutcomeModel, options: CrossFitOptions = {}): Prediction {
  const { folds = 5 } = options;
  checkParameter('The number of folds', folds, 1, 1e6);
  if (!Number.isInteger(folds)) throw new HeadraceError('HR_ARGUMENT', `The number of folds is ${folds}.`);
  const all = new Float64Array(actionsOf(log).actions);
  const ask = (fitted: FittedModel, row: number, out: Float64Array, some: Int32Array | undefined): void => {
    if (some === undefined) fitted.predict(log, row, out);
    else if (fitted.predictSome !== undefined) fitted.predictSome(log, row, some, out);
    else {
      fitted.predict(log, row, all);
      for (let k = 0; k < some.length; k++) out[k] = all[some[k]!]!;
    }
  };
  const rows = Int32Array.from({ length: log.length }, (_, i) => i);
  if (folds === 1) {
    const fitted = model.fit(log, rows);
    return (row, out, some) => ask(fitted, row, out, some);
  }
  const fold = foldsOf(log, folds);
  const fitted = Array.from({ length: folds }, (_, f) => model.fit(log, rows.filter((i) => fold[i] !== f)));
  return (row, out, some) => ask(fitted[fold[row]!]!, row, out, some);
}

/**
 * What a model expects of each shown action and of the candidate, with cross-fitting, for `weigh`.
 *
 * *Details*: costs decisions × actions, or what is listed. For a log in batches, `crossFit` once and predict batch by batch.
 *
 * @throws HR_ARGUMENT folds that are no whole number from 1
 * @throws HR_EVALUATION_COLUMNS a log without actions, or a candidate that is known for what was shown only
 * @throws HR_EVALUATION_EMPTY fewer users or rows than folds
 *
 * @example weigh(log, candidate, expectedOutcomes(log, candidate, smoothed(10)))
 */
export function expectedOutcomes(log: LoggedDecisions, candidate: Candidate, model: OutcomeModel, options: CrossFitOptions = {}): Outcomes {
  // a candidate that cannot be asked is refused before anything is fitted
  actionsOf(log);
  policyRow(log, candidate);
  return outcomesOf(log, candidate, crossFit(log, model, options));
}

/**
 * What was predicted of each shown action and of the candidate, for `weigh`.
 *
 * @param predict as `crossFit` gives it, by the rows of this log
 * @throws HR_EVALUATION_COLUMNS a log without actions, or a candidate that is known for what was shown only
 */
export function outcomesOf(log: LoggedDecisions, candidate: Candidate, predict: Prediction): Outcomes {
  const { length } = log;
  const { action, actions } = actionsOf(log);
  const policy = policyRow(log, candidate);
  const shown = new Float64Array(length);
  const expected = new Float64Array(length);
  const out = new Float64Array(actions);
  for (let i = 0; i < length; i++) {
    const { of, at, count, list } = policy(i);
    const some = list?.subarray(at, at + count);
    predict(i, out, some);
    let sum = 0;
    for (let k = 0; k < count; k++) {
      const p = of[at + k]!;
      // what the candidate never does is not asked
      if (p > 0) sum += p * out[k]!;
    }
    expected[i] = sum;
    const place = some === undefined ? action[i]! : some.indexOf(action[i]!);
    if (place >= 0) shown[i] = out[place]!;
    else {
      // what was shown stands in no list
      predict(i, out, Int32Array.of(action[i]!));
      shown[i] = out[0]!;
    }
  }
  return { shown, expected };
}

function actionsOf({ action, actions }: LoggedDecisions): { readonly action: Int32Array; readonly actions: number } {
  if (action === undefined || actions === undefined) throw new HeadraceError('HR_EVALUATION_COLUMNS', 'An outcome model needs the actions of the log, and how many there are.');
  return { action, actions };
}

/** The fold of each row. */
function foldsOf(log: LoggedDecisions, folds: number): Int32Array {
  const numbers = new Map<number, number>();
  const fold = new Int32Array(log.length);
  for (let i = 0; i < log.length; i++) {
    const user = log.user === undefined ? i : log.user[i]!;
    const number = log.user === undefined ? i : (numbers.get(user) ?? numbers.size);
    if (log.user !== undefined) numbers.set(user, number);
    fold[i] = number % folds;
  }
  const units = log.user === undefined ? log.length : numbers.size;
  if (units < folds) throw new HeadraceError('HR_EVALUATION_EMPTY', `${units} ${log.user === undefined ? 'decisions' : 'users'} cannot be put into ${folds} folds.`, { remedy: 'Use fewer folds.' });
  return fold;
}
