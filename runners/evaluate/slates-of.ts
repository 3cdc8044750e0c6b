import { HeadraceError } from '../../dataflow/errors.js';
import { loggedSlates, type LoggedSlates } from '../../evaluation/slates/logged-slates.js';
import type { Outcomes } from '../../evaluation/weighted-decisions.js';
import type { DecisionTable } from '../decision-logs/decision-table.js';
import type { UsableDecisions } from './decisions-of.js';

/**
 * The slates of a log, for estimators of slates: rows of one `slate`, in the order of their slots. A shorter slate is filled up with slots that were certain and gave nothing.
 *
 * @param candidate probability of what was shown under the candidate, of each usable decision
 * @param outcomes what a model expects of what was shown and of the candidate
 * @throws HR_EVALUATION_COLUMNS a log without slates, or with two rows of one slot
 */
export function slatesOf(table: DecisionTable, usable: UsableDecisions, candidate: Float64Array, outcomes?: Outcomes): LoggedSlates {
  const { log } = usable;
  if (table.slate === undefined || log.slot === undefined) throw new HeadraceError('HR_EVALUATION_COLUMNS', `${table.source} has no slates.`, { remedy: 'Log the fields `slate` and `slot`.' });
  const numbers = new Map<number, number>();
  const rows = usable.rows(0, log.length);
  const of = Int32Array.from(rows, (row) => {
    const id = table.slate![row]!;
    const number = numbers.get(id) ?? numbers.size;
    numbers.set(id, number);
    return number;
  });
  const { slots } = log;
  const cells = numbers.size * slots;
  const reward = new Float64Array(cells);
  const propensity = new Float64Array(cells).fill(1);
  const shown = new Float64Array(cells).fill(1);
  const shownOutcome = outcomes && new Float64Array(cells);
  const expectedOutcome = outcomes && new Float64Array(cells);
  const seen = new Uint8Array(cells);
  for (let i = 0; i < log.length; i++) {
    const at = of[i]! * slots + log.slot[i]!;
    if (seen[at] === 1) throw new HeadraceError('HR_EVALUATION_COLUMNS', `Slot ${log.slot[i]} of one slate is in ${table.source} twice, the second time at ${table.place(rows[i]!)}.`);
    seen[at] = 1;
    reward[at] = log.reward[i]!;
    propensity[at] = log.propensity[i]!;
    shown[at] = candidate[i]!;
    if (outcomes !== undefined) [shownOutcome![at], expectedOutcome![at]] = [outcomes.shown[i]!, outcomes.expected[i]!];
  }
  return loggedSlates({ slots, reward, propensity, candidate: shown, shownOutcome, expectedOutcome });
}
