import type { SlateIpsOptions } from './sips.js';
import { type SlateEstimator, slateEstimator } from './slate-estimator.js';

/**
 * Reward-interaction IPS for slates: a slot has the product of the weights down to it.
 *
 * *When to use*: where readers go from the top down, so that a slot depends on those above it and on none below.
 *
 * Source: McInerney, Brost, Chandar, Mehrotra and Carterette, "Counterfactual evaluation of slate recommendations with sequential reward interactions", KDD 2020.
 *
 * @example estimateSlates(rips({ selfNormalised: true }), slates)
 * @see sips, iips, cascadeDr
 */
export function rips(options: SlateIpsOptions = {}): SlateEstimator {
  const { selfNormalised = false } = options;
  return slateEstimator({
    name: selfNormalised ? 'snrips' : 'rips',
    formula: selfNormalised ? 'Σ_k (Σ w_1:k r_k / Σ w_1:k)' : 'Σ Σ_k w_1:k r_k / n, w_1:k = w_1 ⋯ w_k',
    source: 'McInerney et al., KDD 2020',
    ...(selfNormalised && { ratios: (slots: number) => slots }),
    numbers({ slots, candidate, propensity, reward }, s, out) {
      out[0] = 0;
      let weight = 1;
      for (let k = 0; k < slots; k++) {
        const i = s * slots + k;
        weight *= candidate[i]! / propensity[i]!;
        if (selfNormalised) {
          out[k] = weight * reward[i]!;
          out[slots + k] = weight;
        } else out[0] += weight * reward[i]!;
      }
    },
  });
}
