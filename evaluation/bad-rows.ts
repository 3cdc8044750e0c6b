import { type ErrorCode, HeadraceError } from '../dataflow/errors.js';
import type { ListedDistributions } from './candidate.js';
import type { LoggedDecisions } from './logged-decisions.js';

/** What happens to a log with a row that cannot be used. */
export type OnBad = 'refuse' | 'leave-out';

/** Rows that were left out for one reason. */
export interface LeftOut {
  readonly code: ErrorCode;
  readonly rows: number;
  /** Index of the first one, in what was given. */
  readonly first: number;
  /** What is wrong with that one. */
  readonly example: string;
}

/** Collects the bad rows of a log; with `refuse`, throws at the first. */
export function badRows(onBad: OnBad): { add(code: ErrorCode, row: number, fault: string): void; keep(log: LoggedDecisions): LoggedDecisions } {
  const found = new Map<ErrorCode, { rows: number; first: number; example: string }>();
  let rows: number[] = [];
  return {
    add(code, row, fault) {
      if (onBad === 'refuse') throw new HeadraceError(code, `Decision ${row} of the log: ${fault}.`);
      const seen = found.get(code);
      if (seen === undefined) found.set(code, { rows: 1, first: row, example: fault });
      else seen.rows++;
      rows.push(row);
    },
    keep(log) {
      if (rows.length === 0) return log;
      const left = withoutRows(log, rows);
      rows = [];
      const origin = (row: number): number => log.kept?.[row] ?? row;
      const leftOut = [...log.leftOut, ...Array.from(found, ([code, { rows, first, example }]) => ({ code, rows, first: origin(first), example }))];
      if (left.length === 0) throw new HeadraceError('HR_EVALUATION_EMPTY', `None of the ${log.given} decisions can be used: ${leftOut.map((l) => `${l.rows} × ${l.code} (${l.example})`).join(', ')}.`);
      return { ...left, leftOut };
    },
  };
}

/** The log without some rows, which are sorted. */
function withoutRows(log: LoggedDecisions, rows: readonly number[]): LoggedDecisions {
  const keep = new Int32Array(log.length - rows.length);
  let at = 0;
  let next = 0;
  for (let i = 0; i < log.length; i++) {
    if (rows[next] === i) next++;
    else keep[at++] = i;
  }
  const doubles = (column: Float64Array | undefined): Float64Array | undefined => column && Float64Array.from(keep, (i) => column[i]!);
  const integers = (column: Int32Array | undefined): Int32Array | undefined => column && Int32Array.from(keep, (i) => column[i]!);
  const wide = (column: Float64Array | undefined): Float64Array | undefined => {
    if (column === undefined) return undefined;
    const width = column.length / log.length;
    const out = new Float64Array(keep.length * width);
    keep.forEach((i, k) => out.set(column.subarray(i * width, (i + 1) * width), k * width));
    return out;
  };
  return {
    ...log,
    length: keep.length,
    reward: doubles(log.reward)!,
    propensity: doubles(log.propensity)!,
    action: integers(log.action),
    slot: integers(log.slot),
    distribution: wide(log.distribution),
    listed: log.listed && listedRows(log.listed, keep),
    user: doubles(log.user),
    time: doubles(log.time),
    logger: integers(log.logger),
    pdrop: doubles(log.pdrop),
    decision: doubles(log.decision),
    candidates: doubles(log.candidates),
    segment: integers(log.segment),
    joined: doubles(log.joined),
    late: doubles(log.late),
    context: wide(log.context),
    kept: keep.map((i) => log.kept?.[i] ?? i),
  };
}

function listedRows({ start, action, probability }: ListedDistributions, keep: Int32Array): ListedDistributions {
  const ends = new Int32Array(keep.length + 1);
  keep.forEach((i, k) => (ends[k + 1] = ends[k]! + start[i + 1]! - start[i]!));
  const [actions, probabilities] = [new Int32Array(ends[keep.length]!), new Float64Array(ends[keep.length]!)];
  keep.forEach((i, k) => {
    actions.set(action.subarray(start[i], start[i + 1]), ends[k]);
    probabilities.set(probability.subarray(start[i], start[i + 1]), ends[k]);
  });
  return { start: ends, action: actions, probability: probabilities };
}
