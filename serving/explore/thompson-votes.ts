import { HeadraceError } from '../../dataflow/errors.js';
import type { Item } from './item.js';
import { createPolicy, type Policy, type PolicyOptions } from './policy.js';
import type { Posterior } from './posterior.js';
import type { Scheme } from './scheme.js';

/** Settings of `thompsonVotes`. */
export interface ThompsonVotesOptions<C extends Item> extends PolicyOptions<C> {
  /** `betaPosterior` or `gaussianPosterior`. */
  readonly posterior: Posterior<C>;
  /** Draws from the posteriors; the share that an item wins is its probability. @default 256 */
  readonly votes?: number;
  /** Least probability of every item: one without a vote would have none. Above 0. @default 0.001 */
  readonly floor?: number;
}

/**
 * Thompson sampling by votes: values are drawn for all items many times, and an item's probability is the share of draws that it wins, mixed to a floor.
 *
 * *When to use*: for any number of items. *Details*: the distribution comes first and the item is drawn from it, so that the probability is known exactly, whereas one
 * draw from the posteriors would leave it unknown. The votes are drawn from the seed too, apart from the choice. With several slots the items that are
 * left are voted on with the same draws. Cost: votes × items draws.
 *
 * @throws HR_ARGUMENT votes that are no whole number from 1, or a floor that is not above 0
 * @example thompsonVotes({ posterior: gaussianPosterior, slots: 5 }).choose(items, { seed: decisionId })
 */
export function thompsonVotes<C extends Item>(options: ThompsonVotesOptions<C>): Policy<C> {
  const { posterior, votes = 256, floor = 0.001, ...rest } = options;
  if (!Number.isInteger(votes) || votes < 1) throw new HeadraceError('HR_ARGUMENT', `votes is ${votes}; give a whole number from 1.`);
  if (!(floor > 0)) throw new HeadraceError('HR_ARGUMENT', 'The floor of thompsonVotes is above 0: an item without a vote would never be shown.');
  const scheme: Scheme<C> = {
    name: `thompson-${posterior.name}-votes`,
    recomputable: false,
    scores: (items) => Float64Array.from(items, (item) => posterior.mean(item)),
    begin(items, _scores, { random }) {
      const n = items.length;
      for (const item of items) posterior.density(item);
      const drawn = new Float64Array(votes * n);
      for (let v = 0; v < votes; v++) for (let i = 0; i < n; i++) drawn[v * n + i] = posterior.draw(items[i]!, random);
      return {
        parameters: { votes },
        distribute(pmf, open) {
          for (let v = 0; v < votes; v++) {
            let best = -1;
            for (let i = 0; i < n; i++) if (open[i] && (best < 0 || drawn[v * n + i]! > drawn[v * n + best]!)) best = i;
            pmf[best]! += 1;
          }
          for (let i = 0; i < n; i++) pmf[i]! /= votes;
        },
        taken: () => undefined,
      };
    },
  };
  return createPolicy<C>(scheme, { ...rest, floor });
}
