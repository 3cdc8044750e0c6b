import { alarmThreshold, chiSquareScore } from '../alarm-threshold.js';
import type { CellSums } from '../cell-measures.js';
import type { Facts } from '../facts.js';
import type { Finding } from '../finding.js';
import { percent } from './score.js';

/** Actions that were shown less often in all are looked at together. */
const leastShown = 20;
/** Changes under these are no change of policy: share of decisions that go elsewhere; shift of the propensities in standard deviations. */
const leastShift = { actions: 0.05, propensity: 0.2 } as const;
/** Decisions on either side of a change; and so many more that rare propensities are on both sides. */
const leastSide = 100;
const leastRare = 10;
/** Share of decisions that a policy has to have logged. */
const leastPart = 0.01;

/** A stretch of the log on one side of a possible change. */
interface Side {
  n: number;
  p: number;
  pp: number;
  readonly actions: Map<number, { n: number; p: number; pp: number }>;
}

/** A policy that took over from another one, by name; or a moment from which other actions were shown, or the same ones with other propensities. */
export function policyChange(facts: Facts): Finding | undefined {
  return successor(facts) ?? changePoint(facts);
}

function successor({ loggerCells, n, hasTime, blockWidth }: Facts): Finding | undefined {
  const spans = new Map<number, { from: number; to: number; n: number }>();
  for (const { slot: logger, block, sums } of loggerCells) {
    const seen = spans.get(logger) ?? { from: block, to: block, n: 0 };
    spans.set(logger, { from: Math.min(seen.from, block), to: Math.max(seen.to, block), n: seen.n + sums.n });
  }
  const parts = [...spans].filter(([, span]) => span.n >= leastPart * n).sort(([, a], [, b]) => a.from - b.from);
  for (let k = 1; k < parts.length; k++) {
    const [before, first] = parts[k - 1]!;
    const [after, second] = parts[k]!;
    if (second.from < first.to || second.to <= first.to) continue;
    return {
      code: 'POLICY_CHANGE',
      severity: 'warning',
      message: `Policy ${after} took over from policy ${before} ${moment(second.from, hasTime, blockWidth)}.`,
      numbers: { at: second.from, before, after },
    };
  }
  return undefined;
}

function changePoint({ cells, byBlock, whole, hasTime, blockWidth, thinning }: Facts): Finding | undefined {
  const blocks = [...byBlock.keys()];
  if (blocks.length < 2) return undefined;
  const shown = new Map<number, number>();
  const keyOf = (slot: number, action: number): number => slot * 2 ** 24 + action;
  for (const { slot, action, sums } of cells) shown.set(keyOf(slot, action), (shown.get(keyOf(slot, action)) ?? 0) + sums.n);
  const after = emptySide();
  const before = emptySide();
  const byTime = new Map<number, { key: number; sums: CellSums }[]>();
  for (const { block, slot, action, sums } of cells) {
    const key = keyOf(slot, action);
    // rare actions go together
    const named = { key: shown.get(key)! < leastShown ? -1 : key, sums };
    addTo(after, named.key, sums, 1);
    const of = byTime.get(block) ?? [];
    of.push(named);
    byTime.set(block, of);
  }
  const spread = Math.sqrt(varianceOf(whole));
  const ranges = new Map<number, { least: number; most: number; n: number; p: number; pp: number }>();
  for (const { slot, action, sums } of cells) {
    const seen = ranges.get(keyOf(slot, action)) ?? { least: 1, most: 0, n: 0, p: 0, pp: 0 };
    ranges.set(keyOf(slot, action), { least: Math.min(seen.least, sums.least), most: Math.max(seen.most, sums.most), n: seen.n + sums.n, p: seen.p + sums.p, pp: seen.pp + sums.pp });
  }
  const enough = new Map(Array.from(ranges, ([key, of]) => [key, needed(of)]));
  const enoughOfAll = needed(whole);
  const threshold = alarmThreshold(3 * (blocks.length - 1));
  let found: { at: number; z: number; shift: number; by: string } | undefined;
  for (let k = 1; k < blocks.length; k++) {
    for (const { key, sums } of byTime.get(blocks[k - 1]!)!) {
      addTo(before, key, sums, 1);
      addTo(after, key, sums, -1);
    }
    if (before.n < leastSide || after.n < leastSide) continue;
    const shift = Math.min(before.n, after.n) < enoughOfAll ? { z: 0, by: 0 } : meanShift(before, after, spread * Math.sqrt(thinning));
    const actions = actionShift(before, after, thinning);
    const within = propensityShift(before, after, enough, thinning);
    if (shift.z > threshold && Math.abs(shift.by) > leastShift.propensity * spread && shift.z > (found?.z ?? 0)) found = { at: blocks[k]!, z: shift.z, shift: shift.by, by: 'propensities' };
    if (actions.z > threshold && actions.by > leastShift.actions && actions.z > (found?.z ?? 0)) found = { at: blocks[k]!, z: actions.z, shift: actions.by, by: 'actions' };
    if (within.z > threshold && within.by > leastShift.propensity && within.z > (found?.z ?? 0)) found = { at: blocks[k]!, z: within.z, shift: within.by, by: 'propensities' };
  }
  if (found === undefined) return undefined;
  return {
    code: 'POLICY_CHANGE',
    severity: 'warning',
    message: `The logging policy changed ${moment(found.at, hasTime, blockWidth)}: ${found.by === 'actions' ? `${percent(found.shift)} of the decisions show other actions from there on` : 'the propensities of what is shown are others from there on'}.`,
    numbers: { at: found.at, standard_errors: found.z, shift: found.shift, by: found.by },
  };
}

function moment(at: number, hasTime: boolean, width: number): string {
  return hasTime ? `about ${new Date(at).toISOString().slice(0, width < 60_000 ? 19 : 16).replace('T', ' ')} UTC` : `near decision ${at}`;
}

const emptySide = (): Side => ({ n: 0, p: 0, pp: 0, actions: new Map() });

function addTo(side: Side, key: number, { n, p, pp }: CellSums, sign: 1 | -1): void {
  side.n += sign * n;
  side.p += sign * p;
  side.pp += sign * pp;
  const of = side.actions.get(key) ?? { n: 0, p: 0, pp: 0 };
  of.n += sign * n;
  of.p += sign * p;
  of.pp += sign * pp;
  side.actions.set(key, of);
}

const varianceOf = ({ n, p, pp }: { n: number; p: number; pp: number }): number => Math.max(0, pp / n - (p / n) ** 2);

/** Decisions that a side needs before a mean of skewed propensities is normal: enough to hold some of the rare ones. */
function needed(of: { least: number; most: number; n: number; p: number; pp: number }): number {
  const variance = varianceOf(of);
  return variance > 0 ? Math.max(30, (leastRare * (of.most - of.least) ** 2) / variance) : 30;
}

/** Mean propensity after against before. */
function meanShift(before: Side, after: Side, spread: number): { z: number; by: number } {
  const by = after.p / after.n - before.p / before.n;
  const error = spread * Math.sqrt(1 / before.n + 1 / after.n);
  return { z: error > 1e-12 ? Math.abs(by) / error : Math.abs(by) > 1e-9 ? Infinity : 0, by };
}

/** Share of decisions that go to other actions, and its χ². */
function actionShift(before: Side, after: Side, thinning: number): { z: number; by: number } {
  let statistic = 0;
  let moved = 0;
  let freedom = -1;
  for (const [key, b] of after.actions) {
    const a = before.actions.get(key) ?? { n: 0 };
    const all = a.n + b.n;
    const expectedBefore = (all * before.n) / (before.n + after.n);
    const expectedAfter = all - expectedBefore;
    if (Math.min(expectedBefore, expectedAfter) < 5) continue;
    statistic += (a.n - expectedBefore) ** 2 / expectedBefore + (b.n - expectedAfter) ** 2 / expectedAfter;
    moved += Math.abs(a.n / before.n - b.n / after.n) / 2;
    freedom++;
  }
  return { z: chiSquareScore(statistic / thinning, freedom), by: moved };
}

/** Shift of the propensities of one action, all actions together: in standard deviations, and its χ². */
function propensityShift(before: Side, after: Side, enough: ReadonlyMap<number, number>, thinning: number): { z: number; by: number } {
  let statistic = 0;
  let freedom = 0;
  let sizes = 0;
  let shown = 0;
  for (const [key, b] of after.actions) {
    const a = before.actions.get(key);
    if (key === -1 || a === undefined || Math.min(a.n, b.n) < enough.get(key)!) continue;
    const by = Math.abs(a.p / a.n - b.p / b.n);
    const variance = varianceOf({ n: a.n + b.n, p: a.p + b.p, pp: a.pp + b.pp });
    // where an action has one propensity, there is nothing to see
    if (!(variance > 1e-15)) continue;
    statistic += by ** 2 / (variance * (1 / a.n + 1 / b.n));
    freedom++;
    sizes += (a.n + b.n) * (by / Math.sqrt(variance));
    shown += a.n + b.n;
  }
  return { z: chiSquareScore(statistic / thinning, freedom), by: shown > 0 ? sizes / shown : 0 };
}
