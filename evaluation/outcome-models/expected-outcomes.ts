import { HeadraceError } from '../../dataflow/errors.js';
import type { Candidate } from '../candidate.js';
import type { LoggedDecisions } from '../logged-decisions.js';
import { checkParameter } from '../parameter.js';
import { policyRow } from '../policy-row.js';
import type { Outcomes } from '../weighted-decisions.js';
import type { OutcomeModel } from './outcome-model.js';

/** Settings of `expectedOutcomes`. */
export interface CrossFitOptions {
  /** Parts of the log; each is predicted by a model that was fitted on the others. 1 fits and predicts the whole log. @default 5 */
  readonly folds?: number;
}

/**
 * What a model expects of each shown action and of the candidate, with cross-fitting, for `weigh`.
 *
 * *Details*: users, or rows where the log has no users, go to the folds in turn, so the same log gives the same folds. Costs decisions × actions.
 *
 * Source: Chernozhukov et al., "Double/debiased machine learning for treatment and structural parameters", Econometrics Journal 21(1), 2018, definition 3.1.
 *
 * @throws HR_ARGUMENT folds that are no whole number from 1
 * @throws HR_EVALUATION_COLUMNS a log without actions, or a candidate that is known for what was shown only
 * @throws HR_EVALUATION_EMPTY fewer users or rows than folds
 *
 * @example weigh(log, candidate, expectedOutcomes(log, candidate, smoothed(10)))
 */
export function expectedOutcomes(log: LoggedDecisions, candidate: Candidate, model: OutcomeModel, options: CrossFitOptions = {}): Outcomes {
  const { folds = 5 } = options;
  checkParameter('The number of folds', folds, 1, 1e6);
  if (!Number.isInteger(folds)) throw new HeadraceError('HR_ARGUMENT', `The number of folds is ${folds}.`);
  const { length, action, actions } = log;
  if (action === undefined || actions === undefined) throw new HeadraceError('HR_EVALUATION_COLUMNS', 'An outcome model needs the actions of the log, and how many there are.');
  const policy = policyRow(log, candidate);
  const fold = foldsOf(log, folds);
  const shown = new Float64Array(length);
  const expected = new Float64Array(length);
  const out = new Float64Array(actions);
  const rows = Int32Array.from({ length }, (_, i) => i);
  for (let f = 0; f < folds; f++) {
    const fitted = model.fit(log, folds === 1 ? rows : rows.filter((i) => fold[i] !== f));
    for (let i = 0; i < length; i++) {
      if (fold[i] !== f) continue;
      fitted.predict(log, i, out);
      const { of, at } = policy(i);
      let sum = 0;
      for (let a = 0; a < actions; a++) {
        const p = of[at + a]!;
        // what the candidate never does is not asked
        if (p > 0) sum += p * out[a]!;
      }
      expected[i] = sum;
      shown[i] = out[action[i]!]!;
    }
  }
  return { shown, expected };
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
