import { HeadraceError } from '../../dataflow/errors.js';
import { decisionLines, isFault, jsonObject, lineFault } from './decision-lines.js';
import type { DecisionLogOptions, DecisionTable } from './decision-table.js';
import { loggedDecisionTable } from './logged-decision-table.js';
import { timeReader } from './time-reader.js';

/** The fields by which a LoggedDecision is told from other forms. */
export const loggedDecisionFields = ['decisionId', 'slots', 'outcomes'] as const;

/**
 * Reads LoggedDecision records as JSON lines: rows of the table that `toWarehouse` fills, or what `headrace topic read logged-decisions --json` prints.
 *
 * *Details*: as `readLoggedDecisions`. Times are epoch milliseconds or ISO 8601. Errors: HR_INPUT_FILE, HR_EVALUATION_LOG.
 */
export async function readLoggedDecisionLines(input: string, options: DecisionLogOptions = {}): Promise<DecisionTable> {
  const name = options.name ?? (input === '-' ? 'standard input' : input);
  if (options.extra !== undefined && options.extra.length > 0) throw new HeadraceError('HR_EVALUATION_LOG', `${name} has no column ${options.extra.join(', ')}.`, { remedy: 'Give the candidate as a model, a module or a file.' });
  const table = loggedDecisionTable(name, 'logged-decisions', options);
  const readTime = timeReader();
  await decisionLines(input, table.builder, options, (text, line) => {
    const row = jsonObject(text);
    if (isFault(row)) return row;
    const { value } = row;
    const decision = typeof value === 'object' && value !== null && !('decisionId' in row) ? (value as typeof row) : row;
    const time = readTime(decision['time']);
    if (time === null || time === undefined) return lineFault('the time is neither ISO 8601 with a zone nor epoch milliseconds');
    table.take({ ...decision, time, overridden: decision['overridden'] ?? null }, line);
    return undefined;
  });
  return table.finish();
}
