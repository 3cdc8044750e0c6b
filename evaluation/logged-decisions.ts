import { HeadraceError } from '../dataflow/errors.js';
import { badRows, type LeftOut, type OnBad } from './bad-rows.js';
import type { ListedDistributions } from './candidate.js';

/** Numbers from anywhere: null, undefined and NaN are missing. */
export type Numbers = ArrayLike<number | null | undefined>;

/** What was logged, a value a decision in every column. */
export interface DecisionColumns {
  /** Outcome of the shown action. */
  readonly reward: Numbers;
  /** Probability of the shown action when it was chosen: above 0, at most 1. */
  readonly propensity: Numbers;
  /** The shown action, numbered from 0. @default not known: the candidate is then given as probabilities of what was shown */
  readonly action?: Numbers | undefined;
  /** Number of actions that could be chosen. @default not known */
  readonly actions?: number | undefined;
  /** Position on the page, numbered from 0. @default one slot */
  readonly slot?: Numbers | undefined;
  /** Number of slots. @default the largest slot there is, and one */
  readonly slots?: number | undefined;
  /** Whole distribution that was drawn from: decisions × actions, row after row. @default not known */
  readonly distribution?: Float64Array | undefined;
  /** The user, as any number. @default every decision is another user's */
  readonly user?: Numbers | undefined;
  /** Epoch milliseconds. @default not known */
  readonly time?: Numbers | undefined;
  /** The policy that logged the decision, numbered from 0. @default one */
  readonly logger?: Numbers | undefined;
  /** Probability that such a decision was left out of the log (VW's `pdrop`). @default 0 */
  readonly pdrop?: Numbers | undefined;
  /** The id of the decision as any number, e.g. 53 bits of a hash: two rows of one decision are found by it. @default not known */
  readonly decision?: Numbers | undefined;
  /** How many actions this decision could choose from. @default `actions` */
  readonly candidates?: Numbers | undefined;
  /** A part of the traffic that is looked at alone, numbered from 0. @default one */
  readonly segment?: Numbers | undefined;
  /** 1 where an outcome came, 0 where the reward stands for none. @default not known */
  readonly joined?: Numbers | undefined;
  /** 1 where an outcome came too late to count. @default not known */
  readonly late?: Numbers | undefined;
  /** What was known of the situation: decisions × features, row after row. @default none */
  readonly context?: Float64Array | undefined;
}

/** Checked decisions in typed columns. */
export interface LoggedDecisions {
  readonly length: number;
  readonly reward: Float64Array;
  readonly propensity: Float64Array;
  readonly action: Int32Array | undefined;
  readonly actions: number | undefined;
  readonly slot: Int32Array | undefined;
  readonly slots: number;
  readonly distribution: Float64Array | undefined;
  /** The same where what could be chosen differs between decisions: only that. */
  readonly listed?: ListedDistributions | undefined;
  readonly user: Float64Array | undefined;
  readonly time: Float64Array | undefined;
  readonly logger: Int32Array | undefined;
  readonly pdrop: Float64Array | undefined;
  readonly decision: Float64Array | undefined;
  readonly candidates: Float64Array | undefined;
  readonly segment: Int32Array | undefined;
  readonly joined: Float64Array | undefined;
  readonly late: Float64Array | undefined;
  readonly context: Float64Array | undefined;
  /** Where each decision stands in what was given; undefined when all are there. */
  readonly kept: Int32Array | undefined;
  /** How many rows were given. */
  readonly given: number;
  /** What was left out, by code. */
  readonly leftOut: readonly LeftOut[];
}

/** Beyond this, squares of weighted rewards would not fit a double. */
export const largestMagnitude = 1e60;

/** How far the probabilities of a decision may sum from 1. */
const sumTolerance = 1e-6;

/**
 * Checks a log and puts it into typed columns. Typed columns are taken as they are, not copied.
 *
 * *Details*: by default the first bad row refuses the whole log; with `leave-out` bad rows are left out and counted by code in `leftOut`, so that a report can
 * say so: a row that is left out changes what the estimate stands for.
 *
 * @param onBad `refuse` or `leave-out`
 * @throws HR_EVALUATION_PROPENSITY missing, 0, negative or over 1
 * @throws HR_EVALUATION_WEIGHT a propensity under 1e-60
 * @throws HR_EVALUATION_REWARD missing or not finite
 * @throws HR_EVALUATION_ACTION an action or slot that is no whole number from 0, or too large
 * @throws HR_EVALUATION_PMF a distribution with a value outside of [0, 1], or that does not sum to 1 within 1e-6
 * @throws HR_EVALUATION_DROP pdrop outside of [0, 1)
 * @throws HR_EVALUATION_COLUMNS columns of different lengths, or a user, logger, id or segment that is missing
 * @throws HR_EVALUATION_EMPTY no row, or none that is left
 *
 * @example
 * const log = loggedDecisions({ action: [0, 2], reward: [1, 0], propensity: [0.1, 0.5], actions: 3 });
 */
export function loggedDecisions(columns: DecisionColumns, onBad: OnBad = 'refuse'): LoggedDecisions {
  const given = columns.reward.length;
  const { actions } = columns;
  if (given === 0) throw new HeadraceError('HR_EVALUATION_EMPTY', 'The log has no decision.');
  if (actions !== undefined && !(Number.isInteger(actions) && actions > 0)) throw new HeadraceError('HR_EVALUATION_COLUMNS', `The number of actions is ${actions}.`);
  for (const name of ['propensity', 'action', 'slot', 'user', 'time', 'logger', 'pdrop', 'decision', 'candidates', 'segment', 'joined', 'late'] as const) checkLength(name, columns[name]?.length, given);
  if (columns.distribution !== undefined) {
    if (actions === undefined) throw new HeadraceError('HR_EVALUATION_COLUMNS', 'A whole distribution needs the number of actions.');
    checkLength('distribution', columns.distribution.length, given * actions);
  }
  if (columns.context !== undefined && columns.context.length % given !== 0) throw new HeadraceError('HR_EVALUATION_COLUMNS', `context has ${columns.context.length} values for ${given} decisions.`);

  const reward = doubles(columns.reward);
  const propensity = doubles(columns.propensity);
  const action = columns.action && doubles(columns.action);
  const slot = columns.slot && doubles(columns.slot);
  const logger = columns.logger && doubles(columns.logger);
  const pdrop = columns.pdrop && doubles(columns.pdrop);
  const user = columns.user && doubles(columns.user);
  const decision = columns.decision && doubles(columns.decision);
  const candidates = columns.candidates && doubles(columns.candidates);
  const segment = columns.segment && doubles(columns.segment);
  const joined = columns.joined && doubles(columns.joined);
  const late = columns.late && doubles(columns.late);
  const { distribution } = columns;
  const bad = badRows(onBad);
  for (let i = 0; i < given; i++) {
    const p = propensity[i]!;
    const r = reward[i]!;
    if (!(p > 0 && p <= 1)) bad.add('HR_EVALUATION_PROPENSITY', i, `the propensity is ${shown(p)}`);
    else if (p < 1 / largestMagnitude) bad.add('HR_EVALUATION_WEIGHT', i, `the propensity is ${p}`);
    else if (!(Math.abs(r) <= largestMagnitude)) bad.add('HR_EVALUATION_REWARD', i, `the reward is ${shown(r)}`);
    else if (action !== undefined && !isIndex(action[i]!, actions)) bad.add('HR_EVALUATION_ACTION', i, `the action is ${shown(action[i]!)}${actions === undefined ? '' : ` of ${actions}`}`);
    else if (slot !== undefined && !isIndex(slot[i]!, columns.slots)) bad.add('HR_EVALUATION_ACTION', i, `the slot is ${shown(slot[i]!)}${columns.slots === undefined ? '' : ` of ${columns.slots}`}`);
    else if (logger !== undefined && !isIndex(logger[i]!, undefined)) bad.add('HR_EVALUATION_COLUMNS', i, `the logger is ${shown(logger[i]!)}`);
    else if (user !== undefined && Number.isNaN(user[i]!)) bad.add('HR_EVALUATION_COLUMNS', i, 'the user is missing');
    else if (decision !== undefined && Number.isNaN(decision[i]!)) bad.add('HR_EVALUATION_COLUMNS', i, 'the id of the decision is missing');
    else if (segment !== undefined && !isIndex(segment[i]!, undefined)) bad.add('HR_EVALUATION_COLUMNS', i, `the segment is ${shown(segment[i]!)}`);
    else if (candidates !== undefined && !(candidates[i]! >= 1 && isIndex(candidates[i]!, undefined))) bad.add('HR_EVALUATION_COLUMNS', i, `the number of candidates is ${shown(candidates[i]!)}`);
    else if (joined !== undefined && !(joined[i] === 0 || joined[i] === 1)) bad.add('HR_EVALUATION_COLUMNS', i, `joined is ${shown(joined[i]!)}`);
    else if (late !== undefined && !(late[i] === 0 || late[i] === 1)) bad.add('HR_EVALUATION_COLUMNS', i, `late is ${shown(late[i]!)}`);
    else if (pdrop !== undefined && !(pdrop[i]! >= 0 && pdrop[i]! < 1)) bad.add('HR_EVALUATION_DROP', i, `pdrop is ${shown(pdrop[i]!)}`);
    else if (distribution !== undefined) {
      const fault = distributionFault(distribution, i * actions!, actions!);
      if (fault !== undefined) bad.add('HR_EVALUATION_PMF', i, fault);
    }
  }
  const log: LoggedDecisions = {
    length: given,
    reward,
    propensity,
    action: action && Int32Array.from(action),
    actions,
    slot: slot && Int32Array.from(slot),
    slots: columns.slots ?? 1,
    distribution,
    user,
    time: columns.time && doubles(columns.time),
    logger: logger && Int32Array.from(logger),
    pdrop,
    decision,
    candidates,
    segment: segment && Int32Array.from(segment),
    joined,
    late,
    context: columns.context,
    kept: undefined,
    given,
    leftOut: [],
  };
  const left = bad.keep(log);
  return columns.slots === undefined && left.slot !== undefined ? { ...left, slots: left.slot.reduce((most, k) => Math.max(most, k), 0) + 1 } : left;
}

/** What is wrong with the probabilities at `from`, if anything. */
export function distributionFault(distribution: ArrayLike<number>, from: number, actions: number): string | undefined {
  let sum = 0;
  for (let a = 0; a < actions; a++) {
    const p = distribution[from + a]!;
    if (!(p >= 0 && p <= 1)) return `the probability of action ${a} is ${shown(p)}`;
    sum += p;
  }
  return Math.abs(sum - 1) <= sumTolerance ? undefined : `the probabilities sum to ${sum}`;
}

/** A number for a message; NaN is what a missing value has become. */
export function shown(x: number): string {
  return Number.isNaN(x) ? 'missing or not a number' : String(x);
}

export function checkLength(name: string, length: number | undefined, expected: number): void {
  if (length !== undefined && length !== expected) throw new HeadraceError('HR_EVALUATION_COLUMNS', `${name} has ${length} values, where ${expected} are needed.`);
}

function isIndex(x: number, below: number | undefined): boolean {
  return Number.isInteger(x) && x >= 0 && x < (below ?? 0x7fff_ffff);
}

/** Missing values become NaN, never 0 or 1. */
export function doubles(values: Numbers): Float64Array {
  return values instanceof Float64Array ? values : Float64Array.from(values, (x) => (typeof x === 'number' ? x : NaN));
}
