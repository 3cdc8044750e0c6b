import type { CellSums } from './cell-measures.js';
import type { Facts, ValueBounds } from './facts.js';

/** Value of the candidate in one part of a log. */
export interface PartValue {
  /** Number of the slot, segment, policy or action; of a day its date. */
  readonly of: number | string;
  readonly n: number;
  /** IPS in this part. */
  readonly value: number;
  readonly standard_error: number | null;
  readonly ess: number;
  readonly weight_mean: number;
  /** Mean of the rewards as they came. */
  readonly logged_value: number;
  readonly join_rate: number | null;
}

/** How often an action was shown, against what propensities say. */
export interface CalibrationRow {
  readonly slot: number;
  readonly action: number;
  readonly shown: number;
  /** By the distributions; without them, null. */
  readonly expected: number | null;
  /** Σ 1/p over the number of decisions: 1 where propensities are true and the action can always be shown. */
  readonly ratio: number;
}

/** Clipped IPS at a limit. */
export interface ClipPoint {
  readonly limit: number;
  readonly value: number;
  readonly standard_error: number | null;
}

/** Numbers that say whether an estimate can be trusted; names as in `--json`. */
export interface Diagnostics {
  /** Effective sample size: (Σ w)² / Σ w². */
  readonly ess: number;
  readonly ess_share: number;
  readonly weight_mean: number | null;
  readonly weight_variance: number | null;
  readonly weight_max: number | null;
  /** Of Σ w. */
  readonly weight_max_share: number | null;
  /** Of Σ w². */
  readonly weight_max_square_share: number | null;
  /** Pareto shape of the largest weights; null where they end. */
  readonly tail_index: number | null;
  /** Standard errors of the mean weight from 1. */
  readonly weight_mean_score: number;
  readonly unsupported_mass: number;
  readonly unsupported_by: 'distribution' | 'weights';
  /** Of the value, were the unsupported part worth the least or the most. */
  readonly value_bounds: ValueBounds | null;
  readonly inverse_propensity_mean: number;
  /** Mean number of candidates. */
  readonly candidates: number | null;
  readonly propensity_min: number;
  readonly propensity_max: number;
  readonly logged_value: number | null;
  /** IPS of the logging policy itself, which has to be the mean reward: off by this much. Null without distributions. */
  readonly on_policy_mismatch: number | null;
  readonly join_rate: number | null;
  readonly late_share: number | null;
  readonly repeated_share: number | null;
  readonly left_out: Readonly<Record<string, number>>;
  /** Rows, and decisions that they stand for, of a thinned log. */
  readonly thinned: { readonly rows: number; readonly decisions: number } | null;
  /** IPS less DR, and DR less DM. */
  readonly ips_dr_difference: number | null;
  readonly dr_dm_difference: number | null;
  readonly clip_curve: readonly ClipPoint[];
  /** Number of decisions by size of the weight. */
  readonly weight_histogram: readonly { readonly from: number; readonly to: number; readonly n: number }[];
  readonly calibration: readonly CalibrationRow[];
  readonly by_time: readonly PartValue[];
  readonly by_slot: readonly PartValue[];
  readonly by_segment: readonly PartValue[];
  readonly by_policy: readonly PartValue[];
}

/** Rows of the calibration table: of more, those that were shown most. */
const calibrationRows = 1000;

/** The numbers of facts. */
export function diagnosticsOf(facts: Facts): Diagnostics {
  const { n, weights, whole, inverse, excess, distributions, repeated } = facts;
  const mean = weights.mean;
  const squares = weights.variance === null || mean === null ? 0 : n * (weights.variance + mean ** 2);
  const rows = facts.given - facts.leftOut.reduce((sum, of) => sum + of.rows, 0);
  const day = 86_400_000;
  const perDay = facts.hasTime && facts.blockWidth <= day;
  const byTime = perDay ? joinedBy(facts.byBlock, day) : facts.byBlock;
  const error = n > 1 && weights.variance !== null ? Math.sqrt(weights.variance / (n - 1)) : 0;
  return {
    ess: weights.ess,
    ess_share: n > 0 ? weights.ess / n : 0,
    weight_mean: mean,
    weight_variance: weights.variance,
    weight_max: weights.largest,
    weight_max_share: weights.largestShare,
    weight_max_square_share: squares > 0 ? weights.largest! ** 2 / squares : null,
    tail_index: facts.tail?.k ?? null,
    weight_mean_score: mean === null || !(error > 1e-12) ? 0 : (mean - 1) / error,
    unsupported_mass: facts.unsupported.mass,
    unsupported_by: facts.unsupported.by,
    value_bounds: facts.bounds,
    inverse_propensity_mean: inverse.sum / n,
    candidates: excess === undefined ? (facts.actions ?? null) : (inverse.sum - excess.sum) / n,
    propensity_min: facts.leastPropensity,
    propensity_max: facts.mostPropensity,
    logged_value: weights.meanReward,
    on_policy_mismatch: distributions === undefined ? null : distributions.mismatches / distributions.n,
    join_rate: whole.joined === undefined ? null : whole.joined / n,
    late_share: whole.late === undefined ? null : whole.late / n,
    repeated_share: repeated === null || repeated.looked === 0 ? null : repeated.repeated / repeated.looked,
    left_out: Object.fromEntries(facts.leftOut.map(({ code, rows }) => [code, rows])),
    thinned: facts.thinned ? { rows, decisions: n } : null,
    ips_dr_difference: facts.disagreement === undefined ? null : facts.disagreement.sum / n,
    dr_dm_difference: facts.correction === undefined ? null : facts.correction.sum / n,
    clip_curve: clipCurve(facts),
    weight_histogram: histogram(facts),
    calibration: calibration(facts),
    by_time: Array.from(byTime, ([at, sums]) => part(facts.hasTime ? new Date(at).toISOString().slice(0, perDay ? 10 : 16) : at, sums)),
    by_slot: Array.from(facts.bySlot.size > 1 ? facts.bySlot : [], ([slot, sums]) => part(slot, sums)),
    by_segment: Array.from(facts.bySegment, ([segment, sums]) => part(segment, sums)),
    by_policy: Array.from(facts.byLogger, ([logger, sums]) => part(logger, sums)),
  };
}

function part(of: number | string, { n, w, ww, wr, wwrr, r, joined }: CellSums): PartValue {
  const value = wr / n;
  const variance = Math.max(0, wwrr / n - value ** 2);
  return {
    of,
    n,
    value,
    standard_error: n > 1 && variance > 1e-13 * (wwrr / n) ? Math.sqrt(variance / (n - 1)) : null,
    ess: ww > 0 ? (w * w) / ww : 0,
    weight_mean: w / n,
    logged_value: r / n,
    join_rate: joined === undefined ? null : joined / n,
  };
}

/** Blocks of time put together. */
function joinedBy(byBlock: ReadonlyMap<number, CellSums>, width: number): ReadonlyMap<number, CellSums> {
  const out = new Map<number, Record<string, number>>();
  for (const [at, sums] of byBlock) {
    const key = Math.floor(at / width) * width;
    const seen = out.get(key);
    if (seen === undefined) out.set(key, { ...sums });
    else for (const [name, x] of Object.entries(sums)) seen[name] = name === 'least' ? Math.min(seen[name]!, x) : name === 'most' ? Math.max(seen[name]!, x) : seen[name]! + x;
  }
  return out as unknown as ReadonlyMap<number, CellSums>;
}

/** Clipped IPS at limits that grow by a half, up to the largest weight: exact where a limit is between bins, which these are. */
function clipCurve({ bins, n }: Facts): readonly ClipPoint[] {
  const seen = bins.filter(({ w }) => w > 0);
  if (seen.length === 0) return [];
  const from = Math.max(0, Math.floor(Math.log2(seen[0]!.from)));
  const to = Math.ceil(Math.log2(seen.at(-1)!.to));
  const limits = Array.from({ length: 2 * Math.max(0, Math.min(to - from, 60)) + 1 }, (_, k) => 2 ** (from + Math.floor(k / 2)) * (k % 2 === 0 ? 1 : 1.5));
  return limits.map((limit) => {
    let x = 0;
    let xx = 0;
    for (const bin of bins) {
      x += bin.from < limit ? bin.wr : limit * bin.r;
      xx += bin.from < limit ? bin.wwrr : limit ** 2 * bin.rr;
    }
    const variance = Math.max(0, xx / n - (x / n) ** 2);
    return { limit, value: x / n, standard_error: n > 1 && variance > 1e-13 * (xx / n) ? Math.sqrt(variance / (n - 1)) : null };
  });
}

/** Weights by powers of √2; the first row is weight 0. */
function histogram({ bins }: Facts): Diagnostics['weight_histogram'] {
  const out = new Map<number, { from: number; to: number; n: number }>();
  for (const { from, to, n, w } of bins) {
    const key = w > 0 ? Math.floor(2 * Math.log2(from) + 1e-9) : -Infinity;
    const seen = out.get(key);
    out.set(key, { from: seen?.from ?? (w > 0 ? from : 0), to: w > 0 ? to : 0, n: n + (seen?.n ?? 0) });
  }
  return [...out.values()];
}

function calibration({ bySlotAction, bySlot, distributions }: Facts): readonly CalibrationRow[] {
  const rows = bySlotAction.map(({ slot, action, sums }) => ({ slot, action, shown: sums.n, expected: distributions === undefined ? null : (distributions.cells[slot * distributions.actions + action]?.expected ?? null), ratio: sums.inverse / bySlot.get(slot)!.n }));
  return rows.length <= calibrationRows ? rows : rows.sort((a, b) => b.shown - a.shown).slice(0, calibrationRows);
}
