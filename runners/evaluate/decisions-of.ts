import { loggedDecisions, type LoggedDecisions } from '../../evaluation/logged-decisions.js';
import type { ListedDistributions } from '../../evaluation/candidate.js';
import type { DecisionTable } from '../decision-logs/decision-table.js';
import { choicesAt } from './policy.js';

/** The decisions of a table that can be used, and where each stands in it. */
export interface UsableDecisions {
  readonly log: LoggedDecisions;
  /** Row of the table of each decision. */
  rows(from: number, to: number): Int32Array;
  /** Whether the log says what every decision was drawn from. */
  readonly whole: boolean;
}

/** Puts a table into checked columns; what cannot be used is left out and counted. Errors: HR_EVALUATION_EMPTY, HR_EVALUATION_COLUMNS. */
export function decisionsOf(table: DecisionTable): UsableDecisions {
  const { choices, length } = table;
  const log = loggedDecisions(
    {
      reward: table.reward,
      propensity: table.propensity,
      action: table.action,
      actions: table.actions,
      slot: table.slot,
      user: table.user,
      time: table.time?.some(Number.isNaN) === true ? undefined : table.time,
      logger: table.logger && filled(table.logger, table.loggers.length),
      pdrop: table.pdrop && filled(table.pdrop, 0),
      decision: table.decision,
      candidates: table.counts ?? (choices && Float64Array.from({ length }, (_, i) => choices.start[i + 1]! - choices.start[i]! || (table.actions ?? NaN))),
      segment: table.segment && filled(table.segment, table.segments.length),
      joined: table.joined && filled(table.joined, 1),
      late: table.late && filled(table.late, 0),
      context: table.context,
    },
    'leave-out',
  );
  const probability = choices?.probability;
  const whole = probability !== undefined && table.actions !== undefined && !probability.some(Number.isNaN) && choices!.start.every((at, i) => i === 0 || at > choices!.start[i - 1]!);
  return { log, whole, rows: (from, to) => (log.kept === undefined ? Int32Array.from({ length: to - from }, (_, i) => from + i) : log.kept.slice(from, to)) };
}

/** Some decisions of a log, as a log of their own. */
export function part(table: DecisionTable, usable: UsableDecisions, from: number, to: number): LoggedDecisions {
  const { log } = usable;
  let listed: ListedDistributions | undefined;
  if (usable.whole) {
    const { start, probability } = table.choices!;
    const rows = usable.rows(from, to);
    const choices = choicesAt(table, rows, log.actions!);
    listed = { ...choices, probability: new Float64Array(choices.action.length) };
    rows.forEach((row, k) => {
      for (let c = start[row]!, at = choices.start[k]!; c < start[row + 1]!; c++, at++) listed!.probability[at] = probability![c]!;
    });
  }
  const width = (log.context?.length ?? 0) / log.length;
  return {
    ...log,
    length: to - from,
    reward: log.reward.subarray(from, to),
    propensity: log.propensity.subarray(from, to),
    action: log.action?.subarray(from, to),
    slot: log.slot?.subarray(from, to),
    listed,
    user: log.user?.subarray(from, to),
    time: log.time?.subarray(from, to),
    logger: log.logger?.subarray(from, to),
    pdrop: log.pdrop?.subarray(from, to),
    decision: log.decision?.subarray(from, to),
    candidates: log.candidates?.subarray(from, to),
    segment: log.segment?.subarray(from, to),
    joined: log.joined?.subarray(from, to),
    late: log.late?.subarray(from, to),
    context: log.context?.subarray(from * width, to * width),
    kept: undefined,
    given: to - from,
    leftOut: [],
  };
}

function filled(column: Float64Array, missing: number): Float64Array {
  return column.map((x) => (Number.isNaN(x) ? missing : x));
}
