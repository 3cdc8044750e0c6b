import type { ScoredItem } from './item.js';
import { createPolicy, type Policy, type PolicyOptions } from './policy.js';
import { checkNumber, givenScores, type Scheme } from './scheme.js';

/** Settings of `softmax`. */
export interface SoftmaxOptions<C extends ScoredItem> extends PolicyOptions<C> {
  /** Scores are divided by it: near 0 the best item nearly always, large any item alike. @default 1 */
  readonly temperature?: number;
}

/**
 * Shows an item with a probability that grows with its score: exp(score / temperature), over the sum of all.
 *
 * *When to use*: where better items should be shown more often than worse ones, also among those that are not the best. *Details*: with several slots each is drawn
 * from what is left: a Plackett-Luce slate, whose probability is the product over its slots. Logged as `softmax`, or `plackett-luce`. Scores far below the best
 * have a probability of 0 in a double: give a `floor` where they should be evaluated.
 *
 * Source: Plackett, "The analysis of permutations", Applied Statistics 24(2), 1975.
 *
 * @throws HR_ARGUMENT a temperature that is not above 0
 * @example softmax({ temperature: 0.1, slots: 5, floor: 0.001 }).choose(items, { seed: decisionId })
 */
export function softmax<C extends ScoredItem = ScoredItem>(options: SoftmaxOptions<C> = {}): Policy<C> {
  const { temperature = 1, ...rest } = options;
  return createPolicy<C>(softmaxScheme((rest.slots ?? 1) === 1 ? 'softmax' : 'plackett-luce', temperature), rest);
}

/** The scheme over given scores. Errors: HR_ARGUMENT. */
export function softmaxScheme(name: 'softmax' | 'plackett-luce', temperature: number): Scheme<ScoredItem> {
  checkNumber('temperature', temperature, Number.MIN_VALUE, Number.MAX_VALUE);
  return {
    name,
    recomputable: true,
    scores: givenScores,
    begin: (_items, scores) => ({
      parameters: { temperature },
      distribute(pmf, open) {
        let best = -Infinity;
        for (let i = 0; i < scores.length; i++) if (open[i] && scores[i]! > best) best = scores[i]!;
        let sum = 0;
        for (let i = 0; i < scores.length; i++) if (open[i]) sum += pmf[i] = Math.exp((scores[i]! - best) / temperature);
        for (let i = 0; i < scores.length; i++) pmf[i]! /= sum;
      },
      taken: () => undefined,
    }),
  };
}
