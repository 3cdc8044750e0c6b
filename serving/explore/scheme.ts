import { HeadraceError } from '../../dataflow/errors.js';
import type { Random } from '../../dataflow/splitmix.js';
import type { Item } from './item.js';

/** What a scheme may look at besides the items. */
export interface Situation {
  /** Epoch milliseconds. */
  readonly time: number;
  /** For what is drawn before the probabilities are known, such as posterior votes; independent of what the slots are drawn with. */
  readonly random: Random;
}

/** The slots of one decision, from the first on. */
export interface SlotFilling {
  /** What the probabilities were computed with; logged. */
  readonly parameters: Readonly<Record<string, number>>;
  /** Writes the distribution of the next slot: above 0 only where `open` is 1; it sums to 1. Cost: O(items) for schemes over scores. */
  distribute(pmf: Float64Array, open: Uint8Array): void;
  /** Item number `at` stands in that slot. */
  taken(at: number): void;
}

/** How probabilities come from what is known of the items. */
export interface Scheme<C extends Item> {
  /** As it is logged. */
  readonly name: string;
  /** Whether logged scores and parameters give the same probabilities again. */
  readonly recomputable: boolean;
  /** A number an item, logged as its score. Errors: HR_POLICY_ITEMS. */
  scores(items: readonly C[]): Float64Array;
  begin(items: readonly C[], scores: Float64Array, situation: Situation): SlotFilling;
}

/** The scores that a ranking model gave. Errors: HR_POLICY_ITEMS for one that is not a finite number. */
export function givenScores(items: readonly { readonly itemId: string; readonly score: number }[]): Float64Array {
  const scores = new Float64Array(items.length);
  for (let i = 0; i < items.length; i++) scores[i] = finite(items[i]!.score, items[i]!, 'score');
  return scores;
}

/** The number itself. Errors: HR_POLICY_ITEMS. */
export function finite(value: number, item: Item, what: string): number {
  if (!Number.isFinite(value)) throw new HeadraceError('HR_POLICY_ITEMS', `The ${what} of item ${item.itemId} is ${String(value)}.`);
  return value;
}

/** Checks an option of a policy. Errors: HR_ARGUMENT. */
export function checkNumber(what: string, value: number, least: number, most: number): number {
  if (!(value >= least && value <= most)) throw new HeadraceError('HR_ARGUMENT', `${what} is ${String(value)}; give a number from ${least} to ${most === Number.MAX_VALUE ? 'any finite one' : most}.`);
  return value;
}
