import type { Choice } from './policy.js';
import type { Item } from './item.js';

/**
 * Marks a choice of which something was replaced after it was drawn: what was shown has no known probability, so an evaluation leaves the decision out and counts it.
 *
 * *When to use*: where a rule cannot come before the draw (something was deleted in between, an operator pins an item). What can come before belongs into `filter` or `rules`.
 *
 * @param reason in a word or two; logged
 * @example overridden(softmax().choose(items, { seed: decisionId }), 'sold out')
 */
export function overridden<C extends Item>(choice: Choice<C>, reason: string): Choice<C> {
  return { ...choice, overridden: reason };
}
