import { slotDesign } from './epsilon-greedy.js';
import type { CountedItem } from './item.js';
import { createPolicy, type Policy, type PolicyOptions } from './policy.js';
import { checkNumber, finite, type Scheme } from './scheme.js';

/** Settings of `ucb`. */
export interface UcbOptions<C extends CountedItem> extends PolicyOptions<C> {
  /** How much an item that was shown seldom gains. @default 1 */
  readonly exploration?: number;
  /** Share of decisions that show any item: without it nothing but the best bound could be shown. Above 0, at most 1. */
  readonly epsilon: number;
}

/**
 * Upper confidence bounds with support for every item: the item with the largest score + exploration · √(ln(1 + shown) / (1 + its count)), and with probability epsilon any.
 *
 * *When to use*: where the counts of items are known. *Details*: bounds alone choose without chance, so that a log of theirs says nothing of other policies;
 * that is what epsilon is for, and why it may not be 0. Logged scores are the bounds.
 *
 * Source: Auer, Cesa-Bianchi and Fischer, "Finite-time analysis of the multiarmed bandit problem", Machine Learning 47, 2002 (UCB1).
 *
 * @throws HR_ARGUMENT an epsilon that is not above 0 and at most 1, or an exploration below 0
 * @example ucb({ epsilon: 0.05 }).choose(items, { seed: decisionId })
 */
export function ucb<C extends CountedItem = CountedItem>(options: UcbOptions<C>): Policy<C> {
  const { exploration = 1, epsilon, ...rest } = options;
  checkNumber('exploration', exploration, 0, Number.MAX_VALUE);
  checkNumber('epsilon', epsilon, Number.MIN_VALUE, 1);
  const scheme: Scheme<CountedItem> = {
    name: 'ucb',
    recomputable: true,
    scores(items) {
      let shown = 0;
      for (const item of items) shown += finite(item.count >= 0 ? item.count : Number.NaN, item, 'count');
      return Float64Array.from(items, (item) => finite(item.score, item, 'score') + exploration * Math.sqrt(Math.log1p(shown) / (1 + item.count)));
    },
    begin(_items, bounds) {
      const filling = slotDesign(bounds, epsilon);
      return { ...filling, parameters: { epsilon, exploration } };
    },
  };
  return createPolicy<C>(scheme, rest);
}
