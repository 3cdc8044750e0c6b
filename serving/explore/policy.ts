import { type Clock, systemClock } from '../../dataflow/clock.js';
import { HeadraceError } from '../../dataflow/errors.js';
import type { Item } from './item.js';
import type { Rule } from './rule.js';
import { checkNumber, type Scheme, type SlotFilling } from './scheme.js';
import { drawStream, seededRandom, voteStream } from './seeded-random.js';

/** Settings that every policy has. */
export interface PolicyOptions<C extends Item> {
  /** @default the name of the scheme */
  readonly id?: string;
  /** Told apart in the log: change it with whatever changes the probabilities. @default '' */
  readonly version?: string;
  /** Positions on the page. @default 1 */
  readonly slots?: number;
  /** Items that may be shown at all; the others are left out before anything else. @default all */
  readonly filter?: (item: C) => boolean;
  /** What may not stand in the next slot, given those before: folded into the probabilities. @default none */
  readonly rules?: readonly Rule<C>[];
  /** Least probability of every item that may stand in a slot: the distribution is mixed with the uniform one. Over 1/n it means uniform. @default 0 */
  readonly floor?: number;
  /** For what depends on the time of day where `choose` is not told the time. @default the machine's */
  readonly clock?: Clock;
}

/** What a decision is made with. */
export interface ChooseOptions {
  /** The id of the decision: with it and the log the same choice is drawn again. */
  readonly seed: string;
  /** Epoch milliseconds. @default now */
  readonly time?: number | undefined;
}

/** What stands in one slot. */
export interface ChosenSlot<C> {
  readonly item: C;
  /** Its place in `items` of the choice. */
  readonly candidate: number;
  /** Probability that it was drawn, given the slots before; a float64, not rounded. */
  readonly propensity: number;
  /** What it was drawn from: a probability an item of the choice, given the slots before. */
  readonly pmf: Float64Array;
}

/** A decision with its probabilities. */
export interface Choice<C extends Item> {
  /** What could be chosen: the candidates that passed the filter. */
  readonly items: readonly C[];
  /** What probabilities were computed from, a number an item. */
  readonly scores: Float64Array;
  readonly slots: readonly ChosenSlot<C>[];
  /** Probability of all slots together, in their order. */
  readonly propensity: number;
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, number>>;
  /** Whether scheme, parameters and scores give the distributions again. */
  readonly recomputable: boolean;
  readonly policyId: string;
  readonly policyVersion: string;
  readonly seed: string;
  /** Epoch milliseconds. */
  readonly time: number;
  /** Why something else was shown; null when what was drawn was shown. */
  readonly overridden: string | null;
}

/** A policy that knows its own probabilities: it draws from the distribution that it tells. */
export interface Policy<C extends Item> {
  readonly id: string;
  readonly version: string;
  /** Name of the scheme, as it is logged. */
  readonly scheme: string;
  readonly slots: number;
  /**
   * Draws a slate. It has fewer slots than asked for where items or rules leave no more.
   *
   * @throws HR_POLICY_ITEMS no item, or one that cannot be ranked
   */
  choose<D extends C>(items: readonly D[], options: ChooseOptions): Choice<D>;
  /**
   * The distribution of a slot, a probability an item of `items`: what `choose` would draw from behind the items `after`, which are given by their places.
   *
   * @throws HR_POLICY_ITEMS as `choose`; HR_ARGUMENT for a place that is none
   */
  distribution(items: readonly C[], options: ChooseOptions & { readonly after?: readonly number[] }): Float64Array;
  /** Probability of a slate, given by the places of its items in `items`. Errors: as `distribution`. */
  probability(items: readonly C[], slate: readonly number[], options: ChooseOptions): number;
}

/**
 * Makes a policy from a scheme: filter, then slot after slot rules, distribution, floor and draw.
 *
 * *When to use*: for a scheme of one's own; the policies below are made with it. *Details*: a scheme says how probabilities come from what is known of the items; all that follows
 * from them is the same for every policy, and so are these options.
 *
 * @throws HR_ARGUMENT slots that are no whole number from 1, or a floor outside of [0, 1]
 * @example
 * const uniform: Scheme<Item> = {
 *   name: 'uniform',
 *   recomputable: false,
 *   scores: (items) => new Float64Array(items.length),
 *   begin: () => ({
 *     parameters: {},
 *     distribute(pmf, open) {
 *       const n = open.reduce((sum, isOpen) => sum + isOpen, 0);
 *       open.forEach((isOpen, i) => (pmf[i] = isOpen / n));
 *     },
 *     taken: () => undefined,
 *   }),
 * };
 * const policy = createPolicy(uniform, { slots: 3 });
 */
export function createPolicy<C extends Item>(scheme: Scheme<C>, options: PolicyOptions<C>): Policy<C> {
  const { id = scheme.name, version = '', slots = 1, filter, rules = [], floor = 0, clock = systemClock } = options;
  if (!Number.isInteger(slots) || slots < 1) throw new HeadraceError('HR_ARGUMENT', `A policy has ${slots} slots; give a whole number from 1.`);
  checkNumber('floor', floor, 0, 1);

  const begin = <D extends C>(items: readonly D[], { seed, time = clock.now() }: ChooseOptions) => {
    if (items.length === 0) throw new HeadraceError('HR_POLICY_ITEMS', `Decision ${seed}: there is nothing to choose from.`);
    const scores = scheme.scores(items);
    const filling = scheme.begin(items, scores, { time, random: seededRandom(seed, voteStream) });
    const parameters = floor > 0 ? { ...filling.parameters, floor } : filling.parameters;
    return { scores, time, parameters, next: slotAfterSlot(items, filling, rules.map((rule) => rule.begin(items)), floor) };
  };
  const passing = <D extends C>(items: readonly D[], seed: string): readonly D[] => {
    if (filter === undefined) return items;
    const left = items.filter(filter);
    if (left.length === 0 && items.length > 0) throw new HeadraceError('HR_POLICY_ITEMS', `Decision ${seed}: none of the ${items.length} items passes the filter.`);
    return left;
  };
  /** Places of `items` among those that pass the filter, -1 for the others. */
  const placesOf = (items: readonly C[]): Int32Array => {
    let at = 0;
    return Int32Array.from(items, (item) => (filter === undefined || filter(item) ? at++ : -1));
  };

  return {
    id,
    version,
    scheme: scheme.name,
    slots,
    choose(given, chosen) {
      const items = passing(given, chosen.seed);
      const { scores, time, parameters, next } = begin(items, chosen);
      const random = seededRandom(chosen.seed, drawStream);
      const filled: ChosenSlot<(typeof items)[number]>[] = [];
      let propensity = 1;
      while (filled.length < slots) {
        const pmf = next.distribution();
        if (pmf === undefined) break;
        const candidate = draw(pmf, random.real());
        next.take(candidate);
        propensity *= pmf[candidate]!;
        filled.push({ item: items[candidate]!, candidate, propensity: pmf[candidate]!, pmf });
      }
      return {
        items, scores, slots: filled, propensity, scheme: scheme.name, parameters, recomputable: scheme.recomputable && rules.length === 0,
        policyId: id, policyVersion: version, seed: chosen.seed, time, overridden: null,
      };
    },
    distribution(given, { after = [], ...chosen }) {
      const places = placesOf(given);
      const { next } = begin(passing(given, chosen.seed), chosen);
      let pmf = next.distribution();
      for (const place of after) {
        if (!(place >= 0 && place < given.length)) throw new HeadraceError('HR_ARGUMENT', `There is no item at place ${place} of ${given.length}.`);
        // behind what cannot be there, nothing can be
        if (pmf === undefined || !(pmf[places[place]!]! > 0)) return new Float64Array(given.length);
        next.take(places[place]!);
        pmf = next.distribution();
      }
      return Float64Array.from(places, (at) => (at < 0 ? 0 : (pmf?.[at] ?? 0)));
    },
    probability(given, slate, chosen) {
      const places = placesOf(given);
      const { next } = begin(passing(given, chosen.seed), chosen);
      let joint = 1;
      for (const place of slate) {
        if (!(place >= 0 && place < given.length)) throw new HeadraceError('HR_ARGUMENT', `There is no item at place ${place} of ${given.length}.`);
        joint *= next.distribution()?.[places[place]!] ?? 0;
        if (joint === 0) return 0;
        next.take(places[place]!);
      }
      return joint;
    },
  };
}

/** Walks through the slots of a decision; `distribution` is undefined when nothing may stand in the next one. */
function slotAfterSlot(items: readonly unknown[], filling: SlotFilling, rules: readonly ReturnType<Rule<Item>['begin']>[], floor: number) {
  const shown: number[] = [];
  const isShown = new Uint8Array(items.length);
  const open = new Uint8Array(items.length);
  return {
    distribution(): Float64Array | undefined {
      let n = 0;
      for (let i = 0; i < open.length; i++) open[i] = 1 - isShown[i]!;
      for (const close of rules) close(open, shown);
      for (let i = 0; i < open.length; i++) n += open[i]!;
      if (n === 0) return undefined;
      const pmf = new Float64Array(items.length);
      filling.distribute(pmf, open);
      if (floor > 0) mixFloor(pmf, open, Math.min(floor, 1 / n), n);
      return pmf;
    },
    take(at: number): void {
      filling.taken(at);
      isShown[at] = 1;
      shown.push(at);
    },
  };
}

/** (1 - n·floor)·p + floor: every open item keeps `floor` at least, and the order stays. */
function mixFloor(pmf: Float64Array, open: Uint8Array, floor: number, n: number): void {
  const rest = Math.max(0, 1 - n * floor);
  for (let i = 0; i < pmf.length; i++) if (open[i]) pmf[i] = rest * pmf[i]! + floor;
}

/** The place where the running sum passes `u`; the last one that has a probability where rounding leaves the sum below. */
export function draw(pmf: ArrayLike<number>, u: number): number {
  let sum = 0;
  let last = -1;
  for (let i = 0; i < pmf.length; i++) {
    const p = pmf[i]!;
    if (!(p > 0)) continue;
    sum += p;
    if (u < sum) return i;
    last = i;
  }
  return last;
}
