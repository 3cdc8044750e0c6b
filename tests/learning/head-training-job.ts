import { headPlan, type HeadPlan, type HeadPlanOptions } from '../../learning/head-plan.js';
import { openHeadSessions } from '../../learning/head-sessions.js';
import type { IntervalTrainer } from '../../learning/train-head.js';
import { trainInterval } from '../../learning/train-interval.js';
import { headTraining } from '../../pipelines/head-training.js';
import { loggedDecisionWorld } from '../../runners/simulate/logged-decision-world.js';
import type { LoggedDecision } from '../../schemas/generated/logged-decision.js';
import { epsilonGreedy } from '../../serving/explore/epsilon-greedy.js';

/** A small head over the features of the world with drift. */
export function smallPlan(options: Partial<HeadPlanOptions> = {}): HeadPlan {
  return headPlan({
    model: 'head',
    layout: { context: ['load'], candidate: ['score', 'taste', ...Array.from({ length: 8 }, (_, k) => `look${k + 1}`)] },
    hidden: [16],
    reservoir: 1_500,
    training: { batch: 64, epochs: 3, learningRate: 0.002 },
    gate: { leastClicks: 25 },
    ...options,
  });
}

/** Trains in this thread: tests need no built thread. */
export async function trainerHere(plan: HeadPlan, now?: () => number): Promise<IntervalTrainer> {
  const sessions = await openHeadSessions(plan.shape, { providers: ['cpu'], clipNorm: plan.clipNorm });
  return { interval: (_plan, task) => trainInterval(plan, sessions, task, now), close: () => sessions.close() };
}

/** The shipped pipeline with another plan, trained in this thread. */
export function headTrainingJob(plan: HeadPlan, trainer: (plan: HeadPlan) => Promise<IntervalTrainer> = (of) => trainerHere(of)) {
  return headTraining('head-training', plan, { trainer });
}

/** Decisions of some hours with what followed, 1,400 an hour. */
export function decisionsOf(hours: number, options: { readonly seed?: number; readonly drift?: number } = {}): LoggedDecision[] {
  const decisions = 1_400 * hours;
  const world = loggedDecisionWorld({ decisions, rate: decisions / (hours * 3_600), seed: options.seed ?? 7, users: 300, items: 60, drift: options.drift ?? 0.5, policy: epsilonGreedy({ epsilon: 0.4, slots: 3, id: 'test' }), start: Date.UTC(2026, 0, 5, 12), pmf: 'scheme' });
  // the hour of the day would be another one in each interval: nothing to learn by
  return Array.from(world, (decision, i) => ({ ...decision, context: { load: (i % 10) / 10 } }));
}
