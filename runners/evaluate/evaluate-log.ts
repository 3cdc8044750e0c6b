import { HeadraceError } from '../../dataflow/errors.js';
import type { LeftOut } from '../../evaluation/bad-rows.js';
import { withFindings } from '../../evaluation/diagnostics/diagnose.js';
import { createEvaluation, type EstimateRow, type EvaluationResult } from '../../evaluation/evaluate.js';
import { normalInterval } from '../../evaluation/intervals/normal-interval.js';
import type { RewardBounds } from '../../evaluation/intervals/reward-bounds.js';
import type { LoggedDecisions } from '../../evaluation/logged-decisions.js';
import { marginalWeights } from '../../evaluation/marginal-weights.js';
import type { Estimate } from '../../evaluation/measure.js';
import { type Difference, pairedDifference } from '../../evaluation/paired-difference.js';
import { estimateSlates } from '../../evaluation/slates/slate-estimator.js';
import { createTally, statesOf } from '../../evaluation/tally.js';
import { type Outcomes, weigh, type WeightedDecisions, withWeights } from '../../evaluation/weighted-decisions.js';
import type { DecisionTable } from '../decision-logs/decision-table.js';
import type { ActionClasses } from './action-classes.js';
import { balancedOver } from './balanced-over.js';
import { type ChosenEstimators, chosenEstimators, type EstimatorNeeds } from './chosen-estimators.js';
import { chosenInterval, type IntervalMethod } from './chosen-interval.js';
import { drawChanged } from './draw-changed.js';
import { decisionsOf, part, type UsableDecisions } from './decisions-of.js';
import { type Grouping, groupingOf, type GroupBy } from './grouping.js';
import { jointSlates } from './joint-slates.js';
import type { BoundOutcomeModel, OutcomeModelChoice } from './outcome-model.js';
import { type BoundPolicy, choiceWidth, type Policy } from './policy.js';
import { slatesOf } from './slates-of.js';

/** What is asked of an evaluation. */
export interface EvaluateLogOptions {
  readonly policy: Policy;
  /** Compared with `policy` on the same decisions. */
  readonly second?: Policy | undefined;
  readonly outcomeModel: OutcomeModelChoice | undefined;
  /** Names; all of decisions by default. */
  readonly estimators?: readonly string[] | undefined;
  readonly clip: number;
  readonly tuning: EstimatorNeeds['tuning'];
  /** The policies that logged, by name: weights are balanced over them. */
  readonly loggers?: ReadonlyMap<string, Policy> | undefined;
  /** Classes of actions, for marginal weights. */
  readonly classes?: ActionClasses | undefined;
  readonly level: number;
  readonly interval: IntervalMethod;
  readonly seed: number;
  readonly replicates: number;
  readonly rewards: RewardBounds | undefined;
  readonly by?: GroupBy | undefined;
  /** Called with the decisions that are done. It may throw to end the work. */
  readonly progress?: ((count: number) => void) | undefined;
}

/** Estimates of a part of a log. */
export interface GroupEstimates {
  readonly of: string;
  readonly n: number;
  readonly estimates: Readonly<Record<string, EstimateRow>>;
}

/** What was found of one candidate. */
export interface PolicyEvaluation extends EvaluationResult {
  readonly policy: string;
  /** What the estimates by group are by, and these. */
  readonly groups: readonly GroupEstimates[] | undefined;
}

/** What was found. */
export interface LogEvaluation {
  readonly first: PolicyEvaluation;
  readonly second: PolicyEvaluation | undefined;
  /** First less second. */
  readonly difference: Readonly<Record<string, Difference>> | undefined;
  readonly estimators: readonly { readonly name: string; readonly formula: string; readonly source: string }[];
  /** Name of the outcome model that was used. */
  readonly outcomeModel: string | undefined;
  readonly leftOut: readonly PlacedLeftOut[];
  /** What the reader of the report should know. */
  readonly remarks: readonly string[];
}

/** Rows or lines that were left out for one reason, with the place of the first. */
export interface PlacedLeftOut {
  readonly code: string;
  readonly rows: number;
  readonly first: string;
  readonly example: string;
}

/** Numbers that one part of the log may take. */
const mostNumbers = 1 << 22;
const mostRows = 1 << 16;

/**
 * Evaluates one or two policies on a log that was read.
 *
 * *Details*: the log is held as columns; what policies and models say of it is made for a part at a time.
 *
 * Errors: those of policies, models and estimators; HR_EVALUATION_EMPTY where nothing of the log can be used.
 */
export async function evaluateLog(given: DecisionTable, options: EvaluateLogOptions): Promise<LogEvaluation> {
  checkNotEmpty(given);
  let usable = decisionsOf(given);
  const policies = options.second === undefined ? [options.policy] : [options.policy, options.second];
  const bound: BoundPolicy[] = [];
  let model: BoundOutcomeModel | undefined;
  try {
    for (const policy of policies) bound.push(await policy.bind(given));
    const remarks = remarksOf(given);
    const { user } = usable.log;
    if (user !== undefined && usable.log.length > 1 && user.every((of) => of === user[0])) remarks.push('All decisions are of one user: no interval tells how much users differ.');
    if (options.loggers !== undefined) {
      usable = await balancedOver(options.loggers, given, usable, (policy) => shownBy(given, usable, policy, {}));
      remarks.push(`Weights are balanced over the policies ${given.loggers.join(', ')}: each propensity is that of their mixture.`);
    }
    const category = options.classes?.bind(given, usable, bound);
    if (given.slateReward) {
      remarks.push('The log has one reward a slate: a slate counts as one decision, whose probability is the product over its slots. Outcome models are not used.');
      const shown = await Promise.all(bound.map((policy) => shownBy(given, usable, policy, options)));
      return jointEvaluation(given, usable, shown, options, remarks);
    }
    const canModel = options.outcomeModel !== undefined && bound.every(({ whole }) => whole) && usable.log.action !== undefined && given.actions !== undefined;
    if (options.outcomeModel !== undefined && !canModel) remarks.push(`Estimators with an outcome model are left out: ${usable.log.action === undefined || given.actions === undefined ? 'the log does not have the actions' : 'a candidate is known for what was shown only'}.`);
    if (canModel) model = await options.outcomeModel.bind(given, usable.log);
    const hasSlates = given.slate !== undefined && given.slot !== undefined;
    const chosen = chosenEstimators(options.estimators, { ...options, model: model !== undefined, slates: hasSlates, classes: category !== undefined });
    if (hasSlates && usable.log.slots > 1 && chosen.slates.length === 0) remarks.push(`Values are those of one slot; pages of the log have up to ${usable.log.slots}: --estimators sips,rips,iips tells what whole pages earn.`);
    const runs = policies.map((policy) => run(policy.name, given, usable, chosen, options, category));
    const difference = policies.length === 2 ? pairedDifference(named(chosen)) : undefined;
    const perRow = Math.max(1, ...bound.map(({ width }) => width), model?.width ?? 1, usable.whole ? choiceWidth(given, given.actions ?? 1) : 1);
    const step = Math.max(1, Math.min(mostRows, Math.floor(mostNumbers / perRow)));
    for (let from = 0; from < usable.log.length; from += step) {
      const to = Math.min(usable.log.length, from + step);
      const rows = usable.rows(from, to);
      const log = part(given, usable, from, to);
      const batches: WeightedDecisions[] = [];
      for (const policy of bound) {
        const candidate = await policy.at(rows);
        const outcomes = await model?.at(log, candidate, rows, from);
        if (outcomes !== undefined) checkOutcomes(given, rows, outcomes, options.outcomeModel!.name);
        batches.push(weigh(log, candidate, outcomes));
      }
      batches.forEach((batch, k) => runs[k]!.add(batch, from));
      if (difference !== undefined) difference.add(batches[0]!, batches[1]!);
      options.progress?.(to);
    }
    const [first, second] = runs.map((of) => of.result()) as [PolicyEvaluation, PolicyEvaluation | undefined];
    return {
      first,
      second,
      difference: difference?.result(options.level),
      estimators: [...chosen.decisions, ...chosen.marginal, ...chosen.slates].map(({ name, formula, source }) => ({ name, formula, source })),
      outcomeModel: model === undefined ? undefined : options.outcomeModel!.name,
      leftOut: placedLeftOut(given, usable.log),
      remarks,
    };
  } finally {
    for (const policy of bound) await policy.close?.();
    await model?.close?.();
  }
}

const named = (chosen: ChosenEstimators) => Object.fromEntries(chosen.decisions.map((estimator) => [estimator.name, estimator]));

/** The work on one candidate, part by part. */
function run(policy: string, table: DecisionTable, usable: UsableDecisions, chosen: ChosenEstimators, options: EvaluateLogOptions, category?: Int32Array): { add(batch: WeightedDecisions, from: number): void; result(): PolicyEvaluation } {
  const { level, rewards } = options;
  const bounds = rewards ?? { low: 0, high: 1 };
  const interval = chosenInterval(chosen.decisions, { method: options.interval, level, seed: options.seed, replicates: options.replicates, rewards: bounds });
  const evaluation = createEvaluation({ estimators: chosen.decisions, level, interval: (estimate, name) => interval.of(estimate, name), ...(rewards !== undefined && { rewards }) });
  const grouping = options.by === undefined ? undefined : groupingOf(table, usable, options.by);
  const tally = createTally<Readonly<Record<string, ChosenEstimators['decisions'][number]>>>(named(chosen));
  const groups = grouping && statesOf(tally.kinds, grouping.names.length);
  const shown = chosen.slates.length > 0 ? new Float64Array(usable.log.length) : undefined;
  const expected = chosen.slates.some(({ name }) => name === 'cascade_dr') ? { shown: new Float64Array(usable.log.length), expected: new Float64Array(usable.log.length) } : undefined;
  const marginal = chosen.marginal.length > 0 ? createTally(Object.fromEntries(chosen.marginal.map((estimator) => [estimator.name, estimator]))) : undefined;
  return {
    add(batch, from) {
      evaluation.add(batch);
      // what was left out before the log came this far
      if (from === 0) evaluation.addLeftOut(allLeftOut(table, usable.log));
      interval.add(batch);
      if (grouping !== undefined) tally.byGroup(batch, grouping.of.subarray(from, from + batch.length), grouping.names.length, groups);
      expected?.shown.set(batch.shownOutcome!, from);
      expected?.expected.set(batch.expectedOutcome!, from);
      marginal?.add(withWeights(batch.log, marginalWeights(batch.log, batch.candidate!, { category: category! })));
      if (shown !== undefined) for (let i = 0; i < batch.length; i++) shown[from + i] = batch.weight[i]! * batch.propensity[i]!;
    },
    result() {
      const found = withFindings(evaluation.result(), drawChanged(table), usable.log.length);
      const slates = shown && slatesOf(table, usable, shown, expected);
      const onClasses = Object.entries(marginal?.results() ?? {}).map(([name, estimate]) => [name, rowOf(estimate as Estimate, level)] as const);
      const ofSlates = chosen.slates.map((estimator) => [estimator.name, rowOf(estimateSlates(estimator, slates!), level)] as const);
      return { policy, ...found, estimates: { ...found.estimates, ...Object.fromEntries([...onClasses, ...ofSlates]) }, groups: grouping && groupEstimates(grouping, groups!, tally, level) };
    },
  };
}

function groupEstimates(grouping: Grouping, states: Float64Array, tally: ReturnType<typeof createTally<Readonly<Record<string, ChosenEstimators['decisions'][number]>>>>, level: number): readonly GroupEstimates[] {
  const width = tally.kinds.length;
  return grouping.names.map((name, g) => {
    const state = states.subarray(g * width, (g + 1) * width);
    return { of: name, n: state[0]!, estimates: Object.fromEntries(Object.entries(tally.results(state)).map(([estimator, estimate]) => [estimator, rowOf(estimate as Estimate, level)])) };
  });
}

function rowOf(estimate: Estimate, level: number): EstimateRow {
  const interval = normalInterval(estimate, level);
  return { value: estimate.value, low: interval?.low ?? null, high: interval?.high ?? null, standard_error: estimate.standardError };
}

/** Slates with one reward as single decisions. */
function jointEvaluation(table: DecisionTable, usable: UsableDecisions, shown: readonly Float64Array[], options: EvaluateLogOptions, remarks: readonly string[]): LogEvaluation {
  const joint = jointSlates(table, usable, shown);
  const needs = { ...options, model: false, slates: true, classes: false };
  const chosen = chosenEstimators(options.estimators, needs);
  const slates = options.estimators === undefined ? chosenEstimators(['pseudo_inverse'], needs).slates : chosen.slates;
  const all: ChosenEstimators = { ...chosen, slates: [] };
  const difference = shown.length === 2 ? pairedDifference(named(all)) : undefined;
  const usableJoint: UsableDecisions = { log: joint.log, whole: false, rows: (from, to) => Int32Array.from({ length: to - from }, (_, i) => joint.rows[from + i]!) };
  const batches = joint.shown.map((of) => weigh(joint.log, { shown: of }));
  const found = batches.map((batch, k) => {
    const of = run(k === 0 ? options.policy.name : options.second!.name, { ...table, slateReward: false }, usableJoint, all, options);
    of.add(batch, 0);
    const ofSlates = slates.map((estimator) => [estimator.name, rowOf(estimateSlates(estimator, slatesOf(table, usable, shown[k]!)), options.level)] as const);
    const result = of.result();
    return { ...result, estimates: { ...result.estimates, ...Object.fromEntries(ofSlates) } };
  });
  if (difference !== undefined) difference.add(batches[0]!, batches[1]!);
  return {
    first: found[0]!,
    second: found[1],
    difference: difference?.result(options.level),
    estimators: [...all.decisions, ...slates].map(({ name, formula, source }) => ({ name, formula, source })),
    outcomeModel: undefined,
    leftOut: placedLeftOut(table, usable.log),
    remarks,
  };
}

/** The candidate's probability of what was shown, at every usable decision. */
async function shownBy(table: DecisionTable, usable: UsableDecisions, policy: BoundPolicy, options: Pick<EvaluateLogOptions, 'progress'>): Promise<Float64Array> {
  const out = new Float64Array(usable.log.length);
  const step = Math.max(1, Math.min(mostRows, Math.floor(mostNumbers / policy.width)));
  for (let from = 0; from < out.length; from += step) {
    const to = Math.min(out.length, from + step);
    const { weight, propensity } = weigh(part(table, usable, from, to), await policy.at(usable.rows(from, to)));
    for (let i = from; i < to; i++) out[i] = weight[i - from]! * propensity[i - from]!;
    options.progress?.(to);
  }
  return out;
}

function checkNotEmpty(table: DecisionTable): void {
  if (table.length > 0) return;
  const why = [...table.refused.map(({ code, rows, first, example }) => `${rows} × ${code} (${first}: ${example})`), ...table.passedOver.map(({ rows, what }) => `${rows} ${what}`)];
  throw new HeadraceError('HR_EVALUATION_EMPTY', `${table.source} has no decision that can be used${why.length > 0 ? `: ${why.join(', ')}` : ''}.`);
}

function checkOutcomes(table: DecisionTable, rows: Int32Array, outcomes: Outcomes, model: string): void {
  const bad = outcomes.shown.findIndex((x, i) => !Number.isFinite(x) || !Number.isFinite(outcomes.expected[i]!));
  if (bad >= 0) throw new HeadraceError('HR_EVALUATION_MODEL', `The outcome model ${model} expects ${outcomes.shown[bad]} of what was shown and ${outcomes.expected[bad]} of the candidate, at ${table.place(rows[bad]!)} of ${table.source}.`);
}

/** Lines that were no decision, and decisions that could not be used. */
function allLeftOut(table: DecisionTable, log: LoggedDecisions): readonly LeftOut[] {
  return [...table.refused.map(({ code, rows, example }) => ({ code, rows, example, first: -1 })), ...log.leftOut];
}

function placedLeftOut(table: DecisionTable, log: LoggedDecisions): readonly PlacedLeftOut[] {
  return [...table.refused, ...log.leftOut.map(({ code, rows, first, example }) => ({ code, rows, first: table.place(first), example }))];
}

function remarksOf(table: DecisionTable): string[] {
  return [
    ...table.passedOver.map(({ what, rows }) => `${rows} ${what}.`),
    ...(table.actionsAreGuessed ? [`The log does not say which actions there were; ${table.actions} are taken, those that were seen.`] : []),
    ...(table.time?.some(Number.isNaN) === true ? ['Some decisions have no time, so times are not looked at.'] : []),
  ];
}
