import { alarmThreshold, chiSquareScore } from '../alarm-threshold.js';
import type { CellSums } from '../cell-measures.js';
import type { Expected } from '../distribution-sums.js';
import type { Facts } from '../facts.js';
import type { Finding } from '../finding.js';
import { digits, leastExcess, percent, score } from './score.js';

/** Digits after the point that propensities may have been rounded to; one is a design, not a rounding. */
const roundedDigits = [2, 3, 4] as const;
/** A rounded propensity is worth a warning when a weight may be this much off. */
const roundingError = 0.005;
/** So many different rounded values, and so many that are no multiples of 5 of the last digit, are no design. */
const roundedValues = { all: 3, odd: 2 } as const;
/** Share of decisions that may be shown otherwise than the distributions say before it matters. */
const shift = { warning: 0.005, error: 0.03 } as const;
/** Cells with fewer expected decisions are looked at together. */
const leastExpected = 10;

/** E[1 / p] is the number of actions that could be shown. */
export function inversePropensity({ n, actions, inverse, excess }: Facts): Finding | undefined {
  const known = excess ?? (actions === undefined ? undefined : { n, sum: inverse.sum - n * actions, squares: inverse.squares - 2 * actions * inverse.sum + n * actions ** 2 });
  if (known === undefined) return undefined;
  const candidates = (inverse.sum - known.sum) / n;
  const off = known.sum / n;
  const z = score(n, known.sum, known.squares, 0);
  if (!(off / candidates > leastExcess(n) && z > alarmThreshold(1))) return undefined;
  return {
    code: 'INVERSE_PROPENSITY',
    severity: 'error',
    message: `The mean of 1 / propensity is ${digits(candidates + off)}, but there are ${digits(candidates)} candidates: the propensities are too small for what was shown.`,
    numbers: { inverse_propensity_mean: candidates + off, candidates, standard_errors: z },
  };
}

/** Propensities that are 1 / n, and actions that were not shown equally often. */
export function propensityUniform({ n, actions, thinned, leastPropensity, mostPropensity, bySlotAction, slots }: Facts): Finding | undefined {
  const candidates = Math.round(1 / leastPropensity);
  const isUniform = mostPropensity - leastPropensity <= 1e-9 * leastPropensity && Math.abs(leastPropensity * candidates - 1) < 1e-6;
  if (!isUniform || thinned || bySlotAction.length === 0 || candidates < 2 || (actions !== undefined && actions !== candidates)) return undefined;
  let statistic = 0;
  let shown = 0;
  let most = { action: 0, share: 0 };
  for (let slot = 0; slot < slots; slot++) {
    const of = bySlotAction.filter((cell) => cell.slot === slot);
    const all = of.reduce((sum, { sums }) => sum + sums.n, 0);
    if (all === 0) continue;
    shown++;
    const expected = all / candidates;
    statistic += of.reduce((sum, { sums }) => sum + (sums.n - expected) ** 2 / expected, 0) + Math.max(0, candidates - of.length) * expected;
    for (const { action, sums } of of) if (sums.n / all > most.share) most = { action, share: sums.n / all };
  }
  const z = chiSquareScore(statistic, shown * (candidates - 1));
  if (!(z > alarmThreshold(1))) return undefined;
  return {
    code: 'PROPENSITY_UNIFORM',
    severity: 'error',
    message: `Every propensity is 1/${candidates}, but actions were not shown equally often: action ${most.action} got ${percent(most.share)} instead of ${percent(1 / candidates)}.`,
    numbers: { candidates, action: most.action, share: most.share, standard_errors: z, n },
  };
}

/** Rounded propensities: where the least and largest of every action and stretch of time are rounded, all are. */
export function propensityRounded({ actions, leastPropensity, propensityValues }: Facts): Finding | undefined {
  const places = roundedDigits.find((d) => propensityValues.every((p) => Math.abs(p * 10 ** d - Math.round(p * 10 ** d)) < 1e-9));
  if (places === undefined) return undefined;
  const step = 10 ** -places;
  const error = step / 2 / leastPropensity;
  if (error < roundingError) return undefined;
  const values = [...new Set(propensityValues.map((p) => Math.round(p / step)))];
  const odd = values.filter((p) => p % 5 !== 0);
  if (values.length < roundedValues.all || odd.length < roundedValues.odd || isEpsilonGreedy(odd, values, 10 ** places, actions)) return undefined;
  return {
    code: 'PROPENSITY_ROUNDED',
    severity: 'warning',
    message: `All propensities have at most ${places} digits after the point: the weight of a decision may be ${percent(Math.min(1, error))} off.`,
    numbers: { digits: places, error },
  };
}

/** Whether values come in pairs of one action with much and all others with little probability. @param one what the probabilities of a decision sum to */
function isEpsilonGreedy(odd: readonly number[], values: readonly number[], one: number, actions: number | undefined): boolean {
  return actions !== undefined && odd.every((p) => values.some((q) => p + (actions - 1) * q === one || q + (actions - 1) * p === one));
}

/** Times shown against the propensities, of each action and slot. */
export function actionCalibration(facts: Facts): Finding | undefined {
  return facts.distributions === undefined ? calibrationByInverse(facts) : calibrationByDistribution(facts);
}

/** Without distributions: Σ [a shown] / p is at most the number of decisions. */
function calibrationByInverse({ bySlotAction, bySlot, byAction, whole, slots, hasActions }: Facts): Finding | undefined {
  if (!hasActions) return undefined;
  const cells: { what: string; action: number; of: CellSums; n: number }[] = bySlotAction.map(({ slot, action, sums }) => ({ what: slots > 1 ? `action ${action} at slot ${slot}` : `action ${action}`, action, of: sums, n: bySlot.get(slot)!.n }));
  if (slots > 1) for (const [action, of] of byAction) cells.push({ what: `action ${action}`, action, of, n: whole.n });
  const threshold = alarmThreshold(cells.length);
  let worst: { what: string; z: number; ratio: number } | undefined;
  for (const { what, of, n } of cells) {
    const ratio = of.inverse / n;
    const z = score(n, of.inverse, of.inverse2, 1);
    if (ratio - 1 > leastExcess(n) && z > threshold && !(worst !== undefined && worst.z >= z)) worst = { what, z, ratio };
  }
  if (worst === undefined) return undefined;
  return {
    code: 'ACTION_CALIBRATION',
    severity: 'error',
    message: `${worst.what[0]!.toUpperCase()}${worst.what.slice(1)} was shown ${digits(worst.ratio)} times as often as its propensities say.`,
    numbers: { of: worst.what, ratio: worst.ratio, standard_errors: worst.z },
  };
}

/** With distributions: an exact test of each action and slot, of all of them together, and of probabilities by size. */
function calibrationByDistribution({ distributions, slots }: Facts): Finding | undefined {
  const { cells, sizes, actions, n } = distributions!;
  const looked = cells.filter((cell) => cell.expected >= leastExpected && cell.variance >= leastExpected);
  const threshold = alarmThreshold(looked.length + 2);
  const z = (of: Expected): number => (of.observed - of.expected) / Math.sqrt(of.variance);
  const together = (of: readonly Expected[]): number => chiSquareScore(of.reduce((sum, cell) => sum + z(cell) ** 2, 0), of.length);
  const bySize = sizes.filter((size) => size.expected >= leastExpected && size.variance >= leastExpected);
  const worst = looked.reduce<Expected | undefined>((most, cell) => (most === undefined || Math.abs(z(cell)) > Math.abs(z(most)) ? cell : most), undefined);
  const scores = [worst === undefined ? 0 : Math.abs(z(worst)), together(looked), together(bySize), ...bySize.map((size) => Math.abs(z(size)))];
  const moved = Math.max(cells.reduce((sum, cell) => sum + Math.abs(cell.observed - cell.expected), 0), sizes.reduce((sum, size) => sum + Math.abs(size.observed - size.expected), 0)) / 2 / n;
  const most = Math.max(...scores);
  if (worst === undefined || !(most > threshold) || moved < shift.warning) return undefined;
  const at = cells.indexOf(worst);
  const name = slots > 1 ? `action ${at % actions} at slot ${Math.floor(at / actions)}` : `action ${at}`;
  return {
    code: 'ACTION_CALIBRATION',
    severity: moved >= shift.error ? 'error' : 'warning',
    message: `What was shown does not follow the logged distributions: ${name} was shown ${digits(worst.observed)} times, where ${digits(worst.expected)} were to be expected.`,
    numbers: { of: name, observed: worst.observed, expected: worst.expected, standard_errors: most, share: moved },
  };
}

/** Propensities that are not those of the distributions. */
export function propensityMismatch({ distributions }: Facts): Finding | undefined {
  if (distributions === undefined || distributions.mismatches === 0) return undefined;
  const share = distributions.mismatches / distributions.n;
  return {
    code: 'PROPENSITY_MISMATCH',
    severity: share >= 0.001 ? 'error' : 'warning',
    message: `For ${percent(share)} of the decisions the propensity is not what the logged distribution gives to the action that was shown.`,
    numbers: { share, decisions: distributions.mismatches },
  };
}
