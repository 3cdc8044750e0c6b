import { loggedDecisions, type LoggedDecisions } from '../../evaluation/logged-decisions.js';
import type { DecisionTable } from '../decision-logs/decision-table.js';
import type { UsableDecisions } from './decisions-of.js';

/** Slates as single decisions. */
export interface JointSlates {
  readonly log: LoggedDecisions;
  /** Of each candidate: its probability of each whole slate. */
  readonly shown: readonly Float64Array[];
  /** A row of the table in each slate. */
  readonly rows: readonly number[];
}

/** Multiplies the probabilities of the slots of each slate, and adds up their rewards. */
export function jointSlates(table: DecisionTable, { log, rows }: UsableDecisions, candidates: readonly Float64Array[]): JointSlates {
  const numbers = new Map<number, number>();
  const first: number[] = [];
  const of = Int32Array.from(rows(0, log.length), (row, i) => {
    const id = table.slate?.[row] ?? i;
    const known = numbers.get(id);
    if (known !== undefined) return known;
    numbers.set(id, numbers.size);
    return first.push(i) - 1;
  });
  const reward = new Float64Array(first.length);
  const propensity = new Float64Array(first.length).fill(1);
  const shown = candidates.map(() => new Float64Array(first.length).fill(1));
  for (let i = 0; i < log.length; i++) {
    const s = of[i]!;
    reward[s]! += log.reward[i]!;
    propensity[s]! *= log.propensity[i]!;
    candidates.forEach((candidate, k) => (shown[k]![s]! *= candidate[i]!));
  }
  const column = (values: ArrayLike<number> | undefined): Float64Array | undefined => values && Float64Array.from(first, (i) => values[i]!);
  return {
    log: loggedDecisions({ reward, propensity, user: column(log.user), time: column(log.time), pdrop: column(log.pdrop), segment: column(log.segment) }),
    shown,
    rows: first.map((i) => (log.kept === undefined ? i : log.kept[i]!)),
  };
}
