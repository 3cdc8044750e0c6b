import { normal } from '../../dataflow/normal.js';
import { type Random, splitmix } from '../../dataflow/splitmix.js';
import type { Candidate } from '../../evaluation/candidate.js';
import type { DecisionColumns } from '../../evaluation/logged-decisions.js';

/** What is wrong with a simulated log. */
export const logFaults = {
  'uniform-propensities': 'propensities are logged as 1 / number of actions',
  'later-model': 'propensities are recomputed from a later model',
  rounded: 'propensities are rounded to two digits',
  'shown-otherwise': 'every third decision shows action 0 instead of what was drawn; the propensity stays',
  're-ranked': 'half of the odd actions are replaced by the one before; the propensity is that of what is shown',
  'dropped-policy': 'outcomes of one of two policies are lost',
  'dropped-action': 'outcomes of the action that is shown most are lost',
  'no-overlap': 'the candidate does only what the log never shows',
  'giant-weight': 'one propensity is 1e-6',
  repeated: '3 % of the decisions are in the log twice',
  'policy-change': 'another policy logs the second half',
} as const;

export type LogFault = keyof typeof logFaults;

/** Settings of `simulatedDecisions`. */
export interface SimulatedDecisionsOptions {
  readonly decisions: number;
  readonly actions: number;
  readonly seed: number;
  /** Seed of the policies and of what users like; `seed` is then that of users and chance. @default seed */
  readonly world?: number;
  /** Of the logging policy: 0.3 is flat, 2 is peaked. @default 1 */
  readonly peak?: number;
  /** Share of decisions that are drawn evenly. @default 0.05 */
  readonly floor?: number;
  /** Whether policies and outcomes depend on four features. @default true */
  readonly contextual?: boolean;
  /** Even, near the logging policy, or near it and sharper. @default 'near' */
  readonly candidate?: 'uniform' | 'near' | 'sharper';
  /** Log the whole distributions too. @default false */
  readonly distributions?: boolean;
  /** @default none */
  readonly fault?: LogFault;
}

/** A log, a candidate, and what the candidate is truly worth for these users. */
export interface SimulatedDecisions {
  readonly columns: DecisionColumns;
  readonly candidate: Candidate;
  readonly truth: number;
}

const features = 4;

/**
 * A log of decisions of a softmax policy over users with four features, with clicks; sound, or with one planted fault.
 *
 * *When to use*: to see what an evaluation does with a log whose truth is known. *Details*: the same options give the same log.
 *
 * @example
 * const { columns, candidate, truth } = simulatedDecisions({ decisions: 10_000, actions: 5, seed: 1, fault: 'rounded' });
 * evaluate([loggedDecisions(columns)], candidate).findings[0]!.code;
 */
export function simulatedDecisions(options: SimulatedDecisionsOptions): SimulatedDecisions {
  const { decisions: n, actions, seed, world = seed, peak = 1, floor = 0.05, contextual = true, candidate = 'near', distributions = false, fault } = options;
  const random = splitmix(world);
  const coefficients = (): Float64Array => Float64Array.from({ length: actions * (features + 1) }, (_, k) => (k % (features + 1) === 0 ? normal(random.real) : contextual ? normal(random.real) / 2 : 0));
  const logging = coefficients();
  const outcome = coefficients();
  const moved = (from: Float64Array, by: number): Float64Array => {
    const other = coefficients();
    return from.map((c, k) => c + by * other[k]!);
  };
  const later = moved(logging, 0.7);
  const wanted = moved(logging, 0.5);
  if (world !== seed) random.seed(1, seed);
  const context = Float64Array.from({ length: n * features }, () => normal(random.real));
  const columns = { action: new Float64Array(n), propensity: new Float64Array(n), reward: new Float64Array(n), logger: new Float64Array(n), decision: new Float64Array(n), time: new Float64Array(n) };
  const logged = new Float64Array(n * actions);
  const proposed = new Float64Array(n * actions);
  const drawn = new Float64Array(actions);
  const favourite = largest(Float64Array.from({ length: actions }, (_, a) => logging[a * (features + 1)]!));
  let worth = 0;
  for (let i = 0; i < n; i++) {
    const x = context.subarray(i * features, (i + 1) * features);
    const at = logged.subarray(i * actions, (i + 1) * actions);
    const want = proposed.subarray(i * actions, (i + 1) * actions);
    softmax(drawn, fault === 'policy-change' && i >= n / 2 ? later : logging, x, peak, floor);
    softmax(want, wanted, x, candidate === 'uniform' ? 0 : candidate === 'sharper' ? 2 * peak : peak, floor);
    if (fault === 'no-overlap') {
      restrict(drawn, (a) => a < actions / 2);
      restrict(want, (a) => a >= actions / 2);
    }
    const chosen = draw(random, drawn);
    at.set(drawn);
    if (fault === 'uniform-propensities') at.fill(1 / actions);
    if (fault === 'later-model') softmax(at, later, x, peak, floor);
    // a floor under the rounding, without which rare actions would have a propensity of 0
    if (fault === 'rounded') at.forEach((p, a) => (at[a] = Math.max(0.01, Math.round(100 * p) / 100)));
    const shown = fault === 'shown-otherwise' && random.below(3) === 0 ? 0 : fault === 're-ranked' && chosen % 2 === 1 && random.below(2) === 0 ? chosen - 1 : chosen;
    columns.action[i] = shown;
    columns.propensity[i] = at[fault === 'shown-otherwise' ? chosen : shown]!;
    const rates = (a: number): number => 1 / (1 + Math.exp(1.5 - score(outcome, a, x)));
    for (let a = 0; a < actions; a++) worth += (want[a]! * rates(a)) / n;
    columns.logger[i] = random.below(2);
    const lost = (fault === 'dropped-policy' && columns.logger[i] === 1) || (fault === 'dropped-action' && shown === favourite);
    columns.reward[i] = Number(random.unit() < rates(shown) && !lost);
    columns.decision[i] = i;
    columns.time[i] = 1_700_000_000_000 + i * 1000;
  }
  if (fault === 'giant-weight') {
    const i = random.below(n);
    columns.propensity[i] = 1e-6;
    // the candidate has to want it, to give it a weight
    if (proposed[i * actions + columns.action[i]!]! < 0.01) columns.action[i] = largest(proposed.subarray(i * actions, (i + 1) * actions));
  }
  if (fault === 'repeated') {
    for (let k = 0; k < n * 0.03; k++) {
      const from = random.below(n);
      const to = random.below(n);
      for (const column of Object.values(columns)) column[to] = column[from]!;
      for (const wide of [logged, proposed]) wide.copyWithin(to * actions, from * actions, (from + 1) * actions);
    }
  }
  const { logger, ...always } = columns;
  return {
    columns: { ...always, actions, ...(fault === 'dropped-policy' && { logger }), ...(distributions && { distribution: logged }) },
    candidate: distributions || candidate === 'uniform' ? (candidate === 'uniform' && fault !== 'no-overlap' ? { uniform: true } : { distribution: proposed }) : { shown: Float64Array.from(columns.action, (a, i) => proposed[i * actions + a]!) },
    truth: worth,
  };
}

function score(coefficients: Float64Array, action: number, x: Float64Array): number {
  const at = action * (features + 1);
  let z = coefficients[at]!;
  for (let k = 0; k < features; k++) z += coefficients[at + 1 + k]! * x[k]!;
  return z;
}

/** Softmax of scores × peak, mixed with an even draw. */
function softmax(out: Float64Array, coefficients: Float64Array, x: Float64Array, peak: number, floor: number): void {
  let most = -Infinity;
  for (let a = 0; a < out.length; a++) {
    out[a] = peak * score(coefficients, a, x);
    most = Math.max(most, out[a]!);
  }
  let sum = 0;
  for (let a = 0; a < out.length; a++) sum += out[a] = Math.exp(out[a]! - most);
  for (let a = 0; a < out.length; a++) out[a] = ((1 - floor) * out[a]!) / sum + floor / out.length;
}

function restrict(of: Float64Array, may: (action: number) => boolean): void {
  let sum = 0;
  for (let a = 0; a < of.length; a++) sum += of[a] = may(a) ? of[a]! : 0;
  for (let a = 0; a < of.length; a++) of[a]! /= sum;
}

function draw(random: Random, of: Float64Array): number {
  let u = random.real();
  for (let a = 0; a < of.length; a++) if ((u -= of[a]!) < 0) return a;
  return largest(of);
}

function largest(of: Float64Array): number {
  return of.reduce((best, p, a) => (p > of[best]! ? a : best), 0);
}
