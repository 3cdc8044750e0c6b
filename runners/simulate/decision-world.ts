import { HeadraceError } from '../../dataflow/errors.js';
import type { Random } from '../../dataflow/splitmix.js';
import type { Decision } from '../../schemas/generated/decision.js';
import type { Outcome } from '../../schemas/generated/outcome.js';
import { decisionOf, type LoggedPmf } from '../../serving/decision-of.js';
import type { ScoredItem } from '../../serving/explore/item.js';
import type { Policy } from '../../serving/explore/policy.js';
import { itemId, userId } from './click-world.js';
import { plantDrift } from './drift.js';
import { trafficCurve } from './traffic-curve.js';
import { clickProbability, positions } from './world-columns.js';
import { categories, planWorld, taste, type ClickWorldOptions, type WorldPlan } from './world-plan.js';

/** A candidate of the world. Its score is what a model that has seen all clicks but knows no person would say; it is a little wrong for each item. */
export interface WorldItem extends ScoredItem {
  readonly creatorId: string;
  readonly category: string;
  /** The score, and how much more than the average person this one clicks on the item's category; in a world with drift also the item's looks. */
  readonly features: readonly number[];
}

/** The world in which decisions are made; `decisions` takes the place of `events`. */
export interface DecisionWorldOptions extends Omit<ClickWorldOptions, 'events'> {
  readonly decisions: number;
  readonly policy: Policy<WorldItem>;
  /** Items among which each decision chooses. @default 10 */
  readonly candidates?: number;
  /** Decisions that are drawn, where it is another number than the one that the world is laid out for. @default decisions */
  readonly samples?: number;
  /** Another sample of the same world: other people at other times see other candidates. @default 0 */
  readonly run?: number;
  /** How much what people like changes with time: standard deviation of what click probabilities are multiplied with. @default 0 */
  readonly drift?: number;
  /** What is written of the distributions. @default 'whole' */
  readonly pmf?: LoggedPmf;
}

/** A decision and what followed from it. */
export interface WorldDecision {
  readonly decision: Decision;
  readonly outcomes: readonly Outcome[];
  /** What its policy earns here in the mean: click probabilities over its own distributions, summed over slots. */
  readonly expected: number;
}

/** Streams of random numbers of decisions lie behind those of bots. */
const decisionStreams = 0x4000_0000;
const noiseStream = 0x3fff_ffff;
/** Clicks come within so many milliseconds. */
const slowestClick = 300_000;
const duplicateShare = 0.005;

/**
 * Lets a policy decide in the click world: each decision shows a page of candidates to a person, who clicks by the planted probabilities; some outcomes come twice.
 * Decisions come in order of their times. The same options give the same decisions everywhere.
 *
 * @throws HR_ARGUMENT as `clickWorld`, or more candidates than items
 */
export function* decisionWorld(options: DecisionWorldOptions): Generator<WorldDecision, void, undefined> {
  const { decisions, policy, candidates = 10, samples = decisions, run = 0, drift: strength = 0, pmf, ...world } = options;
  if (!Number.isInteger(run) || run < 0 || run > 0x3fff_ffff) throw new HeadraceError('HR_ARGUMENT', `run is ${run}; give a whole number from 0.`);
  if (!(strength >= 0 && strength <= 1)) throw new HeadraceError('HR_ARGUMENT', `drift is ${strength}; give a number from 0 to 1.`);
  const plan = planWorld({ ...world, events: decisions });
  if (!Number.isInteger(candidates) || candidates < 1 || candidates > plan.items) throw new HeadraceError('HR_ARGUMENT', `candidates is ${candidates}; give a whole number from 1 to the ${plan.items} items.`);
  const scores = modelScores(plan);
  const drift = strength === 0 ? undefined : plantDrift(plan, strength);
  const timeAt = trafficCurve(plan.start, plan.duration);
  const { random } = plan;
  for (let n = 0; n < samples; n++) {
    random.seed(decisionStreams + run, n);
    const user = plan.userAt(random.unit(), random.unit());
    const time = Math.min(plan.duration - 1, Math.floor(timeAt((n + random.unit()) / samples)));
    const places = drawPlaces(plan, candidates, random);
    const items = places.map((item): WorldItem => {
      const category = plan.category[item]!;
      return { itemId: itemId(item), score: scores[item]!, creatorId: `c${plan.creator[item]!}`, category: categories[category]!, features: [scores[item]!, taste(plan, user, category), ...(drift?.looks(item) ?? [])] };
    });
    const decisionId = `d${world.seed}.${run}-${n}`;
    const choice = policy.choose(items, { seed: decisionId, time: plan.start + time });
    // a policy may look at items of its own making, which have the same ids
    const placeOf = new Map(items.map((item, i) => [item.itemId, places[i]!]));
    const chance = (candidate: number, slot: number) => {
      const item = placeOf.get(choice.items[candidate]!.itemId)!;
      const usual = clickProbability(plan, user, item, Math.min(slot, positions - 1), time);
      return drift === undefined ? usual : Math.min(0.95, usual * drift.factor(item, time));
    };
    let expected = 0;
    const outcomes: Outcome[] = [];
    choice.slots.forEach(({ candidate, pmf: drawnFrom }, slot) => {
      for (let i = 0; i < drawnFrom.length; i++) if (drawnFrom[i]! > 0) expected += drawnFrom[i]! * chance(i, slot);
      if (random.real() >= chance(candidate, slot)) return;
      const clicked = plan.start + time + 1_000 + random.below(slowestClick - 1_000);
      const outcome: Outcome = { outcomeId: `${decisionId}/${slot}/click`, decisionId, time: clicked, slot, parts: { click: 1, watchMs: 1_000 + random.below(60_000) } };
      outcomes.push(outcome);
      if (random.unit() < duplicateShare) outcomes.push(outcome);
    });
    const decision = decisionOf({ decisionId, choice, userId: userId(user), surface: 'feed', context: { hour: Math.floor((plan.start + time) / 3_600_000) % 24 }, attributes: { segment: categories[plan.favourite[user]!]! }, modelVersion: 'm1' }, pmf);
    yield { decision, outcomes, expected };
  }
}

/**
 * What a policy is worth in a world: the mean reward of a decision, and how far that may be off because contexts were sampled.
 *
* *Details*: over `samples` decisions, in a sample of their own; each counts with its expectation over the policy's distributions and the planted click
 * probabilities, not with what was clicked. For one slot that leaves no chance but the contexts; for more, also the slots above.
 */
export function policyValue(options: Omit<DecisionWorldOptions, 'run'>): { readonly value: number; readonly standardError: number } {
  const { samples = options.decisions } = options;
  let sum = 0;
  let squares = 0;
  for (const { expected } of decisionWorld({ ...options, run: truthRun })) {
    sum += expected;
    squares += expected * expected;
  }
  const value = sum / samples;
  return { value, standardError: Math.sqrt(Math.max(0, squares / samples - value * value) / samples) };
}

const truthRun = 0x3fff_fff0;

/** Click rates as a model has learned them: right up to a quarter, the same for everybody. */
function modelScores(plan: WorldPlan): Float64Array {
  return plan.ctr.map((ctr, item) => {
    plan.random.seed(noiseStream, item);
    return ctr * (0.75 + 0.5 * plan.random.unit());
  });
}

/** Different items, by popularity. */
function drawPlaces(plan: WorldPlan, count: number, random: Random): number[] {
  const places = new Set<number>();
  // popularity is flat enough for this to end soon, but not where nearly all items are wanted
  for (let tries = 0; places.size < count && tries < 20 * count; tries++) places.add(plan.itemAt(random.unit(), random.unit()));
  for (let item = 0; places.size < count; item++) places.add(item);
  return [...places];
}
