import { HeadraceError } from '../../dataflow/errors.js';
import type { Item } from './item.js';
import type { ChooseOptions, Policy } from './policy.js';

/** Slates whose beginnings are walked through, at most. */
export const mostEnumerated = 100_000;

/**
 * Probability of each item in each slot, whatever stands before it: row `k` of `items.length` columns is slot `k`. What independent-slot estimators (IIPS) need.
 *
 * *Details*: all beginnings of a slate that have a probability are walked through, so it is for few items and slots.
 *
 * @throws HR_ARGUMENT more than 100,000 beginnings; HR_POLICY_ITEMS as `choose`
 * @example slotMarginals(epsilonGreedy({ epsilon: 0.1, slots: 3 }), items, { seed: '' })
 */
export function slotMarginals<C extends Item>(policy: Policy<C>, items: readonly C[], options: ChooseOptions): Float64Array {
  const { slots } = policy;
  const n = items.length;
  let beginnings = 1;
  for (let k = 0; k + 1 < slots; k++) beginnings *= Math.max(1, n - k);
  if (beginnings > mostEnumerated) throw new HeadraceError('HR_ARGUMENT', `${slots} slots of ${n} items have more than ${mostEnumerated} beginnings.`);
  const out = new Float64Array(slots * n);
  const walk = (after: readonly number[], weight: number): void => {
    const pmf = policy.distribution(items, { ...options, after });
    for (let i = 0; i < n; i++) {
      const p = weight * pmf[i]!;
      if (p === 0) continue;
      out[after.length * n + i]! += p;
      if (after.length + 1 < slots) walk([...after, i], p);
    }
  };
  walk([], 1);
  return out;
}
