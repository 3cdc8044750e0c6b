import type { PolicyValue } from './policy-value.js';
import { calibration } from './quality/calibration.js';
import { logLoss } from './quality/log-loss.js';
import { entropyRatio } from './quality/normalized-entropy.js';
import { pairedBootstrap, type PairedScores } from './quality/paired-bootstrap.js';
import { populationStability } from './quality/population-stability.js';

/** Limits of the gate. */
export interface GateLimits {
  /** Normalised entropy may be worse by so much of the champion's. @default 0.01 */
  readonly entropy?: number;
  /** The same on the replay set: what was learned before. @default 0.02 */
  readonly replayEntropy?: number;
  /** The same in a segment. @default 0.05 */
  readonly segmentEntropy?: number;
  /** AUC may be lower by so much. @default 0.005 */
  readonly auc?: number;
  /** Predicted over seen clicks. @default [0.95, 1.05] */
  readonly calibration?: readonly [number, number];
  /** Slope of the logit. @default [0.8, 1.25] */
  readonly slope?: readonly [number, number];
  /** Population stability index of the scores, beyond what chance gives, unless the candidate is surely better: then its scores have to move. @default 0.25 */
  readonly stability?: number;
  /** Share of the champion's coverage that has to be left: items that get the top tenth of the scores. @default 0.5 */
  readonly coverage?: number;
  /** Length of the parameters over that of the champion: a training of an hour moves it by a few percent. @default 1.5 */
  readonly norm?: number;
  /** Time to score a hundred candidates (ms), the median of some tries. @default 20 */
  readonly latencyMs?: number;
  /** The same over the champion's. @default 2 */
  readonly latencyRatio?: number;
  /** Slots of the candidate's own that the logged ones have to stand for, to value it by: their effective sample size. @default 20 */
  readonly effective?: number;
  /** Entropy that is better by more than this share of the champion's is not believed: it has seen the answers. @default 0.3 */
  readonly tooGood?: number;
  /** Clicks that a set or segment needs to be judged. @default 100 */
  readonly leastClicks?: number;
}

/** A set of examples that both heads have scored. */
export interface ScoredSet extends PairedScores {
  readonly items: Int32Array;
}

/** How long both heads take to score the same examples (ms). */
export interface ScoringTimes {
  readonly champion: number;
  readonly candidate: number;
}

/** What the gate looks at. */
export interface GateInput {
  /** Examples that neither head has learned from: those of the next hour. */
  readonly unseen: ScoredSet;
  /** There is no champion yet: `champion` is the click rate, and what needs the one before is not looked at. @default false */
  readonly isFirst?: boolean;
  /** First event time of `unseen`, and newest event time that the candidate has learned from (epoch ms). */
  readonly unseenFrom: number;
  readonly trainedTo: number;
  /** A sample of all history; undefined where there is none yet. */
  readonly replay?: ScoredSet;
  /** Examples of `unseen` in a segment, by its name: new users, new items, the top category. */
  readonly segments?: Readonly<Record<string, Uint8Array>>;
  readonly parameters: { readonly champion: Float32Array; readonly candidate: Float32Array };
  /** Times to score the same examples (ms). */
  readonly latency?: ScoringTimes;
  /** Value of the candidate's policy less the champion's, from the decision log. */
  readonly policyValue?: PolicyValue;
  readonly seed: number;
}

/** One thing that was looked at. */
export interface GateCheck {
  readonly name: string;
  readonly value: number | null;
  /** What it had to be, in words. */
  readonly limit: string;
  /** `held`: it could not be judged. */
  readonly verdict: 'passed' | 'rejected' | 'held';
  readonly why: string;
  /** Of a value that pictures show with its uncertainty. */
  readonly interval?: { readonly low: number; readonly high: number };
}

/** `rejected` when a check rejects, `held` when one could not be judged; else `passed`. In both other cases the champion keeps serving. */
export interface GateVerdict {
  readonly verdict: GateCheck['verdict'];
  readonly checks: readonly GateCheck[];
}

/** A candidate that is slower by less is not called slow, whatever the ratio: clocks and caches come to that (ms). */
const leastDelayMs = 1;

/** Standard errors by which a number has to lie outside of its limits. Two sides of a normal: 1 in 740 by chance. */
const sure = 3;

/**
 * Compares a candidate with the champion on the same examples and says whether it may be shown to users.
 *
 * *Details*: a check that rests on chance rejects only when the excess over its limit is larger than its own uncertainty explains, so that honest candidates pass on small hours as well; users are the units
 * of resampling. What cannot be judged holds the candidate back: the next hour decides.
 */
export function gate(input: GateInput, limits: GateLimits = {}): GateVerdict {
  const { unseen, parameters } = input;
  const checks: GateCheck[] = [];
  const check = (name: string, value: number | null, limit: string, rejects: boolean, why: string) => checks.push({ name, value, limit, verdict: rejects ? 'rejected' : 'passed', why });
  const finite = [parameters.candidate, unseen.candidate, input.replay?.candidate ?? []].every((numbers) => everyFinite(numbers));
  check('finite', null, 'every parameter and score is a number', !finite, finite ? 'all are' : 'some are not');
  const tooLate = input.trainedTo >= input.unseenFrom;
  check('unseen', input.trainedTo - input.unseenFrom, 'it has learned from earlier examples only', tooLate, tooLate ? 'it has learned from the examples that it is judged by' : 'the examples are new to it');
  if (!finite) return verdictOf(checks);

  const leastClicks = limits.leastClicks ?? 100;
  const clicked = sumOf(unseen.clicks);
  if (clicked < leastClicks || unseen.clicks.length - clicked < leastClicks) {
    checks.push({ name: 'examples', value: clicked, limit: `at least ${leastClicks} with and without a click`, verdict: 'held', why: `there are ${clicked} clicks in ${unseen.clicks.length} examples` });
    return verdictOf(checks);
  }
  let isBetter = false;
  const compare = (name: string, set: PairedScores, allowed: number) => {
    const champion = entropyOf(set.champion, set.clicks);
    const { entropy, auc } = pairedBootstrap(set, { seed: input.seed, auc: name === 'entropy' && input.isFirst !== true });
    if (entropy === null || champion === null) return;
    const excess = entropy.difference / champion;
    check(name, excess, `at most ${allowed} above the champion's`, excess > allowed && entropy.low > 0, `${signed(entropy.difference)} (${signed(entropy.low)} to ${signed(entropy.high)}) on the champion's ${champion.toFixed(4)}`);
    if (name !== 'entropy') return;
    isBetter = entropy.high < 0;
    if (input.isFirst) return;
    const tooGood = limits.tooGood ?? 0.3;
    check('too good', -excess, `at most ${tooGood} below the champion's`, -excess > tooGood, 'a candidate that is so much better has seen what it should predict');
    if (auc !== null) check('auc', auc.difference, `at least ${-(limits.auc ?? 0.005)}`, -auc.difference > (limits.auc ?? 0.005) && auc.high < 0, `${signed(auc.difference)} (${signed(auc.low)} to ${signed(auc.high)})`);
  };
  compare('entropy', unseen, limits.entropy ?? 0.01);
  if (input.replay !== undefined && sumOf(input.replay.clicks) >= leastClicks) compare('replay entropy', input.replay, limits.replayEntropy ?? 0.02);
  for (const [name, members] of Object.entries(input.segments ?? {})) {
    const rows = Int32Array.from({ length: members.length }, (_, i) => i).filter((i) => members[i] === 1);
    const set: PairedScores = { champion: at(unseen.champion, rows), candidate: at(unseen.candidate, rows), clicks: at(unseen.clicks, rows), users: rows.map((i) => unseen.users[i]!) };
    if (sumOf(set.clicks) >= leastClicks) compare(`entropy of ${name}`, set, limits.segmentEntropy ?? 0.05);
  }

  const calibrated = calibration(unseen.candidate, unseen.clicks)!;
  const [least, most] = limits.calibration ?? [0.95, 1.05];
  const off = Math.max(calibrated.ratio - most, least - calibrated.ratio);
  check('calibration', calibrated.ratio, `from ${least} to ${most}`, off > sure * calibrated.standardError, `${calibrated.ratio.toFixed(3)}, standard error ${calibrated.standardError.toFixed(3)}`);
  const [flat, steep] = limits.slope ?? [0.8, 1.25];
  const bent = Math.max(calibrated.slope - steep, flat - calibrated.slope);
  check('slope', calibrated.slope, `from ${flat} to ${steep}`, bent > sure * calibrated.slopeStandardError, `${calibrated.slope.toFixed(3)}, standard error ${calibrated.slopeStandardError.toFixed(3)}: below 1 is over-confident`);

  if (input.isFirst) return verdictOf(checks);
  const moved = populationStability(unseen.champion, unseen.candidate);
  const stability = limits.stability ?? 0.25;
  if (moved !== null) check('stability', moved.index, `at most ${stability}`, !isBetter && moved.index - moved.expected - sure * moved.deviation > stability, `index ${moved.index.toFixed(3)}; chance gives ${moved.expected.toFixed(3)}${isBetter ? '; a candidate that is surely better may move its scores' : ''}`);
  const coverage = coverageOf(unseen.candidate, unseen.items) / coverageOf(unseen.champion, unseen.items);
  check('coverage', coverage, `at least ${limits.coverage ?? 0.5} of the champion's`, coverage < (limits.coverage ?? 0.5), `the top tenth of the scores goes to ${(100 * coverage).toFixed(0)} % as many items`);
  const norm = Math.sqrt(squares(parameters.candidate) / Math.max(squares(parameters.champion), Number.MIN_VALUE));
  check('norm', norm, `at most ${limits.norm ?? 1.5} of the champion's`, norm > (limits.norm ?? 1.5), `${norm.toFixed(2)} times the champion's`);
  if (input.latency !== undefined) {
    const { champion, candidate } = input.latency;
    const { latencyMs = 20, latencyRatio = 2 } = limits;
    const isSlow = candidate > latencyMs || (candidate > latencyRatio * champion && candidate - champion > leastDelayMs);
    // The one number that is the machine's: it is told where it decides, so that a training that is repeated has the same verdict.
    check('latency', isSlow ? candidate : null, `at most ${latencyMs} ms and ${latencyRatio} times the champion's`, isSlow, isSlow ? `${candidate.toFixed(1)} ms, the champion's ${champion.toFixed(1)} ms` : 'within it');
  }
  if (input.policyValue !== undefined) {
    const { difference, low, high, slots, effective } = input.policyValue;
    const least = limits.effective ?? 20;
    const seen = `${signed(difference)} clicks a slot (${signed(low)} to ${signed(high)}), by ${slots} logged slots that stand for ${effective.toFixed(0)} of the candidate's`;
    if (effective < least) checks.push({ name: 'policy value', value: effective, limit: `logged slots that stand for at least ${least}`, verdict: 'held', why: `${slots} logged slots stand for ${effective.toFixed(0)} of the candidate's` });
    else checks.push({ name: 'policy value', value: difference, limit: 'not surely below the champion’s', verdict: high < 0 ? 'rejected' : 'passed', why: seen, interval: { low, high } });
  }
  return verdictOf(checks);
}

function verdictOf(checks: readonly GateCheck[]): GateVerdict {
  const has = (verdict: GateCheck['verdict']) => checks.some((c) => c.verdict === verdict);
  return { verdict: has('rejected') ? 'rejected' : has('held') ? 'held' : 'passed', checks };
}

/** Items among the top tenth of the scores, as the number of equally frequent ones that would be as diverse: exp of their entropy. */
function coverageOf(scores: ArrayLike<number>, items: Int32Array): number {
  const order = Int32Array.from({ length: scores.length }, (_, i) => i).sort((a, b) => scores[b]! - scores[a]! || a - b);
  const top = order.subarray(0, Math.max(1, Math.floor(scores.length / 10)));
  const counts = new Map<number, number>();
  for (const i of top) counts.set(items[i]!, (counts.get(items[i]!) ?? 0) + 1);
  let entropy = 0;
  for (const n of counts.values()) entropy -= (n / top.length) * Math.log(n / top.length);
  return Math.exp(entropy);
}

function entropyOf(scores: ArrayLike<number>, clicks: ArrayLike<number>): number | null {
  let loss = 0;
  for (let i = 0; i < clicks.length; i++) loss += logLoss(scores[i]!, clicks[i]!);
  return entropyRatio(loss, sumOf(clicks), clicks.length);
}

function at(values: ArrayLike<number>, rows: Int32Array): Float64Array {
  return Float64Array.from(rows, (i) => values[i]!);
}

function sumOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}

function squares(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!;
  return sum;
}

function everyFinite(values: ArrayLike<number>): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i]!)) return false;
  return true;
}

function signed(x: number): string {
  return `${x < 0 ? '-' : '+'}${Math.abs(x).toFixed(4)}`;
}
