import { type SlateEstimator, slateEstimator } from './slate-estimator.js';

/** Whether weights are divided by their mean. */
export interface SlateIpsOptions {
  /** @default false */
  readonly selfNormalised?: boolean;
}

/**
 * Standard IPS for slates: the whole slate has one weight, the product over its slots, and one reward, their sum.
 *
 * *When to use*: for two or three slots; unbiased however slots act on one another, but its variance grows with each slot.
 *
 * Source: Swaminathan et al., "Off-policy evaluation for slate recommendation", NIPS 2017, section 2; in the slot-wise form: Kiyohara et al., "Doubly robust
 * off-policy evaluation for ranking policies under the cascade behavior model", WSDM 2022.
 *
 * @example estimateSlates(sips({ selfNormalised: true }), slates)
 * @see iips, rips, cascadeDr
 */
export function sips(options: SlateIpsOptions = {}): SlateEstimator {
  const { selfNormalised = false } = options;
  return slateEstimator({
    name: selfNormalised ? 'snsips' : 'sips',
    formula: selfNormalised ? 'Σ w Σ_k r_k / Σ w, w = Π_k w_k' : 'Σ w Σ_k r_k / n, w = Π_k w_k',
    source: 'Swaminathan et al., NIPS 2017, section 2',
    ...(selfNormalised && { ratios: () => 1 }),
    numbers({ slots, candidate, propensity, reward }, s, out) {
      let weight = 1;
      let sum = 0;
      for (let i = s * slots; i < (s + 1) * slots; i++) {
        weight *= candidate[i]! / propensity[i]!;
        sum += reward[i]!;
      }
      out[0] = weight * sum;
      if (selfNormalised) out[1] = weight;
    },
  });
}
