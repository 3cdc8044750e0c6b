import { bestOf } from './best-of.js';
import type { ScoredItem } from './item.js';
import { createPolicy, type Policy, type PolicyOptions } from './policy.js';
import { checkNumber, givenScores, type Scheme } from './scheme.js';

/** Settings of `squareCb`. */
export interface SquareCbOptions<C extends ScoredItem> extends PolicyOptions<C> {
  /** How much a worse score costs in probability; grows with the square root of the decisions that the model has learned from. */
  readonly gamma: number;
}

/**
 * Inverse-gap weighting: an item whose score is by `gap` below the best has probability 1 / (n + gamma·gap); the best has the rest.
 *
 * *When to use*: where scores are expected rewards of a regression, and exploration should fall off with what it costs. *Details*: items with the best score share its
 * probability. With several slots each is drawn from what is left.
 *
 * Source: Foster and Rakhlin, "Beyond UCB: optimal and efficient contextual bandits with regression oracles", ICML 2020, algorithm 1.
 *
 * @throws HR_ARGUMENT a gamma below 0
 * @example squareCb({ gamma: 100 }).choose(items, { seed: decisionId })
 */
export function squareCb<C extends ScoredItem = ScoredItem>(options: SquareCbOptions<C>): Policy<C> {
  const { gamma, ...rest } = options;
  return createPolicy<C>(squareCbScheme(gamma), rest);
}

/** The scheme over given scores. Errors: HR_ARGUMENT. */
export function squareCbScheme(gamma: number): Scheme<ScoredItem> {
  checkNumber('gamma', gamma, 0, Number.MAX_VALUE);
  return {
    name: 'square-cb',
    recomputable: true,
    scores: givenScores,
    begin: (_items, scores) => ({
      parameters: { gamma },
      distribute(pmf, open) {
        const { best, ties, n } = bestOf(scores, open);
        let others = 0;
        for (let i = 0; i < scores.length; i++) if (open[i] && scores[i] !== best) others += pmf[i] = 1 / (n + gamma * (best - scores[i]!));
        for (let i = 0; i < scores.length; i++) if (open[i] && scores[i] === best) pmf[i] = (1 - others) / ties;
      },
      taken: () => undefined,
    }),
  };
}
