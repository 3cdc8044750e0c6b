import { HeadraceError } from '../../dataflow/errors.js';
import type { Item } from './item.js';
import { orderGrid } from './order-grid.js';
import { fillTop, product } from './order-probabilities.js';
import { createPolicy, type Policy, type PolicyOptions } from './policy.js';
import type { Posterior } from './posterior.js';
import type { Scheme } from './scheme.js';

/** Settings of `thompsonExact`. */
export interface ThompsonExactOptions<C extends Item> extends PolicyOptions<C> {
  /** `betaPosterior` or `gaussianPosterior`. */
  readonly posterior: Posterior<C>;
}

/**
 * Thompson sampling with its exact probabilities: each item is shown as often as it is the best under what is known.
 *
 * *When to use*: for up to 64 items. *Details*: the probabilities are integrals over the posteriors, computed to about 12 digits; with several slots the slate has the
 * probability that drawn values have just this order at the top. Rules may close items, not open them again. Cost: about a millisecond for ten items.
 *
 * Source: Thompson, "On the likelihood that one unknown probability exceeds another in view of the evidence of two samples", Biometrika 25, 1933.
 *
 * @throws HR_ARGUMENT by `choose`: a rule opens an item again
 * @example thompsonExact({ posterior: betaPosterior }).choose(items, { seed: decisionId })
 */
export function thompsonExact<C extends Item>(options: ThompsonExactOptions<C>): Policy<C> {
  const { posterior, ...rest } = options;
  const scheme: Scheme<C> = {
    name: `thompson-${posterior.name}-exact`,
    recomputable: false,
    scores: (items) => Float64Array.from(items, (item) => posterior.mean(item)),
    begin(items) {
      const grid = orderGrid(posterior, items);
      const last = new Uint8Array(items.length).fill(1);
      const taken = new Uint8Array(items.length);
      let outer: Float64Array | undefined;
      let lowest: Float64Array | undefined;
      return {
        parameters: {},
        distribute(pmf, open) {
          for (let i = 0; i < open.length; i++) {
            if (open[i] && !last[i]) throw new HeadraceError('HR_ARGUMENT', 'thompsonExact: a rule opens an item again that was closed; use thompsonVotes.');
            // closed by a rule from here on: it lies below the last one that was taken, wherever else
            if (lowest !== undefined && last[i] && !open[i] && !taken[i]) lowest = product(lowest, grid.below[i]!);
          }
          if (lowest !== undefined) outer = grid.above(lowest);
          last.set(open);
          fillTop(grid, pmf, open, outer);
        },
        taken(at) {
          taken[at] = 1;
          lowest = outer === undefined ? grid.density[at]! : product(outer, grid.density[at]!);
        },
      };
    },
  };
  return createPolicy<C>(scheme, rest);
}
