import type { SlateIpsOptions } from './sips.js';
import { type SlateEstimator, slateEstimator } from './slate-estimator.js';

/**
 * Independent IPS for slates: each slot has the weight of its own item.
 *
 * *When to use*: where the reward of a slot depends on its item and place alone. *Details*: uses the marginal probabilities; biased where slots act on one another.
 *
 * Source: Li, Abbasi-Yadkori, Kveton, Muthukrishnan, Vinay and Wen, "Offline evaluation of ranking policies with click models", KDD 2018 (item-position model).
 *
 * @example estimateSlates(iips(), slates)
 * @see sips, rips
 */
export function iips(options: SlateIpsOptions = {}): SlateEstimator {
  const { selfNormalised = false } = options;
  return slateEstimator({
    name: selfNormalised ? 'sniips' : 'iips',
    formula: selfNormalised ? 'Σ_k (Σ w_k r_k / Σ w_k)' : 'Σ Σ_k w_k r_k / n',
    source: 'Li et al., KDD 2018',
    ...(selfNormalised && { ratios: (slots: number) => slots }),
    numbers({ slots, marginalCandidate, marginalPropensity, reward }, s, out) {
      out[0] = 0;
      for (let k = 0; k < slots; k++) {
        const i = s * slots + k;
        const weight = marginalCandidate[i]! / marginalPropensity[i]!;
        if (selfNormalised) {
          out[k] = weight * reward[i]!;
          out[slots + k] = weight;
        } else out[0] += weight * reward[i]!;
      }
    },
  });
}
