import { HeadraceError } from '../dataflow/errors.js';
import type { LeftOut } from './bad-rows.js';
import type { Candidate } from './candidate.js';
import { diagnose, type Diagnosis } from './diagnostics/diagnose.js';
import { type EvaluationSums, estimatorPrefix, evaluationSums, shapeOf, type TotalResults } from './diagnostics/evaluation-sums.js';
import { clippedDr } from './estimators/clipped-dr.js';
import { clippedIps } from './estimators/clipped-ips.js';
import { cressieRead } from './estimators/cressie-read.js';
import { dm } from './estimators/dm.js';
import { drOs } from './estimators/dr-os.js';
import { dr } from './estimators/dr.js';
import { ips } from './estimators/ips.js';
import { sndr } from './estimators/sndr.js';
import { snips } from './estimators/snips.js';
import { subGaussianDr } from './estimators/sub-gaussian-dr.js';
import { subGaussianIps } from './estimators/sub-gaussian-ips.js';
import { switchDr } from './estimators/switch-dr.js';
import type { TunedEstimate } from './estimators/tuned.js';
import { cressieReadInterval } from './intervals/cressie-read-interval.js';
import type { Interval } from './intervals/interval.js';
import { normalInterval } from './intervals/normal-interval.js';
import type { RewardBounds } from './intervals/reward-bounds.js';
import type { LoggedDecisions } from './logged-decisions.js';
import type { Estimate, Measure } from './measure.js';
import { checkShare } from './parameter.js';
import { type Outcomes, weigh, type WeightedDecisions } from './weighted-decisions.js';

/** An estimator that an evaluation can run. */
export interface NamedEstimator extends Measure<string, Estimate> {
  readonly name: string;
  readonly formula: string;
  readonly source: string;
}

/** Settings of `evaluate` and `createEvaluation`. */
export interface EvaluationOptions {
  /** @default `standardEstimators(clip, model)`: all that need one pass */
  readonly estimators?: readonly NamedEstimator[];
  /** Largest weight of the clipped estimators, and limit of Switch-DR. @default 10 */
  readonly clip?: number;
  /** Of the intervals. @default 0.95 */
  readonly level?: number;
  /** Makes an interval from an estimate, by name. @default the normal interval; for Cressie-Read, which has no standard error, its own */
  readonly interval?: (estimate: Estimate, name: string) => { readonly low: number; readonly high: number } | null;
  /** Rewards that are possible, for bounds of the value. @default those that were seen */
  readonly rewards?: RewardBounds;
}

/** An estimate as in `--json`. */
export interface EstimateRow {
  readonly value: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly standard_error: number | null;
  /** λ that a tuned estimator has chosen; `inf`: no limit. */
  readonly lambda?: number | 'inf' | null;
}

/** What an evaluation says. */
export interface EvaluationResult extends Diagnosis {
  /** Decisions, those that a thinned log left out included. */
  readonly n: number;
  readonly estimates: Readonly<Record<string, EstimateRow>>;
}

/** An evaluation under way. */
export interface RunningEvaluation {
  /** Takes a batch. Errors: HR_EVALUATION_COLUMNS where it has fewer columns than the first. */
  add(batch: WeightedDecisions): void;
  /** Counts rows that were left out before they became a batch. Call it after the first one. */
  addLeftOut(leftOut: readonly LeftOut[]): void;
  /** Takes what another one has seen, of the same options. Errors: HR_EVALUATION_COLUMNS. */
  merge(other: RunningEvaluation): void;
  /** Errors: HR_EVALUATION_EMPTY before the first batch. */
  result(): EvaluationResult;
  /** Undefined before the first batch. */
  readonly sums: EvaluationSums | undefined;
}

/** The estimators that need one pass. @param model whether there is an outcome model */
export function standardEstimators(clip: number, model: boolean): readonly NamedEstimator[] {
  const plain = [ips(), clippedIps(clip), snips(), subGaussianIps(), cressieRead()];
  return model ? [...plain, dm(), dr(), clippedDr(clip), sndr(), switchDr(clip), drOs(), subGaussianDr()] : plain;
}

/**
 * Starts an evaluation: batches go in, estimates with intervals, diagnostics and a verdict come out.
 *
 * *When to use*: for logs that come in batches or shards, or with weights of one's own; else `evaluate`.
 *
 * @throws HR_ARGUMENT a level that is not between 0 and 1
 *
 * @example
 * const evaluation = createEvaluation({ clip: 5 });
 * for (const log of logs) evaluation.add(weigh(log, { uniform: true }));
 * evaluation.result().verdict;
 */
export function createEvaluation(options: EvaluationOptions = {}): RunningEvaluation {
  const { clip = 10, level = 0.95 } = options;
  checkShare('The level', level);
  let sums: EvaluationSums | undefined;
  const started = (shape: Parameters<typeof evaluationSums>[1]): EvaluationSums => {
    const chosen = options.estimators ?? standardEstimators(clip, shape.model);
    return evaluationSums(Object.fromEntries(chosen.map((estimator) => [estimator.name, estimator])), shape);
  };
  return {
    get sums() {
      return sums;
    },
    add(batch) {
      sums ??= started(shapeOf(batch));
      sums.add(batch);
    },
    addLeftOut(leftOut) {
      sums?.addLeftOut(leftOut);
    },
    merge(other) {
      if (other.sums === undefined) return;
      sums ??= started(other.sums.shape);
      sums.merge(other.sums);
    },
    result() {
      if (sums === undefined) throw new HeadraceError('HR_EVALUATION_EMPTY', 'The log has no decision.');
      return resultOf(sums, options);
    },
  };
}

/** The interval of the Cressie-Read estimate, which has no standard error: for the rewards that are possible, or that were seen. */
function cressieReadOf(sums: EvaluationSums, { level, rewards }: EvaluationOptions): Interval {
  const { cressieRead, rewards: seen } = sums.tally.results() as unknown as TotalResults;
  const low = rewards?.low ?? seen.least;
  const high = rewards?.high ?? seen.most;
  // rewards beyond what was said to be possible have no such interval
  return low < high && low <= seen.least && seen.most <= high && cressieRead.n > 1 ? cressieReadInterval({ low, high }, level).result(cressieRead.sums, cressieRead.n) : null;
}

function lambdaOf(estimate: Estimate): Pick<EstimateRow, 'lambda'> {
  const { lambda } = estimate as Partial<TunedEstimate>;
  return lambda === undefined ? {} : { lambda: lambda === Number.POSITIVE_INFINITY ? 'inf' : lambda };
}

/** Estimates with intervals, and the diagnosis, from sums. */
export function resultOf(sums: EvaluationSums, options: EvaluationOptions): EvaluationResult {
  const { level = 0.95, interval = (estimate: Estimate) => normalInterval(estimate, level) } = options;
  const results = sums.tally.results() as Readonly<Record<string, Estimate>>;
  const estimates = Object.fromEntries(
    Object.keys(sums.estimators).map((name) => {
      const estimate = results[estimatorPrefix + name]!;
      const of = interval(estimate, name) ?? (name === 'cressie_read' ? cressieReadOf(sums, options) : null);
      return [name, { value: estimate.value, low: of?.low ?? null, high: of?.high ?? null, standard_error: estimate.standardError, ...lambdaOf(estimate) }];
    }),
  );
  return { n: sums.tally.state()[0]!, estimates, ...diagnose(sums, options.rewards) };
}

/**
 * Evaluates a candidate on a log: all estimators that need one pass, with intervals, diagnostics and a verdict.
 *
 * *When to use*: first, before an A/B test. *Details*: one pass without an allocation per decision. Read the verdict before the value.
 *
 * @param batches the log, in one piece or several
 * @param candidate the policy, or how to get it for a batch
 * @param options as in `createEvaluation`; `outcomes` makes what a model expects of a batch, e.g. with `expectedOutcomes`
 * @throws HR_EVALUATION_EMPTY no batch
 * @throws HR_ARGUMENT a level that is not between 0 and 1
 * @throws HR_EVALUATION_COLUMNS batches that do not have the same columns
 *
 * @example
 * const log = loggedDecisions({ action, reward, propensity, actions: 10 });
 * const { estimates, verdict, reasons } = evaluate([log], { uniform: true }, { outcomes: (log, candidate) => expectedOutcomes(log, candidate, smoothed(10)) });
 */
export function evaluate(
  batches: Iterable<LoggedDecisions>,
  candidate: Candidate | ((log: LoggedDecisions) => Candidate),
  options: EvaluationOptions & { readonly outcomes?: (log: LoggedDecisions, candidate: Candidate) => Outcomes | undefined } = {},
): EvaluationResult {
  const evaluation = createEvaluation(options);
  for (const log of batches) {
    const of = typeof candidate === 'function' ? candidate(log) : candidate;
    evaluation.add(weigh(log, of, options.outcomes?.(log, of)));
  }
  return evaluation.result();
}
