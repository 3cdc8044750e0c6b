import { HeadraceError } from '../../dataflow/errors.js';
import { balanced } from '../../evaluation/balanced.js';
import { didYouMean } from '../commands/nearest-name.js';
import type { DecisionTable } from '../decision-logs/decision-table.js';
import type { UsableDecisions } from './decisions-of.js';
import type { BoundPolicy, Policy } from './policy.js';

/**
 * The decisions with the propensities of the mixture of all policies that logged them.
 *
 * @param loggers by their names in the log
 * @param shownBy the probability that a policy gives to what was shown, at every usable decision
 * @throws HR_EVALUATION_COLUMNS a log that does not say which policy logged a decision, or names others than `loggers`
 */
export async function balancedOver(loggers: ReadonlyMap<string, Policy>, table: DecisionTable, usable: UsableDecisions, shownBy: (policy: BoundPolicy) => Promise<Float64Array>): Promise<UsableDecisions> {
  if (table.loggers.length === 0) throw new HeadraceError('HR_EVALUATION_COLUMNS', `${table.source} does not say which policy logged a decision.`, { remedy: 'Log the field `policy`, or leave --balance out.' });
  for (const name of loggers.keys()) if (!table.loggers.includes(name)) throw new HeadraceError('HR_EVALUATION_COLUMNS', `No decision of ${table.source} was logged by a policy "${name}".${didYouMean(name, table.loggers)}`, { remedy: `It has ${table.loggers.join(', ')}.` });
  const probabilities: Float64Array[] = [];
  for (const name of table.loggers) {
    const policy = loggers.get(name);
    if (policy === undefined) throw new HeadraceError('HR_EVALUATION_COLUMNS', `${table.source} has decisions of the policy "${name}", and --balance does not say what that is.`, { remedy: `Give NAME=POLICY for each of ${table.loggers.join(', ')}.` });
    const bound = await policy.bind(table);
    try {
      probabilities.push(await shownBy(bound));
    } finally {
      await bound.close?.();
    }
  }
  // a decision whose logger is missing stands behind those that are named
  if (usable.log.logger?.some((j) => j >= probabilities.length) === true) throw new HeadraceError('HR_EVALUATION_COLUMNS', `Some decisions of ${table.source} do not say which policy logged them.`);
  return { ...usable, log: balanced(usable.log, probabilities), whole: false };
}
