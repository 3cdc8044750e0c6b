import { HeadraceError } from '../../dataflow/errors.js';
import type { DecisionTable } from '../decision-logs/decision-table.js';
import type { UsableDecisions } from './decisions-of.js';

/** What estimates can be told apart by. */
export type GroupBy = 'day' | 'slot' | 'segment';

/** The group of each usable decision. */
export interface Grouping {
  readonly of: Int32Array;
  readonly names: readonly string[];
}

/** Groups in the order of days and slots, segments in the order in which they come. Errors: HR_EVALUATION_COLUMNS where the log does not tell. */
export function groupingOf(table: DecisionTable, { log }: UsableDecisions, by: GroupBy): Grouping {
  const column = by === 'day' ? log.time : by === 'slot' ? log.slot : log.segment;
  if (column === undefined) {
    const needs = { day: 'times', slot: 'slots', segment: 'segments' }[by];
    throw new HeadraceError('HR_EVALUATION_COLUMNS', `${table.source} has no ${needs} for --by ${by}.`, { remedy: by === 'segment' ? 'Name the column of the segment: --by segment:NAME.' : `Log them, or leave --by ${by} out.` });
  }
  const day = 86_400_000;
  const keys = by === 'day' ? Float64Array.from(column, (t) => Math.floor(t / day) * day) : column;
  const order = [...new Set(keys)].sort((a, b) => a - b);
  const numbers = new Map(order.map((key, g) => [key, g]));
  const name = (key: number): string => (by === 'day' ? new Date(key).toISOString().slice(0, 10) : by === 'slot' ? String(key) : (table.segments[key] ?? '(none)'));
  return { of: Int32Array.from(keys, (key) => numbers.get(key)!), names: order.map(name) };
}
