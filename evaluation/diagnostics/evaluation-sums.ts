import { HeadraceError } from '../../dataflow/errors.js';
import type { LeftOut } from '../bad-rows.js';
import { cressieReadInterval } from '../intervals/cressie-read-interval.js';
import type { LoggedDecisions } from '../logged-decisions.js';
import { type Estimate, type Measure, square, total } from '../measure.js';
import { constant, equals, expectedOutcome, minus, over, propensity, reward, shownOutcome, times, weight } from '../row-expression.js';
import { createTally, type Tally } from '../tally.js';
import { weightSummary, type WeightSummary } from '../weight-summary.js';
import type { WeightedDecisions } from '../weighted-decisions.js';
import { type DecisionCells, decisionCells } from './decision-cells.js';
import { type DistributionSums, distributionSums } from './distribution-sums.js';
import { type RepeatedDecisions, repeatedDecisions } from './repeated-decisions.js';
import { type WeightBins, weightBins } from './weight-bins.js';

/** What a log has beyond rewards and propensities; all parts of a log have the same. */
export interface LogShape {
  readonly model: boolean;
  readonly thinned: boolean;
  readonly candidates: boolean;
  readonly joined: boolean;
  readonly late: boolean;
}

/** A mean, and what is needed to test it. */
export interface MeanSums {
  readonly n: number;
  readonly sum: number;
  readonly squares: number;
}

const meanOf = (of: Parameters<typeof total>[0]): Measure<'sum' | 'squares', MeanSums> => ({
  sums: { sum: total(of), squares: square(of) },
  result: ({ sum, squares }, n) => ({ n, sum, squares }),
});

type CressieRead = ReturnType<typeof cressieReadInterval>;

/** Diagnostics that are sums over all decisions. */
export interface TotalResults {
  readonly weights: WeightSummary;
  /** 1 / propensity less the number of candidates, where that is logged. */
  readonly excess?: MeanSums;
  /** w·q - v: what IPS and DR differ by. */
  readonly disagreement?: MeanSums;
  /** w·(r - q): what DR and DM differ by. */
  readonly correction?: MeanSums;
  /** Sums of `cressieReadInterval`, and how many decisions they are of. */
  readonly cressieRead: { readonly n: number; readonly sums: Parameters<CressieRead['result']>[0] };
  /** Extremes, and how many are 1 and 2. */
  readonly rewards: { readonly least: number; readonly most: number; readonly ones: number; readonly twos: number };
  /** Σ m² / Σ m over the multiples of a thinned log: how much larger the variance of a count is for it. */
  readonly thinning?: number;
}

/** The measures of the diagnostics that are sums over all decisions. */
export function totalMeasures(shape: LogShape): Readonly<Record<string, Measure<string, unknown>>> {
  const inverse = over(constant(1), propensity);
  return {
    weights: weightSummary(),
    cressieRead: { sums: cressieReadInterval().sums, result: (sums: Parameters<CressieRead['result']>[0], n: number) => ({ n, sums }) } as Measure<string, unknown>,
    ...(shape.candidates && { excess: meanOf(minus(inverse, { js: 'k', sql: 'candidates', columns: ['candidates'] })) }),
    ...(shape.model && { disagreement: meanOf(minus(times(weight, shownOutcome), expectedOutcome)), correction: meanOf(times(weight, minus(reward, shownOutcome))) }),
    rewards: {
      sums: { least: { kind: 'smallest', of: reward, asLogged: true }, most: { kind: 'largest', of: reward, asLogged: true }, ones: total(equals(reward, 1)), twos: total(equals(reward, 2)) },
      result: ({ least, most, ones, twos }: Readonly<Record<string, number>>) => ({ least, most, ones, twos }),
    },
    ...(shape.thinned && { thinning: { sums: { mm: square(constant(1)) }, result: ({ mm }: Readonly<Record<string, number>>, n: number) => (n > 0 ? mm! / n : 1) } }),
  };
}

/** All that one pass over a log keeps: for the estimators, and for the diagnostics. */
export interface EvaluationSums {
  readonly shape: LogShape;
  readonly estimators: Readonly<Record<string, Measure<string, Estimate>>>;
  add(batch: WeightedDecisions): void;
  /** Counts rows that were left out before they came here. */
  addLeftOut(leftOut: readonly LeftOut[]): void;
  /** Takes what another part of the log has. Errors: HR_EVALUATION_COLUMNS. */
  merge(other: EvaluationSums): void;
  readonly tally: Tally<Readonly<Record<string, Measure<string, unknown>>>>;
  /** By action, slot and time. */
  readonly cells: DecisionCells;
  /** By action and time, with the policy that logged as the slot; undefined for one policy. */
  readonly loggers: DecisionCells | undefined;
  /** By time, with the segment as the slot; undefined where the log has none. */
  readonly segments: DecisionCells | undefined;
  readonly bins: WeightBins;
  /** Undefined where the log has no distributions. */
  readonly distributions: DistributionSums | undefined;
  readonly repeated: RepeatedDecisions;
  readonly state: SumsState;
}

/** What is known of the log as a whole. */
export interface SumsState {
  actions: number | undefined;
  slots: number;
  hasActions: boolean;
  hasTime: boolean;
  hasLoggers: boolean;
  hasSegments: boolean;
  hasDistributions: boolean;
  /** Rows given, and left out by code. */
  given: number;
  leftOut: Map<string, { rows: number; example: string }>;
}

/** Prefix of the measures that are estimators, in the tally. */
export const estimatorPrefix = 'estimate_';

/** Makes empty sums. */
export function evaluationSums(estimators: Readonly<Record<string, Measure<string, Estimate>>>, shape: LogShape): EvaluationSums {
  const measures: Record<string, Measure<string, unknown>> = { ...totalMeasures(shape) };
  for (const [name, estimator] of Object.entries(estimators)) measures[estimatorPrefix + name] = estimator;
  const tally = createTally(measures);
  const columns = { actionValues: false, joined: shape.joined, late: shape.late };
  const cells = decisionCells(columns);
  const loggers = decisionCells({ ...columns, actionValues: true });
  const segments = decisionCells(columns);
  const bins = weightBins();
  const distributions = distributionSums();
  const repeated = repeatedDecisions();
  const state: SumsState = { actions: undefined, slots: 1, hasActions: false, hasTime: false, hasLoggers: false, hasSegments: false, hasDistributions: false, given: 0, leftOut: new Map() };
  const countLeftOut = (of: Iterable<Pick<LeftOut, 'code' | 'rows' | 'example'>>): void => {
    for (const { code, rows, example } of of) {
      const seen = state.leftOut.get(code);
      state.leftOut.set(code, { rows: rows + (seen?.rows ?? 0), example: seen?.example ?? example });
    }
  };
  return {
    shape,
    estimators,
    tally,
    cells,
    bins,
    repeated,
    state,
    get loggers() {
      return state.hasLoggers ? loggers : undefined;
    },
    get segments() {
      return state.hasSegments ? segments : undefined;
    },
    get distributions() {
      return state.hasDistributions ? distributions : undefined;
    },
    add(batch) {
      const { log } = batch;
      const found = shapeOf(batch);
      for (const name of ['candidates', 'joined', 'late'] as const) {
        if (shape[name] && !found[name]) throw new HeadraceError('HR_EVALUATION_COLUMNS', `A batch of the log is without the column \`${name}\`, which others have.`);
      }
      tally.add(batch);
      cells.add(batch);
      bins.add(batch);
      if (log.logger !== undefined) loggers.add(regrouped(batch, log.logger, true));
      if (log.segment !== undefined) segments.add(regrouped(batch, log.segment, false));
      const isWhole = log.distribution !== undefined || log.listed !== undefined;
      if (isWhole) distributions.add(batch);
      repeated.add(batch);
      if (log.actions !== undefined) state.actions = Math.max(log.actions, state.actions ?? 0);
      state.slots = Math.max(state.slots, log.slots);
      state.hasActions ||= log.action !== undefined;
      state.hasTime ||= log.time !== undefined;
      state.hasLoggers ||= log.logger !== undefined;
      state.hasSegments ||= log.segment !== undefined;
      state.hasDistributions ||= isWhole;
      state.given += log.given;
      countLeftOut(log.leftOut);
    },
    addLeftOut(leftOut) {
      for (const { rows } of leftOut) state.given += rows;
      countLeftOut(leftOut);
    },
    merge(other) {
      tally.merge(other.tally);
      cells.merge(other.cells);
      bins.merge(other.bins);
      if (other.loggers !== undefined) loggers.merge(other.loggers);
      if (other.segments !== undefined) segments.merge(other.segments);
      if (other.distributions !== undefined) distributions.merge(other.distributions);
      repeated.merge(other.repeated);
      const from = other.state;
      if (from.actions !== undefined) state.actions = Math.max(from.actions, state.actions ?? 0);
      state.slots = Math.max(state.slots, from.slots);
      for (const name of ['hasActions', 'hasTime', 'hasLoggers', 'hasSegments', 'hasDistributions'] as const) state[name] ||= from[name];
      state.given += from.given;
      countLeftOut(Array.from(from.leftOut, ([code, of]) => ({ code: code as LeftOut['code'], ...of })));
    },
  };
}

/** What a batch has. */
export function shapeOf(batch: WeightedDecisions): LogShape {
  const { log } = batch;
  return { model: batch.shownOutcome !== undefined, thinned: batch.multiple !== undefined, candidates: log.candidates !== undefined, joined: log.joined !== undefined, late: log.late !== undefined };
}

/** The same decisions with another number in the place of the slot. */
function regrouped(batch: WeightedDecisions, slot: Int32Array, withActions: boolean): WeightedDecisions {
  const slots = slot.reduce((most, k) => Math.max(most, k), 0) + 1;
  const log: LoggedDecisions = { ...batch.log, slot, slots, ...(!withActions && { action: undefined, actions: undefined }) };
  return { ...batch, log };
}
