import { HeadraceError } from '../../dataflow/errors.js';
import type { Item } from './item.js';
import { type OrderGrid, orderGrid } from './order-grid.js';
import type { Posterior } from './posterior.js';

/**
 * Probability of each item to have the largest value: ∫ fᵢ Π Fⱼ.
 *
 * @throws HR_POLICY_ITEMS more than 64 items, or one whose posterior cannot be
 * @example topProbabilities(betaPosterior, [{ itemId: 'a', alpha: 3, beta: 7 }, { itemId: 'b', alpha: 5, beta: 9 }])
 */
export function topProbabilities<C extends Item>(posterior: Posterior<C>, items: readonly C[]): Float64Array {
  const out = new Float64Array(items.length);
  fillTop(orderGrid(posterior, items), out, new Uint8Array(items.length).fill(1), undefined);
  return out;
}

/**
 * Probability of each item to have the largest, second largest, … value: row `i` of `items.length` columns is item `i`. Rows and columns sum to 1.
 *
 * *Details*: at each point the number of others above is a sum of independent zeros and ones (Poisson binomial), counted item by item.
 *
 * @throws HR_POLICY_ITEMS as `topProbabilities`
 */
export function rankProbabilities<C extends Item>(posterior: Posterior<C>, items: readonly C[]): Float64Array {
  const n = items.length;
  const grid = orderGrid(posterior, items);
  const out = new Float64Array(n * n);
  const above = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const parts = Array.from({ length: n }, () => new Float64Array(grid.length));
    for (let x = 0; x < grid.length; x++) {
      above.fill(0);
      above[0] = 1;
      let others = 0;
      for (let j = 0; j < n; j++) {
        if (j === i) continue;
        const below = grid.below[j]![x]!;
        others++;
        for (let k = others; k >= 0; k--) above[k] = above[k]! * below + (k > 0 ? above[k - 1]! * Math.max(0, 1 - below) : 0);
      }
      for (let k = 0; k < n; k++) parts[k]![x] = above[k]! * grid.density[i]![x]!;
    }
    for (let k = 0; k < n; k++) out[i * n + k] = grid.integral(parts[k]!);
  }
  return out;
}

/**
 * Probability that the items of a slate have the largest values, in its order: the first above the second, …, the last above all that are not in it.
 *
 * @param slate places in `items`
 * @throws HR_POLICY_ITEMS as `topProbabilities`; HR_ARGUMENT for a place that is none or is there twice
 * @example slateProbability(betaPosterior, items, [2, 1, 0])
 */
export function slateProbability<C extends Item>(posterior: Posterior<C>, items: readonly C[], slate: readonly number[]): number {
  if (new Set(slate).size < slate.length || slate.some((place) => !(place >= 0 && place < items.length))) throw new HeadraceError('HR_ARGUMENT', `[${slate.join(', ')}] is no slate of ${items.length} items.`);
  const grid = orderGrid(posterior, items);
  let inside = new Float64Array(grid.length).fill(1);
  for (let j = 0; j < items.length; j++) if (!slate.includes(j)) inside = product(inside, grid.below[j]!);
  // from the last item up: the probability that it and what is behind it lie below, as a function of where the one before lies
  const first = [...slate].reverse();
  let value = 1;
  for (const [k, place] of first.entries()) {
    const f = product(inside, grid.density[place]!);
    value = grid.integral(f);
    if (k + 1 < first.length) {
      const upwards = grid.above(f);
      inside = upwards.map((y) => Math.max(0, value - y));
    }
  }
  return value;
}

/**
 * Probability of each open item to be the largest of the open ones; ∫ gᵢ Π Fⱼ, with `outer` as the probability that all taken ones lie above.
 *
 * Cost: O(points · items).
 */
export function fillTop(grid: OrderGrid, pmf: Float64Array, open: Uint8Array, outer: Float64Array | undefined): void {
  const places = [...open.keys()].filter((i) => open[i]);
  // products of the distribution functions before and behind each item, so that nothing is divided
  const behind: Float64Array[] = [];
  let running: Float64Array = new Float64Array(grid.length).fill(1);
  for (let k = places.length - 1; k >= 0; k--) {
    behind[k] = running;
    running = product(running, grid.below[places[k]!]!);
  }
  let before: Float64Array = outer ?? new Float64Array(grid.length).fill(1);
  let sum = 0;
  for (const [k, place] of places.entries()) {
    pmf[place] = grid.integral(product(product(before, behind[k]!), grid.density[place]!));
    sum += pmf[place]!;
    before = product(before, grid.below[place]!);
  }
  for (const place of places) pmf[place] = sum > 0 ? pmf[place]! / sum : 1 / places.length;
}

/** a · b, point by point. */
export function product(a: Float64Array, b: Float64Array): Float64Array<ArrayBuffer> {
  const out = new Float64Array(a.length);
  for (let i = 0; i < out.length; i++) out[i] = a[i]! * b[i]!;
  return out;
}
