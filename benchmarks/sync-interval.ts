import { openHeadSessions, type HeadSessions } from '../learning/head-sessions.js';
import { type HeadState, newHead } from '../learning/head-state.js';
import { auc } from '../learning/quality/auc.js';
import { normalizedEntropy } from '../learning/quality/normalized-entropy.js';
import { pairedBootstrap } from '../learning/quality/paired-bootstrap.js';
import type { HeadPlan } from '../learning/head-plan.js';
import { reservoirThreshold, smallestDraws } from '../learning/reservoir.js';
import { examplesOf, filtered, joined, picked, type RowColumns } from '../learning/row-blocks.js';
import { driftingRows } from './drifting-rows.js';

/** How a head is kept up to date: hours between two trainings (0: never), and the share of the reservoir in them. */
const learners: readonly { readonly name: string; readonly hours: number; readonly replay: number }[] = [
  { name: 'frozen', hours: 0, replay: 0.2 },
  { name: 'daily', hours: 24, replay: 0.2 },
  { name: 'every 6 hours', hours: 6, replay: 0.2 },
  { name: 'hourly', hours: 1, replay: 0.2 },
  { name: 'hourly, no reservoir', hours: 1, replay: 0 },
  { name: 'hourly, half reservoir', hours: 1, replay: 0.5 },
];

/**
 * How often a head is trained against its progressive AUC, in a click world with drift: all heads begin with the same one, trained on the first day, and each hour of the days after is scored before it is learned from. Differences are to the head before in the
 * list (those of the reservoir to `hourly`), with 95 % intervals by resampling users.
 *
 * Source of the question: Z. Liu et al., "Monolith: real time recommendation system with collisionless embedding table", 2022, section 3.2.
 */
export async function* syncInterval({ days, decisionsPerDay, seed }: { readonly days: number; readonly decisionsPerDay: number; readonly seed: number }): AsyncIterable<Record<string, string | number>> {
  const { plan, hours } = driftingRows({ days, decisionsPerDay, seed });
  const sessions = await openHeadSessions(plan.shape, { providers: ['cpu'], threads: 1, clipNorm: plan.clipNorm });
  const first = joined(hours.slice(0, 24), plan.shape.inputs);
  const base = await trained(plan, sessions, newHead(plan.shape, seed), first, 0);
  const later = joined(hours.slice(24), plan.shape.inputs);
  const users = numbered(later.user);
  const scores = new Map<string, Float64Array>();
  for (const learner of learners) {
    const own = await progressiveScores(plan, sessions, base, hours, learner);
    scores.set(learner.name, own);
    const to = learner.name.startsWith('hourly,') ? 'hourly' : learners[learners.indexOf(learner) - 1]?.name;
    const difference = to === undefined ? undefined : pairedBootstrap({ champion: scores.get(to)!, candidate: own, clicks: later.click, users }, { seed, replicates: 200 });
    const shown = (x: number) => Number(x.toFixed(4));
    yield {
      benchmark: 'sync-interval',
      head: learner.name,
      examples: later.length,
      seed,
      auc: shown(auc(own, later.click)!),
      entropy: shown(normalizedEntropy(own, later.click)!),
      calibration: shown(own.reduce((sum, p) => sum + p, 0) / later.click.reduce((sum, c) => sum + c, 0)),
      ...(difference === undefined ? {} : { against: to!, aucDifference: shown(difference.auc!.difference), aucLow: shown(difference.auc!.low), aucHigh: shown(difference.auc!.high), entropyDifference: shown(difference.entropy!.difference), entropyLow: shown(difference.entropy!.low), entropyHigh: shown(difference.entropy!.high) }),
    };
  }
  await sessions.close();
}

/** Scores of all hours behind the first day, each by the head as it was before that hour. */
async function progressiveScores(plan: HeadPlan, sessions: HeadSessions, base: HeadState, hours: readonly RowColumns[], learner: (typeof learners)[number]): Promise<Float64Array> {
  const width = plan.shape.inputs;
  let state = base;
  let reservoir = sampleOf(joined(hours.slice(0, 24), width), plan.reservoir);
  const scores: number[] = [];
  for (let h = 24; h < hours.length; h++) {
    for (const score of await sessions.score(state.parameters, examplesOf(hours[h]!, plan.shape))) scores.push(score);
    if (learner.hours === 0 || (h + 1) % learner.hours !== 0) continue;
    const fresh = joined(hours.slice(h + 1 - learner.hours, h + 1), width);
    const replayed = Math.min(reservoir.length, Math.round((fresh.length * learner.replay) / (1 - learner.replay)));
    // another part of the reservoir each time
    const lots = smallestDraws(Float64Array.from(reservoir.draw, (draw) => (draw * (h + 1)) % 1_000_003), replayed);
    state = await trained(plan, sessions, state, joined([fresh, picked(reservoir, lots)], width), h);
    reservoir = sampleOf(joined([reservoir, fresh], width), plan.reservoir);
  }
  return Float64Array.from(scores);
}

async function trained(plan: HeadPlan, sessions: HeadSessions, from: HeadState, rows: RowColumns, shuffleSeed: number): Promise<HeadState> {
  return (await sessions.train(from, examplesOf(rows, plan.shape), { ...plan.training, shuffleSeed })).state;
}

function sampleOf(rows: RowColumns, capacity: number): RowColumns {
  const threshold = reservoirThreshold(rows.draw, capacity);
  return filtered(rows, (row) => rows.draw[row]! <= threshold);
}

function numbered(hashes: Float64Array): Int32Array {
  const numbers = new Map<number, number>();
  return Int32Array.from(hashes, (hash) => numbers.get(hash) ?? (numbers.set(hash, numbers.size), numbers.size - 1));
}
