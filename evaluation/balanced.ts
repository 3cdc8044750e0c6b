import { HeadraceError } from '../dataflow/errors.js';
import { checkLength, type LoggedDecisions } from './logged-decisions.js';

/**
 * A log of several policies, as if one mixture of them had logged it: each propensity becomes Σ_j (n_j / n) π_j(shown).
 *
 * *When to use*: for logs over a change of policy. *Details*: an action that one policy hardly showed and another often does then has no giant weight.
 * Any estimator can follow.
 *
 * Source: Agarwal, Basu, Schnabel and Joachims, "Effective evaluation using logged bandit feedback from multiple loggers", KDD 2017 (balanced estimator).
 *
 * @param log with `logger`
 * @param probabilities of each logger: what it would have given to the shown action, a value a decision of the log
 * @throws HR_EVALUATION_COLUMNS no loggers, or columns that do not fit
 * @throws HR_EVALUATION_PROPENSITY a mixture that is not above 0 and at most 1
 *
 * @example weigh(balanced(log, [underOld, underNew]), { uniform: true })
 */
export function balanced(log: LoggedDecisions, probabilities: readonly Float64Array[]): LoggedDecisions {
  const { logger, length } = log;
  if (logger === undefined) throw new HeadraceError('HR_EVALUATION_COLUMNS', 'The log does not say which policy logged a decision.', { remedy: 'Give the column `logger`.' });
  const shares = new Float64Array(probabilities.length);
  for (const j of logger) {
    if (j >= shares.length) throw new HeadraceError('HR_EVALUATION_COLUMNS', `Logger ${j} has no probabilities; ${shares.length} loggers have.`);
    shares[j]! += 1 / length;
  }
  const propensity = new Float64Array(length);
  probabilities.forEach((of, j) => {
    checkLength(`the probabilities of logger ${j}`, of.length, length);
    for (let i = 0; i < length; i++) propensity[i]! += shares[j]! * of[i]!;
  });
  for (let i = 0; i < length; i++) {
    // shares may sum to a last digit over 1
    if (propensity[i]! > 1 && propensity[i]! < 1 + 1e-9) propensity[i] = 1;
    if (!(propensity[i]! > 0 && propensity[i]! <= 1)) throw new HeadraceError('HR_EVALUATION_PROPENSITY', `Decision ${i} of the log: its probability under the mixture of loggers is ${propensity[i]}.`);
  }
  return { ...log, propensity };
}
