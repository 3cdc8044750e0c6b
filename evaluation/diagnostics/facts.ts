import type { RewardBounds } from '../intervals/reward-bounds.js';
import type { WeightSummary } from '../weight-summary.js';
import { alarmThreshold } from './alarm-threshold.js';
import type { CellSums } from './cell-measures.js';
import type { Cell } from './decision-cells.js';
import { score } from './checks/score.js';
import type { Expected } from './distribution-sums.js';
import type { EvaluationSums, MeanSums, TotalResults } from './evaluation-sums.js';
import { tailIndex, type TailIndex } from './tail-index.js';
import type { WeightBin } from './weight-bins.js';

/** Candidate's share that the log does not show, and how that is known. */
export interface Unsupported {
  readonly mass: number;
  readonly by: 'distribution' | 'weights';
}

/** A value of a policy, with the ends of what it may be. */
export interface ValueBounds {
  readonly low: number;
  readonly high: number;
}

/** What the checks look at; all of it follows from the sums of one pass. */
export interface Facts {
  /** Decisions, those that a thinned log left out included. */
  readonly n: number;
  readonly given: number;
  readonly leftOut: readonly { readonly code: string; readonly rows: number; readonly example: string }[];
  readonly thinned: boolean;
  /** How much larger the variance of a count is because the log was thinned; 1 where it was not. */
  readonly thinning: number;
  readonly actions: number | undefined;
  readonly slots: number;
  readonly hasActions: boolean;
  readonly hasTime: boolean;
  readonly weights: WeightSummary;
  readonly whole: CellSums;
  readonly cells: readonly Cell[];
  /** Width of a stretch of time. */
  readonly blockWidth: number;
  readonly byBlock: ReadonlyMap<number, CellSums>;
  readonly bySlot: ReadonlyMap<number, CellSums>;
  readonly byAction: ReadonlyMap<number, CellSums>;
  readonly bySlotAction: readonly { readonly slot: number; readonly action: number; readonly sums: CellSums }[];
  readonly bySegment: ReadonlyMap<number, CellSums>;
  readonly byLogger: ReadonlyMap<number, CellSums>;
  readonly loggerCells: readonly Cell[];
  readonly bins: readonly WeightBin[];
  readonly tail: TailIndex | null;
  readonly inverse: MeanSums;
  readonly excess: MeanSums | undefined;
  readonly disagreement: MeanSums | undefined;
  readonly correction: MeanSums | undefined;
  /** Least and largest reward, how many are 1 and 2, and the largest that is possible, as far as that was said. */
  readonly rewards: TotalResults['rewards'] & { readonly possible: number | undefined };
  readonly leastPropensity: number;
  readonly mostPropensity: number;
  /** The least and largest propensity of each cell. */
  readonly propensityValues: readonly number[];
  readonly distributions: { readonly n: number; readonly mismatches: number; readonly cells: readonly Expected[]; readonly sizes: readonly Expected[]; readonly actions: number } | undefined;
  readonly unsupported: Unsupported;
  /** IPS. */
  readonly value: number | null;
  /** What the candidate may be worth, were the unsupported part worth the least or the most; null where all is supported, or where rewards that differ were not seen. */
  readonly bounds: ValueBounds | null;
  readonly repeated: { readonly looked: number; readonly repeated: number } | null;
}

/** The facts of sums. @param rewards rewards that are possible, by default those that were seen */
export function factsOf(sums: EvaluationSums, rewards: RewardBounds | undefined): Facts {
  const totals = sums.tally.results() as unknown as TotalResults;
  const { state } = sums;
  const cells = sums.cells.cells();
  const whole = sums.cells.by(() => 0).get(0)!;
  const width = state.slots;
  const bySlotAction = Array.from(sums.cells.by(({ slot, action }) => (action + 1) * width + slot), ([key, of]) => ({ slot: key % width, action: Math.floor(key / width) - 1, sums: of })).filter(({ action }) => action >= 0);
  const bins = sums.bins.bins();
  const unsupported = unsupportedOf(sums, totals.weights);
  const value = totals.weights.n > 0 ? whole.wr / whole.n : null;
  const low = rewards?.low ?? totals.rewards.least;
  const high = rewards?.high ?? totals.rewards.most;
  const { distributions } = sums;
  return {
    n: totals.weights.n,
    given: state.given,
    leftOut: Array.from(state.leftOut, ([code, of]) => ({ code, ...of })),
    thinned: sums.shape.thinned,
    thinning: totals.thinning ?? 1,
    actions: state.actions,
    slots: state.slots,
    hasActions: state.hasActions,
    hasTime: state.hasTime,
    weights: totals.weights,
    whole,
    cells,
    blockWidth: sums.cells.width,
    byBlock: sums.cells.by(({ block }) => block),
    bySlot: sums.cells.by(({ slot }) => slot),
    byAction: state.hasActions ? sums.cells.by(({ action }) => action) : new Map(),
    bySlotAction,
    bySegment: sums.segments?.by(({ slot }) => slot) ?? new Map<number, CellSums>(),
    byLogger: sums.loggers?.by(({ slot }) => slot) ?? new Map<number, CellSums>(),
    loggerCells: sums.loggers?.cells() ?? [],
    bins,
    tail: tailIndex(bins),
    inverse: { n: whole.n, sum: whole.inverse, squares: whole.inverse2 },
    excess: totals.excess,
    disagreement: totals.disagreement,
    correction: totals.correction,
    rewards: { ...totals.rewards, possible: rewards?.high },
    leastPropensity: whole.least,
    mostPropensity: whole.most,
    propensityValues: [...new Set(cells.flatMap(({ sums: { least, most } }) => [least, most]))],
    distributions: distributions && { n: distributions.n, mismatches: distributions.mismatches, cells: distributions.cells(), sizes: distributions.sizes(), actions: distributions.actions },
    unsupported,
    value,
    bounds: value !== null && unsupported.mass > 0 && low < high ? { low: value + unsupported.mass * low, high: value + unsupported.mass * high } : null,
    repeated: sums.repeated.result(),
  };
}

function unsupportedOf(sums: EvaluationSums, { n, mean, variance }: WeightSummary): Unsupported {
  const known = sums.distributions?.unsupported ?? null;
  // what could have been shown and never was is not known either: weights lack more than they should
  const isLow = mean !== null && variance !== null && score(n, n * mean, n * (variance + mean ** 2), 1 - (known ?? 0)) < -alarmThreshold(1);
  return isLow ? { mass: 1 - mean, by: 'weights' } : { mass: known ?? 0, by: known === null ? 'weights' : 'distribution' };
}
