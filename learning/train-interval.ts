import { asHeadraceError } from '../dataflow/errors.js';
import { splitmix } from '../dataflow/splitmix.js';
import type { Base } from './base/base.js';
import { decodeChoices } from './choice-blocks.js';
import { gate, type GateCheck, type GateVerdict } from './gate.js';
import { type HeadPlan, inputNames } from './head-plan.js';
import type { HeadSessions } from './head-sessions.js';
import { clickedLess, worseThan } from './guardrails.js';
import { encodeHead, type HeadState, newHead } from './head-state.js';
import { recalibrated } from './negative-sampling.js';
import { type Bases, basesOf, openHead, type OpenHead } from './open-head.js';
import { auc } from './quality/auc.js';
import { normalizedEntropy } from './quality/normalized-entropy.js';
import { populationStability } from './quality/population-stability.js';
import { policyValue, type PolicyValue } from './policy-value.js';
import { drawOf, reservoirThreshold, smallestDraws } from './reservoir.js';
import { scoringTimes } from './scoring-times.js';
import { decodeColumns, examplesOf, filtered, inOneOrder, joined, picked, type RowColumns } from './row-blocks.js';

/** A version of the head as it is kept. */
export interface KeptHead {
  readonly version: number;
  readonly bytes: Uint8Array;
  /** Share of examples without a click that it has learned from. */
  readonly negatives: number;
  /** Why its bytes could not be had. */
  readonly problem?: string;
}

/** What a training of one interval is a function of. Blocks are those of `encodeColumns`. */
export interface IntervalTask {
  /** First moment of the interval (epoch ms). */
  readonly start: number;
  /** undefined: none has passed the gate yet. */
  readonly champion: KeptHead | undefined;
  /** The champion before it, while there is one to go back to. */
  readonly previous: KeptHead | undefined;
  /** Versions on their way to be champion, oldest first, and whether they have a share of the traffic. */
  readonly trials: readonly (KeptHead & { readonly isCanary: boolean })[];
  /** Examples from before, which nothing has learned from. */
  readonly carried: readonly Uint8Array[];
  /** Those of the interval that the candidate learns from, and those that it is judged by. */
  readonly learned: readonly Uint8Array[];
  readonly judged: readonly Uint8Array[];
  /** Candidates for the reservoir: those with draws up to `threshold` are in it. */
  readonly reservoir: readonly Uint8Array[];
  readonly threshold: number;
  /** Digest of the present base, and the bytes of all that heads name. */
  readonly base?: string;
  readonly bases?: Readonly<Record<string, Uint8Array>>;
  /** Where the newest head is of another base: examples that were learned already, to warm it on. */
  readonly recent: readonly Uint8Array[];
  /** Decisions that policies are valued by, of `encodeChoices`. */
  readonly choices: readonly Uint8Array[];
}

/** How scores compare with what was seen; null where the examples have one label only. */
export interface ScoreQuality {
  readonly auc: number | null;
  readonly entropy: number | null;
  /** Predicted over seen clicks. */
  readonly calibration: number | null;
}

/** What became of an interval. A function of its task: the same on every run. */
export interface IntervalOutcome {
  readonly start: number;
  readonly examples: number;
  readonly clicks: number;
  /** Of the champion on the whole interval, before anything learned from it. */
  readonly progressive: ScoreQuality | undefined;
  /** Inputs that have moved away from those of the reservoir, by name: their population stability index. */
  readonly movedInputs: Readonly<Record<string, number>>;
  /** Of the candidate on what it is judged by. */
  readonly candidate: ScoreQuality | undefined;
  /** Examples that were learned from, and those of them that came from the reservoir. */
  readonly learned: number;
  readonly replayed: number;
  readonly verdict: GateVerdict;
  /** What happens to the examples: learned and sampled, left out for good, or kept for the next interval. */
  readonly rows: 'learned' | 'dropped' | 'carried';
  readonly threshold: number;
  /** What was trained, and the version that it was trained from. */
  readonly head: Omit<KeptHead, 'version'> | undefined;
  readonly parent: number | null;
  /** Why the champion had to give its place back to the one before. */
  readonly rolledBack: string | undefined;
  /** The first of the trials that had to go, and those behind it with it, since they were trained from it; why. */
  readonly failedTrial: { readonly index: number; readonly why: string } | undefined;
  /** Whether the interval has enough to judge a trial by: only then it goes on. */
  readonly judgesTrials: boolean;
}

/** Examples of the reservoir that nothing was trained on this time: the candidate must not have forgotten them. */
const replayJudged = 10_000;
/** Examples that are scored at once to see how long it takes. */
const latencyRows = 100;
/** Standard errors by which a click rate has to be outside of its limits. */
const surely = 5;

type Sessions = Pick<HeadSessions, 'train' | 'score'>;

/**
 * Test, then train: scores the interval with the champion, sees to the versions that are on their way, trains a candidate from the newest of them on what is new and a share of all history, and judges it
 * against the champion by the end of the interval, which neither has learned from.
 *
 * *Details*: a champion whose bytes cannot be used, examples that are clicked far more or less often than ever, and too few examples hold the candidate back; see `rows` of the outcome for what becomes of them.
 *
 * @param now a clock in milliseconds, that scoring is timed by; without it latency is not looked at
 * @throws HR_ONNX, HR_STATE_MISMATCH
 */
export async function trainInterval(plan: HeadPlan, sessions: Sessions, task: IntervalTask, now?: () => number): Promise<IntervalOutcome> {
  const width = plan.features;
  const of = (blocks: readonly Uint8Array[]) => inOneOrder(decodeColumns(blocks, width));
  const [before, learned, judged, candidates] = [of(task.carried), of(task.learned), of(task.judged), of(task.reservoir)];
  const sampled = filtered(candidates, (row) => candidates.draw[row]! <= task.threshold);
  const interval = joined([learned, judged], width);
  const fresh = joined([before, learned], width);
  const movedInputs = movedOf(plan, sampled, interval);
  const facts = { start: task.start, movedInputs, examples: interval.length, clicks: sumOf(interval.click), threshold: task.threshold, ...nothingYet };

  const bases = basesOf(task.bases ?? {});
  const stored = openHead(task.champion, plan, bases);
  if ('problem' in stored && task.champion !== undefined) return { ...facts, ...heldBy('champion', stored.problem), rows: 'carried' };
  const champion = 'problem' in stored ? undefined : stored;
  const served = champion && (await scoresOf(sessions, champion, interval, plan));
  const progressive = served && qualityOf(served, interval.click);
  const base = presentBase(plan, task, bases);
  if (base !== undefined && 'problem' in base) return { ...facts, progressive, ...heldBy('base', base.problem), rows: 'carried' };
  const guard = labelRateGuard(plan, interval, sampled);
  if (guard !== undefined) return { ...facts, progressive, ...heldBy('label rate', guard), rows: 'dropped' };

  const standing = await standingOf(plan, sessions, task, { interval, champion, served, bases });
  const seen = { ...facts, progressive, rolledBack: standing.rolledBack, failedTrial: standing.failedTrial, judgesTrials: standing.judgesTrials };
  if (fresh.length === 0 || !isEnough(plan, judged)) {
    const why = `${sumOf(judged.click)} of ${judged.length} examples to judge by were clicked, and ${fresh.length} are there to learn from; at least ${leastOf(plan)} with and without a click are needed`;
    return { ...seen, ...heldBy('examples', why), rows: 'carried' };
  }
  return { ...seen, ...(await candidateOf(plan, sessions, task, { fresh, judged, sampled, recent: of(task.recent), champion: standing.champion, line: standing.line, base }, now)) };
}

const nothingYet = { progressive: undefined, candidate: undefined, learned: 0, replayed: 0, head: undefined, parent: null, rolledBack: undefined, failedTrial: undefined, judgesTrials: false } as const;

/** Probabilities of a click, corrected for the examples that were left out of the head's training. */
async function scoresOf(sessions: Pick<HeadSessions, 'score'>, head: Pick<OpenHead, 'state' | 'negatives' | 'base'>, rows: Parameters<typeof examplesOf>[0], { shape }: HeadPlan): Promise<Float64Array> {
  if (rows.length === 0) return new Float64Array(0);
  const scores = await sessions.score(head.state.parameters, examplesOf(rows, shape, head.base));
  return new Float64Array(rows.length).map((_, i) => recalibrated(scores[i * shape.outputs.length]!, head.negatives));
}

function leastOf(plan: HeadPlan): number {
  return plan.gate.leastClicks ?? 100;
}

function isEnough(plan: HeadPlan, rows: RowColumns): boolean {
  const clicks = sumOf(rows.click);
  return clicks >= leastOf(plan) && rows.length - clicks >= leastOf(plan);
}

/** Which versions stand after the interval: the champion, and the newest one, from which the next candidate is trained. */
async function standingOf(plan: HeadPlan, sessions: Sessions, task: IntervalTask, { interval, champion, served, bases }: { readonly interval: RowColumns; readonly champion: OpenHead | undefined; readonly served: Float64Array | undefined; readonly bases: Bases }) {
  const standing = { champion, line: champion, rolledBack: undefined as string | undefined, failedTrial: undefined as IntervalOutcome['failedTrial'], judgesTrials: champion !== undefined && isEnough(plan, interval) };
  if (!standing.judgesTrials) {
    for (const trial of task.trials) {
      const head = openHead(trial, plan, bases);
      if (!('problem' in head)) standing.line = head;
    }
    return standing;
  }
  const users = numbered(interval.user);
  const worse = (reference: Float64Array, candidate: Float64Array) => worseThan({ champion: reference, candidate, clicks: interval.click, users }, plan.gate, plan.seed);
  const before = openHead(task.previous, plan, bases);
  let reference = served!;
  if (!('problem' in before)) {
    const others = await scoresOf(sessions, before, interval, plan);
    standing.rolledBack = worse(others, reference);
    if (standing.rolledBack !== undefined) [standing.champion, standing.line, reference] = [before, before, others];
  }
  const faultOf = async (trial: IntervalTask['trials'][number], head: ReturnType<typeof openHead>): Promise<string | undefined> => {
    if ('problem' in head) return head.problem;
    if (standing.rolledBack !== undefined) return `it was trained from version ${task.champion!.version}, which has given its place back`;
    const less = trial.isCanary ? clickedLess(interval, drawOf(String(task.champion!.version)), drawOf(String(trial.version))) : undefined;
    return less ?? worse(reference, await scoresOf(sessions, head, interval, plan));
  };
  for (const [index, trial] of task.trials.entries()) {
    const head = openHead(trial, plan, bases);
    const why = await faultOf(trial, head);
    if (why !== undefined) {
      standing.failedTrial = { index, why };
      break;
    }
    standing.line = head as OpenHead;
  }
  return standing;
}

/** The base that a candidate is trained on, or why there is none; undefined where the plan has none. */
function presentBase({ base: planned }: HeadPlan, task: IntervalTask, bases: Bases): Base | { readonly problem: string } | undefined {
  if (planned === undefined) return undefined;
  if (task.base === undefined) return { problem: `${planned.model} has no champion yet; train one with \`headrace train base\` and promote it` };
  try {
    const base = bases(task.base);
    return base.width === planned.width ? base : { problem: `HR_MODEL: base ${task.base.slice(0, 12)} has embeddings of ${base.width}; the plan has ${planned.width}` };
  } catch (error) {
    const { code, message } = asHeadraceError(error, 'HR_MODEL_CORRUPT', {});
    return { problem: `${code}: ${message}` };
  }
}

/** What a training goes on from. A base goes on from the vectors of the one before, so a head's weights are worth something on the next one; what Adam knew of the old one is not. */
function startOf(line: OpenHead | undefined, { shape, seed }: HeadPlan, base: Base | undefined): HeadState {
  const named = base === undefined ? {} : { base: base.digest };
  if (line === undefined) return { ...newHead(shape, seed), ...named };
  return line.state.base === base?.digest ? line.state : { ...newHead(shape, seed), parameters: line.state.parameters, ...named };
}

/** Trains a candidate and has it judged. */
async function candidateOf(plan: HeadPlan, sessions: Sessions, task: IntervalTask, given: { readonly fresh: RowColumns; readonly judged: RowColumns; readonly sampled: RowColumns; readonly recent: RowColumns; readonly champion: OpenHead | undefined; readonly line: OpenHead | undefined; readonly base: Base | undefined }, now: (() => number) | undefined) {
  const { shape, seed } = plan;
  const { fresh, judged, sampled, recent, champion, line, base } = given;
  const width = plan.features;
  const chance = chances(seed, task.start);
  const replayed = Math.min(sampled.length, Math.round((fresh.length * plan.replay) / (1 - plan.replay)));
  const lots = smallestDraws(Float64Array.from(sampled.draw, chance), sampled.length);
  const again = picked(sampled, lots.subarray(0, replayed).slice().sort());
  const unused = picked(sampled, lots.subarray(replayed, replayed + replayJudged).slice().sort());
  // What the base has learned it knows by heart: a head that is warmed on that would trust it too much.
  const warming = base === undefined || base.digest === line?.base?.digest ? [] : [filtered(recent, (row) => recent.time[row]! > base.trainedTo)];
  const together = joined([...warming, fresh, again], width);
  const thinning = chances(seed, -1);
  const training = plan.negatives === 1 ? together : filtered(together, (row) => together.click[row] === 1 || thinning(together.draw[row]!) < plan.negatives);
  const shuffleSeed = seed * 2 ** 24 + (Math.floor(task.start / plan.intervalMs) % 2 ** 24);
  const { state } = await sessions.train(startOf(line, plan, base), examplesOf(training, shape, base), { ...plan.training, shuffleSeed });

  const judgement = await judge(plan, sessions, { champion, candidate: { state, negatives: plan.negatives, base }, fresh, judged, known: joined([fresh, sampled], width), old: unused, trainedTo: newest(training), choices: task.choices }, now);
  const { verdict } = judgement;
  const passed = verdict.verdict === 'passed';
  return {
    candidate: judgement.quality,
    learned: training.length,
    replayed,
    verdict,
    // Without a champion there is nothing to fall back on: the next try has more to learn from.
    rows: passed ? ('learned' as const) : verdict.verdict === 'held' || champion === undefined ? ('carried' as const) : ('dropped' as const),
    threshold: passed ? Math.min(task.threshold, reservoirThreshold(drawsOf(sampled, fresh), plan.reservoir)) : task.threshold,
    head: { bytes: encodeHead(state), negatives: plan.negatives },
    parent: line?.version ?? null,
  };
}

/** What a candidate is judged by. */
export interface Judged {
  readonly champion: Pick<OpenHead, 'state' | 'negatives' | 'base'> | undefined;
  readonly candidate: Pick<OpenHead, 'state' | 'negatives' | 'base'>;
  /** What is new and was learned from, what was not, all that is known, and a part of the reservoir that nothing was trained on this time. */
  readonly fresh: RowColumns;
  readonly judged: RowColumns;
  readonly known: RowColumns;
  readonly old: RowColumns;
  /** Newest event time of the examples that the candidate was trained on. */
  readonly trainedTo: number;
  /** Blocks of decisions that policies are valued by. @default none */
  readonly choices?: readonly Uint8Array[];
}

/** Has both heads score the same examples and asks the gate. Without a champion the candidate is compared with the click rate. */
export async function judge(plan: HeadPlan, sessions: Pick<HeadSessions, 'score'>, { champion, candidate, fresh, judged, known, old, trainedTo, choices = [] }: Judged, now?: () => number): Promise<{ readonly verdict: GateVerdict; readonly quality: ScoreQuality }> {
  const rate = sumOf(fresh.click) / fresh.length;
  const scored = async (rows: RowColumns) => ({
    champion: champion === undefined ? new Float64Array(rows.length).fill(rate) : await scoresOf(sessions, champion, rows, plan),
    candidate: await scoresOf(sessions, candidate, rows, plan),
    clicks: rows.click,
    users: numbered(rows.user),
    items: numbered(rows.item),
  });
  const unseen = await scored(judged);
  const some = picked(judged, Int32Array.from({ length: Math.min(latencyRows, judged.length) }, (_, i) => i));
  const timed = (head: Judged['candidate']) => ({ parameters: head.state.parameters, examples: examplesOf(some, plan.shape, head.base) });
  const latency = now && champion && (await scoringTimes(sessions, { champion: timed(champion), candidate: timed(candidate) }, now));
  const value = champion && plan.policy && (await valueOf(plan, sessions, { champion, candidate }, choices));
  const verdict = gate(
    {
      unseen,
      isFirst: champion === undefined,
      unseenFrom: judged.time[0]!,
      trainedTo,
      ...(old.length === 0 || champion === undefined ? {} : { replay: await scored(old) }),
      segments: champion === undefined ? {} : segmentsOf(judged, known),
      parameters: { champion: (champion ?? candidate).state.parameters, candidate: candidate.state.parameters },
      ...(latency === undefined ? {} : { latency }),
      ...(value === undefined ? {} : { policyValue: value }),
      seed: plan.seed,
    },
    plan.gate,
  );
  return { verdict, quality: qualityOf(unseen.candidate, judged.click) };
}

/** Values both heads as policies on the logged decisions; without any, as ones that nothing is known of. */
async function valueOf(plan: HeadPlan, sessions: Pick<HeadSessions, 'score'>, heads: { readonly champion: Judged['candidate']; readonly candidate: Judged['candidate'] }, blocks: readonly Uint8Array[]): Promise<PolicyValue> {
  const { epsilon, slots } = plan.policy!;
  const choices = decodeChoices(blocks, slots);
  const length = choices.start[choices.length]!;
  const rows = { length, user: choices.users, item: choices.items, features: choices.features, click: new Float32Array(length), watch: new Float32Array(length) };
  const scores = { champion: await scoresOf(sessions, heads.champion, rows, plan), candidate: await scoresOf(sessions, heads.candidate, rows, plan) };
  return policyValue(choices, scores, epsilon) ?? { difference: 0, low: 0, high: 0, slots: 0, effective: 0 };
}

function newest(rows: RowColumns): number {
  return rows.time.reduce((most, t) => Math.max(most, t), Number.NEGATIVE_INFINITY);
}

/** Quality of scores. */
export function qualityOf(scores: Float64Array, clicks: ArrayLike<number>): ScoreQuality {
  const seen = sumOf(clicks);
  return { auc: auc(scores, clicks), entropy: normalizedEntropy(scores, clicks), calibration: seen === 0 ? null : sumOf(scores) / seen };
}

/** Why nothing may be learned from examples that are clicked far more or less often than all history; undefined where they may. */
function labelRateGuard({ labelRate: [least, most] }: HeadPlan, interval: RowColumns, history: RowColumns): string | undefined {
  const [n, m] = [interval.length, history.length];
  const [rate, usual] = [sumOf(interval.click) / n, sumOf(history.click) / m];
  if (n === 0 || m === 0 || !(usual > 0)) return undefined;
  const error = Math.sqrt(usual * (1 - usual) * (1 / n + 1 / m));
  const off = Math.max(least * usual - rate, rate - most * usual);
  if (off <= surely * error) return undefined;
  return `${percent(rate)} of the examples were clicked, and ${percent(usual)} of all before; from ${least} to ${most} times as many are learned from`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** Inputs whose index is above the limit by more than chance gives, which small samples have much of. */
function movedOf({ layout, inputDrift }: HeadPlan, history: RowColumns, interval: RowColumns): Record<string, number> {
  const moved: Record<string, number> = {};
  const column = ({ features, width, length }: RowColumns, f: number) => new Float32Array(length).map((_, i) => features[i * width + f]!);
  for (const [f, name] of inputNames(layout).entries()) {
    const stability = populationStability(column(history, f), column(interval, f));
    if (stability !== null && stability.index - stability.expected - 3 * stability.deviation > inputDrift) moved[name] = stability.index;
  }
  return moved;
}

/** The users and items that have not been seen before, and the category that is shown most. */
function segmentsOf(judged: RowColumns, known: RowColumns): Record<string, Uint8Array> {
  const [users, items] = [new Set(known.user), new Set(known.item)];
  const counts = new Map<number, number>();
  for (const c of judged.category) counts.set(c, (counts.get(c) ?? 0) + 1);
  const top = [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best), [Number.NaN, 0] as [number, number])[0];
  return {
    'new users': Uint8Array.from(judged.user, (u) => Number(!users.has(u))),
    'new items': Uint8Array.from(judged.item, (i) => Number(!items.has(i))),
    'the top category': Uint8Array.from(judged.category, (c) => Number(c === top)),
  };
}

function heldBy(name: string, why: string): { readonly verdict: GateVerdict } {
  const check: GateCheck = { name, value: null, limit: 'has to be there to train', verdict: 'held', why };
  return { verdict: { verdict: 'held', checks: [check] } };
}

/** A number in [0, 1) for each draw, another one for each `salt`: who is chosen by one is not by the other. */
function chances(seed: number, salt: number): (draw: number) => number {
  const random = splitmix(BigInt(seed) ^ (BigInt(salt) << 20n));
  return (draw) => {
    random.seed(Math.floor(draw / 2 ** 32), draw % 2 ** 32 | 0);
    return random.real();
  };
}

/** Equal hashes as equal numbers from 0, in the order in which they come. */
function numbered(hashes: Float64Array): Int32Array {
  const numbers = new Map<number, number>();
  return Int32Array.from(hashes, (hash) => {
    let n = numbers.get(hash);
    if (n === undefined) numbers.set(hash, (n = numbers.size));
    return n;
  });
}

/** Draws of both. */
function drawsOf(a: RowColumns, b: RowColumns): Float64Array {
  const draws = new Float64Array(a.length + b.length);
  draws.set(a.draw);
  draws.set(b.draw, a.length);
  return draws;
}

function sumOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}
