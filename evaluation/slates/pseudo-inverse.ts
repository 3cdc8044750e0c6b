import { type SlateEstimator, slateEstimator } from './slate-estimator.js';

/**
 * Pseudo-inverse estimator for slates whose slots are drawn independently: weight 1 - slots + Σ_k w_k, on the reward of the whole slate.
 *
 * *When to use*: where the slate's reward is a sum of unseen effects of its slots, and each slot has its own candidates. *Details*: uses the marginal probabilities;
 * weights may be negative.
 *
 * Source: Swaminathan et al., "Off-policy evaluation for slate recommendation", NIPS 2017, example 4 (arXiv 1605.04812).
 *
 * @example estimateSlates(pseudoInverse(), slates)
 * @see sips
 */
export function pseudoInverse(): SlateEstimator {
  return slateEstimator({
    name: 'pseudo_inverse',
    formula: 'Σ (1 - L + Σ_k w_k) Σ_k r_k / n',
    source: 'Swaminathan et al., NIPS 2017, example 4',
    numbers({ slots, marginalCandidate, marginalPropensity, reward }, s, out) {
      let weight = 1 - slots;
      let sum = 0;
      for (let i = s * slots; i < (s + 1) * slots; i++) {
        weight += marginalCandidate[i]! / marginalPropensity[i]!;
        sum += reward[i]!;
      }
      out[0] = weight * sum;
    },
  });
}
