import { HeadraceError } from '../dataflow/errors.js';
import { studentQuantile } from './distributions/student-quantile.js';
import { type Interval, intervalOf } from './intervals/interval.js';
import type { Estimate, Measure } from './measure.js';
import { checkShare } from './parameter.js';
import { createTally, statesOf } from './tally.js';
import type { WeightedDecisions } from './weighted-decisions.js';

/** How much more one candidate is worth than another, on the same decisions. */
export interface Difference {
  /** First less second; null where one of them has no estimate. */
  readonly value: number | null;
  readonly interval: Interval;
  readonly standardError: number | null;
}

type Estimators = Readonly<Record<string, Measure<string, Estimate>>>;

/** A comparison under way. */
export interface PairedDifference<E extends Estimators> {
  /** Takes the same decisions, weighed for both. Errors: HR_EVALUATION_COLUMNS when they are not the same. */
  add(first: WeightedDecisions, second: WeightedDecisions): void;
  result(level?: number): { readonly [K in keyof E]: Difference };
}

/** Groups that users are put into: enough for a standard error within 3 %. */
const groups = 512;

/**
 * Difference of two candidates by any estimators, with the interval of a paired comparison: what both have in common in a log cancels out.
 *
 * *When to use*: to choose between two policies; the intervals of each may overlap though one is plainly better. *Details*: users, by their number (decisions in turn, where the log has no users), are put into 512
 * groups, each is left out once, and the spread of the differences is the standard error; so it holds for ratios too, and for decisions of one user that go
 * together. One pass; parts of a log may come in any number. null for fewer than two groups, and for estimators that use a largest or smallest value.
 *
 * Source: Kott, "The delete-a-group jackknife", Journal of Official Statistics 17(4), 2001.
 *
 * @throws HR_ARGUMENT a level that is not between 0 and 1
 *
 * @example
 * const difference = pairedDifference({ snips: snips() });
 * difference.add(weigh(log, candidate), weigh(log, { uniform: true }));
 * difference.result().snips.interval;
 */
export function pairedDifference<const E extends Estimators>(estimators: E): PairedDifference<E> {
  const tally = createTally<Estimators>(estimators);
  const width = tally.kinds.length;
  const cells = [statesOf(tally.kinds, groups), statesOf(tally.kinds, groups)] as const;
  let rows = 0;
  const groupsOf = ({ length, log: { user } }: WeightedDecisions): Int32Array => {
    if (user === undefined) return Int32Array.from({ length }, () => rows++ % groups);
    return Int32Array.from(user, (id) => ((Math.floor(id) % groups) + groups) % groups);
  };
  const resultsOf = (state: Float64Array): Readonly<Record<string, Estimate>> => tally.results(state);
  return {
    add(first, second) {
      if (first.length !== second.length || first.reward !== second.reward) throw new HeadraceError('HR_EVALUATION_COLUMNS', 'Two candidates are compared on the same decisions; these differ.');
      const of = groupsOf(first);
      tally.byGroup(first, of, groups, cells[0]);
      tally.byGroup(second, of, groups, cells[1]);
    },
    result(level = 0.95) {
      checkShare('The level', level);
      const used = Array.from({ length: groups }, (_, g) => g).filter((g) => cells[0][g * width]! > 0);
      const totals = cells.map((of) => sumOf(of, used, width));
      const whole = totals.map(resultsOf);
      const without = used.map((g) => cells.map((of, c) => resultsOf(totals[c]!.map((sum, k) => sum - of[g * width + k]!))));
      const additive = tally.kinds.every((kind) => kind === 'total' || kind === 'products');
      const differenceOf = (name: string): Difference => {
        const [a, b] = whole.map((of) => of[name]!.value) as [number | null, number | null];
        const value = a === null || b === null ? null : a - b;
        const left = without.map(([one, two]) => one![name]!.value! - two![name]!.value!);
        const uses = Object.values(estimators[name]!.sums).every(({ kind }) => kind === 'total' || kind === 'products');
        if (value === null || used.length < 2 || !(additive || uses) || left.some((x) => !Number.isFinite(x))) return { value, interval: null, standardError: null };
        const mean = left.reduce((sum, x) => sum + x, 0) / left.length;
        const variance = ((left.length - 1) / left.length) * left.reduce((sum, x) => sum + (x - mean) ** 2, 0);
        const standardError = Math.sqrt(variance);
        // rounding alone is no spread
        if (!(standardError > 1e-12 * Math.max(Math.abs(a!), Math.abs(b!)))) return { value, interval: null, standardError: null };
        const reach = studentQuantile((1 + level) / 2, left.length - 1) * standardError;
        return { value, interval: intervalOf(value - reach, value + reach), standardError };
      };
      return Object.fromEntries(Object.keys(estimators).map((name) => [name, differenceOf(name)])) as { readonly [K in keyof E]: Difference };
    },
  };
}

function sumOf(cells: Float64Array, used: readonly number[], width: number): Float64Array {
  const out = new Float64Array(width);
  for (const g of used) for (let k = 0; k < width; k++) out[k]! += cells[g * width + k]!;
  return out;
}
