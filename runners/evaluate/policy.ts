import type { Candidate } from '../../evaluation/candidate.js';
import { HeadraceError } from '../../dataflow/errors.js';
import type { DecisionTable } from '../decision-logs/decision-table.js';

/** A policy that was asked for, before there is a log. */
export interface Policy {
  /** As it was asked for. */
  readonly name: string;
  /** Whether it looks at the context of a decision. */
  readonly needsContext: boolean;
  /** Columns of the log that it is read from. */
  readonly columns: readonly string[];
  /** Checks it against a log. Errors: HR_EVALUATION_POLICY, HR_EVALUATION_LOG, HR_EVALUATION_PMF. */
  bind(table: DecisionTable): Promise<BoundPolicy>;
}

/** A policy on a log. */
export interface BoundPolicy {
  /** Whether it knows its probability of every action, as an outcome model needs; else only of what was shown. */
  readonly whole: boolean;
  /** Numbers a decision that `at` makes: 1, or the number of actions. */
  readonly width: number;
  /** What it would do at some rows of the table, in their order. Errors: HR_EVALUATION_POLICY, HR_EVALUATION_PMF. */
  at(rows: Int32Array): Promise<Candidate>;
  close?(): Promise<void>;
}

/** The number of actions of a log, for those who cannot do without. Errors: HR_EVALUATION_LOG. */
export function actionsOf(table: DecisionTable, policy: string): number {
  if (table.actions !== undefined) return table.actions;
  throw new HeadraceError('HR_EVALUATION_LOG', `${table.source} does not say which actions there were, and the policy ${policy} has to know.`, { remedy: 'Log the field `actions`, or give the candidate as a column: --policy column:NAME.' });
}

/** Whether what could be chosen differs between decisions. */
export function varies({ choices, counts }: DecisionTable): boolean {
  return choices !== undefined || counts !== undefined;
}

/** Actions that could be chosen at some rows: those of row `i` are from `start[i]` up to `start[i + 1]`. */
export interface RowChoices {
  readonly start: Int32Array;
  readonly action: Int32Array;
}

/** What could be chosen at some rows of a table, in the order of its lists. */
export function choicesAt(table: DecisionTable, rows: Int32Array, actions: number): RowChoices {
  const start = new Int32Array(rows.length + 1);
  rows.forEach((row, k) => {
    let count = 0;
    if (table.choices === undefined) count = table.counts?.[row] ?? actions;
    else count = table.choices.start[row + 1]! - table.choices.start[row]! || actions;
    start[k + 1] = start[k]! + count;
  });
  const action = new Int32Array(start[rows.length]!);
  rows.forEach((row, k) => forChoices(table, row, actions, (a, place) => (action[start[k]! + place] = a)));
  return { start, action };
}

/** Numbers a decision, on average, of what could be chosen. */
export function choiceWidth({ choices, length }: DecisionTable, actions: number): number {
  return choices === undefined || length === 0 ? actions : Math.ceil(choices.action.length / length);
}

/** Calls `each` with every action that could be chosen at a row, and its place among them. */
export function forChoices(table: DecisionTable, row: number, actions: number, each: (action: number, place: number) => void): void {
  if (table.choices === undefined) {
    const count = table.counts?.[row] ?? actions;
    for (let a = 0; a < count; a++) each(a, a);
    return;
  }
  const { start, action } = table.choices;
  // a line may have no list of its own: then it had all
  if (start[row] === start[row + 1]) for (let a = 0; a < actions; a++) each(a, a);
  for (let k = start[row]!; k < start[row + 1]!; k++) each(action[k]!, k - start[row]!);
}

/** Probabilities of single precision are this far from a sum of 1 at most; nearer ones are made 1. */
const singlePrecision = 1e-4;

/**
 * Checks what a policy gave to the actions that could be chosen at a row, and makes its sum 1 where it is that up to single precision.
 *
 * @throws HR_EVALUATION_PMF
 */
export function checkListed(table: DecisionTable, row: number, policy: string, of: Float64Array, choices: RowChoices, k: number): void {
  const [from, to] = [choices.start[k]!, choices.start[k + 1]!];
  normalise(of, from, to, checkedSum(table, row, policy, of, from, to, (c) => choices.action[c]!));
}

/** The candidate of probabilities of what could be chosen: listed where that differs between decisions. */
export function listedCandidate(table: DecisionTable, choices: RowChoices, probability: Float64Array): Candidate {
  return varies(table) ? { listed: { ...choices, probability } } : { distribution: probability };
}

/**
 * Checks the distribution that a policy gave at a row, and makes its sum 1 where it is that up to single precision.
 *
 * @param of holds it from `at` on
 * @throws HR_EVALUATION_PMF
 */
export function checkDistribution(table: DecisionTable, row: number, policy: string, of: Float64Array, at: number, actions: number): void {
  const sum = checkedSum(table, row, policy, of, at, at + actions, (k) => k - at);
  if (varies(table)) {
    let possible = 0;
    forChoices(table, row, actions, (a) => (possible += of[at + a]!));
    if (sum - possible > singlePrecision) throw wrong(table, row, policy, `it gives ${sum - possible} to actions that could not be chosen there`);
  }
  normalise(of, at, at + actions, sum);
}

function checkedSum(table: DecisionTable, row: number, policy: string, of: Float64Array, from: number, to: number, actionAt: (place: number) => number): number {
  let sum = 0;
  for (let k = from; k < to; k++) {
    const p = of[k]!;
    if (!(p >= 0 && p <= 1 + singlePrecision)) throw wrong(table, row, policy, `its probability of action ${nameOf(table, actionAt(k))} is ${Number.isNaN(p) ? 'not a number' : p}`);
    sum += p;
  }
  if (!(Math.abs(sum - 1) <= singlePrecision)) throw wrong(table, row, policy, `its probabilities sum to ${sum}`);
  return sum;
}

function normalise(of: Float64Array, from: number, to: number, sum: number): void {
  if (sum !== 1) for (let k = from; k < to; k++) of[k]! /= sum;
}

function wrong(table: DecisionTable, row: number, policy: string, what: string): HeadraceError {
  return new HeadraceError('HR_EVALUATION_PMF', `The policy ${policy} is no distribution at ${table.place(row)} of ${table.source}: ${what}.`);
}

export function nameOf(table: DecisionTable, action: number): string {
  return table.names?.[action] ?? String(action);
}
