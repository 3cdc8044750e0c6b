import type { Base } from '../learning/base/base.js';
import { basePlan } from '../learning/base/base-plan.js';
import type { Interaction } from '../learning/base/interactions.js';
import { openTowerSessions } from '../learning/base/tower-sessions.js';
import { trainBase } from '../learning/base/train-base.js';
import { openHeadSessions, type HeadSessions } from '../learning/head-sessions.js';
import { type HeadState, newHead } from '../learning/head-state.js';
import { auc } from '../learning/quality/auc.js';
import { normalizedEntropy } from '../learning/quality/normalized-entropy.js';
import { pairedBootstrap } from '../learning/quality/paired-bootstrap.js';
import { headPlan, type HeadPlan } from '../learning/head-plan.js';
import { reservoirThreshold, smallestDraws } from '../learning/reservoir.js';
import { examplesOf, filtered, joined, picked, type RowColumns } from '../learning/row-blocks.js';
import { driftingRows } from './drifting-rows.js';

/** How a head is kept up to date: hours between two trainings (0: never), the share of the reservoir in them, whether it is on a base that is trained each day, and which of those before it is compared with. */
const learners: readonly { readonly name: string; readonly hours: number; readonly replay: number; readonly against?: string; readonly onBase?: boolean }[] = [
  { name: 'frozen', hours: 0, replay: 0.2 },
  { name: 'daily', hours: 24, replay: 0.2, against: 'frozen' },
  { name: 'every 6 hours', hours: 6, replay: 0.2, against: 'daily' },
  { name: 'hourly', hours: 1, replay: 0.2, against: 'every 6 hours' },
  { name: 'base daily, head hourly', hours: 1, replay: 0.2, against: 'hourly', onBase: true },
  { name: 'hourly, no reservoir', hours: 1, replay: 0, against: 'hourly' },
  { name: 'hourly, half reservoir', hours: 1, replay: 0.5, against: 'hourly' },
];

/** On a new base, hours that a head is warmed on, as far as the base has not learned them: what `headPlan` has. */
const warmedOn = 6;

/**
 * How often a head is trained against its progressive AUC, in a click world with drift: all heads begin with one that was trained on the first day, and each hour of the days after is scored before it is learned from. A base is trained at midnight on all clicks so far, and serves
 * when a head was warmed on it, an hour later. Differences are to the head that is named, with 95 % intervals by resampling users.
 *
 * Source of the question: Z. Liu et al., "Monolith: real time recommendation system with collisionless embedding table", 2022, section 3.2.
 */
export async function* syncInterval({ days, decisionsPerDay, seed }: { readonly days: number; readonly decisionsPerDay: number; readonly seed: number }): AsyncIterable<Record<string, string | number>> {
  const { plan, hours, interactions } = driftingRows({ days, decisionsPerDay, seed });
  const later = joined(hours.slice(24), plan.features);
  const users = numbered(later.user);
  const scores = new Map<string, Float64Array>();
  for (const learner of learners) {
    const own = await progressiveScores(learner.onBase === true ? headPlan({ model: plan.model, layout: plan.layout, hidden: plan.shape.hidden, training: plan.training, seed, base: { model: 'two-tower' } }) : plan, hours, interactions, learner);
    scores.set(learner.name, own);
    const { against } = learner;
    const difference = against === undefined ? undefined : pairedBootstrap({ champion: scores.get(against)!, candidate: own, clicks: later.click, users }, { seed, replicates: 200 });
    const shown = (x: number) => Number(x.toFixed(4));
    yield {
      benchmark: 'sync-interval',
      head: learner.name,
      examples: later.length,
      seed,
      auc: shown(auc(own, later.click)!),
      entropy: shown(normalizedEntropy(own, later.click)!),
      calibration: shown(own.reduce((sum, p) => sum + p, 0) / later.click.reduce((sum, c) => sum + c, 0)),
      ...(difference === undefined ? {} : { against: against!, aucDifference: shown(difference.auc!.difference), aucLow: shown(difference.auc!.low), aucHigh: shown(difference.auc!.high), entropyDifference: shown(difference.entropy!.difference), entropyLow: shown(difference.entropy!.low), entropyHigh: shown(difference.entropy!.high) }),
    };
  }
}

/** Scores of all hours behind the first day, each by the head as it was before that hour. */
async function progressiveScores(plan: HeadPlan, hours: readonly RowColumns[], interactions: readonly (readonly Interaction[])[], learner: (typeof learners)[number]): Promise<Float64Array> {
  const width = plan.features;
  const sessions = await openHeadSessions(plan.shape, { providers: ['cpu'], threads: 1, clipNorm: plan.clipNorm });
  const firstDay = joined(hours.slice(0, 24), width);
  let base = plan.base && (await nextBase(plan, interactions.slice(0, 24), undefined));
  let state = await trained(plan, sessions, newHead(plan.shape, plan.seed), firstDay, base, 0);
  let reservoir = sampleOf(firstDay, plan.reservoir);
  const scores: number[] = [];
  for (let h = 24; h < hours.length; h++) {
    for (const score of await sessions.score(state.parameters, examplesOf(hours[h]!, plan.shape, base))) scores.push(score);
    if (learner.hours === 0 || (h + 1) % learner.hours !== 0) continue;
    const fresh = joined(hours.slice(h + 1 - learner.hours, h + 1), width);
    const replayed = Math.min(reservoir.length, Math.round((fresh.length * learner.replay) / (1 - learner.replay)));
    // another part of the reservoir each time
    const lots = smallestDraws(Float64Array.from(reservoir.draw, (draw) => (draw * (h + 1)) % 1_000_003), replayed);
    const parts = [fresh, picked(reservoir, lots)];
    if (base !== undefined && h > 24 && h % 24 === 0) {
      const { trainedTo } = (base = await nextBase(plan, interactions.slice(0, h), base));
      const recent = joined(hours.slice(h - warmedOn, h), width);
      parts.unshift(filtered(recent, (row) => recent.time[row]! > trainedTo));
      state = { ...newHead(plan.shape, plan.seed), parameters: state.parameters };
    }
    state = await trained(plan, sessions, state, joined(parts, width), base, h);
    reservoir = sampleOf(joined([reservoir, fresh], width), plan.reservoir);
  }
  await sessions.close();
  return Float64Array.from(scores);
}

async function nextBase({ seed }: HeadPlan, interactions: readonly (readonly Interaction[])[], before: Base | undefined): Promise<Base> {
  return (await trainBase(basePlan({ model: 'two-tower', seed }), (shape, { temperature, clipNorm }) => openTowerSessions(shape, { providers: ['cpu'], threads: 1, temperature, clipNorm }), interactions.flat(), before)).base;
}

async function trained(plan: HeadPlan, sessions: HeadSessions, from: HeadState, rows: RowColumns, base: Base | undefined, shuffleSeed: number): Promise<HeadState> {
  return (await sessions.train(from, examplesOf(rows, plan.shape, base), { ...plan.training, shuffleSeed })).state;
}

function sampleOf(rows: RowColumns, capacity: number): RowColumns {
  const threshold = reservoirThreshold(rows.draw, capacity);
  return filtered(rows, (row) => rows.draw[row]! <= threshold);
}

function numbered(hashes: Float64Array): Int32Array {
  const numbers = new Map<number, number>();
  return Int32Array.from(hashes, (hash) => numbers.get(hash) ?? (numbers.set(hash, numbers.size), numbers.size - 1));
}
