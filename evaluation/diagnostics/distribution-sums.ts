import { policyRow } from '../policy-row.js';
import type { WeightedDecisions } from '../weighted-decisions.js';

/** What happened against what was to be expected. */
export interface Expected {
  readonly observed: number;
  readonly expected: number;
  /** Of what is observed, when the probabilities are true. */
  readonly variance: number;
}

/** Sums over logs with whole distributions. */
export interface DistributionSums {
  add(batch: WeightedDecisions): void;
  /** Takes what another part of the log has. */
  merge(other: DistributionSums): void;
  /** Decisions with a distribution. */
  readonly n: number;
  /** Decisions whose propensity is not what the distribution gives to the shown action. */
  readonly mismatches: number;
  /** Times shown, of each action at each slot: slot × actions + action. */
  cells(): readonly Expected[];
  /** Times shown, by the size of the probability: each half as large as the one before, from (1/2, 1] on. */
  sizes(): readonly Expected[];
  /** Candidate's share of what has probability 0 in the log; null where the candidate is known for what was shown only. */
  readonly unsupported: number | null;
  readonly actions: number;
}

/** Probabilities under 2^-30 are one size. */
const sizes = 31;
/** Larger relative differences of propensity and distribution are no rounding. */
const tolerance = 1e-6;

/** Makes empty sums. *Details*: costs decisions × actions, or what is listed. */
export function distributionSums(): DistributionSums {
  const state = { n: 0, mismatches: 0, unsupported: 0, asked: 0, actions: 0, cells: new Float64Array(0), bySize: new Float64Array(sizes * 3) };
  const grow = (length: number): void => {
    if (length <= state.cells.length) return;
    const wide = new Float64Array(length);
    wide.set(state.cells);
    state.cells = wide;
  };
  const expectedOf = (of: Float64Array): Expected[] => Array.from({ length: of.length / 3 }, (_, k) => ({ observed: of[3 * k]!, expected: of[3 * k + 1]!, variance: of[3 * k + 2]! }));
  const self: DistributionSums & { readonly state: typeof state } = {
    state,
    get n() {
      return state.n;
    },
    get mismatches() {
      return state.mismatches;
    },
    get actions() {
      return state.actions;
    },
    get unsupported() {
      return state.asked > 0 ? state.unsupported / state.asked : null;
    },
    add(batch) {
      const { length, log, propensity, multiple, candidate } = batch;
      const { action, slot, actions, listed } = log;
      const distribution = listed?.probability ?? log.distribution;
      if (distribution === undefined || actions === undefined) return;
      state.actions = actions;
      grow(log.slots * actions * 3);
      const policy = candidate === undefined || 'shown' in candidate ? undefined : policyRow(log, candidate);
      const { cells, bySize } = state;
      for (let i = 0; i < length; i++) {
        const m = multiple === undefined ? 1 : multiple[i]!;
        const at = listed === undefined ? i * actions : listed.start[i]!;
        const count = listed === undefined ? actions : listed.start[i + 1]! - at;
        const base = (slot === undefined ? 0 : slot[i]!) * actions;
        const row = policy?.(i);
        state.n += m;
        let shown = 0;
        for (let k = 0; k < count; k++) {
          const p = distribution[at + k]!;
          const a = listed === undefined ? k : listed.action[at + k]!;
          if (action !== undefined && a === action[i]) shown += p;
          if (p === 0) {
            // a candidate that is listed has the lists of the log
            if (row !== undefined) state.unsupported += m * row.of[row.at + (row.list === undefined ? a : k)]!;
            continue;
          }
          const variance = m * m * p * (1 - p);
          const cell = 3 * (base + a);
          cells[cell + 1]! += m * p;
          cells[cell + 2]! += variance;
          const size = 3 * sizeOf(p);
          bySize[size + 1]! += m * p;
          bySize[size + 2]! += variance;
        }
        if (row !== undefined) state.asked += m;
        if (action === undefined) continue;
        cells[3 * (base + action[i]!)]! += m;
        bySize[3 * sizeOf(shown)]! += m;
        if (!(Math.abs(shown - propensity[i]!) <= tolerance * propensity[i]!)) state.mismatches += m;
      }
    },
    merge(other) {
      const from = (other as typeof self).state;
      state.n += from.n;
      state.mismatches += from.mismatches;
      state.unsupported += from.unsupported;
      state.asked += from.asked;
      state.actions = Math.max(state.actions, from.actions);
      grow(from.cells.length);
      for (let k = 0; k < from.cells.length; k++) state.cells[k]! += from.cells[k]!;
      for (let k = 0; k < sizes * 3; k++) state.bySize[k]! += from.bySize[k]!;
    },
    cells: () => expectedOf(state.cells),
    sizes: () => expectedOf(state.bySize),
  };
  return self;
}

const word = new Uint32Array(2);
const double = new Float64Array(word.buffer);

/** How often a probability can be doubled before it is over 1/2: read from its exponent. */
function sizeOf(p: number): number {
  double[0] = p;
  return Math.min(sizes - 1, Math.max(0, 1022 - ((word[1]! >>> 20) & 0x7ff)));
}
