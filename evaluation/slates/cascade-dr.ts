import { HeadraceError } from '../../dataflow/errors.js';
import { type SlateEstimator, slateEstimator } from './slate-estimator.js';

/**
 * Cascade doubly robust for slates: RIPS, corrected slot by slot by what a model expects from there on.
 *
 * *When to use*: like RIPS, with an outcome model; less noise.
 *
 * Source: Kiyohara, Saito, Matsuhiro, Narita, Shimizu and Yamamoto, "Doubly robust off-policy evaluation for ranking policies under the cascade behavior model", WSDM 2022.
 *
 * @throws HR_EVALUATION_MODEL slates without expected outcomes, when they are added
 *
 * @example estimateSlates(cascadeDr(), loggedSlates({ slots: 3, reward, propensity, candidate, shownOutcome, expectedOutcome }))
 * @see rips
 */
export function cascadeDr(): SlateEstimator {
  return slateEstimator({
    name: 'cascade_dr',
    formula: 'Σ Σ_k (w_1:k (r_k - q_k) + w_1:k-1 v_k) / n',
    source: 'Kiyohara et al., WSDM 2022',
    numbers({ slots, candidate, propensity, reward, shownOutcome, expectedOutcome }, s, out) {
      if (shownOutcome === undefined || expectedOutcome === undefined) throw new HeadraceError('HR_EVALUATION_MODEL', 'Cascade-DR needs the outcomes that a model expects, and the slates come without.');
      let sum = 0;
      let above = 1;
      for (let i = s * slots; i < (s + 1) * slots; i++) {
        const weight = (above * candidate[i]!) / propensity[i]!;
        sum += weight * (reward[i]! - shownOutcome[i]!) + above * expectedOutcome[i]!;
        above = weight;
      }
      out[0] = sum;
    },
  });
}
