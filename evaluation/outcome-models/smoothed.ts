import { checkParameter } from '../parameter.js';
import type { OutcomeModel } from './outcome-model.js';

/**
 * Mean outcome of each action and slot, drawn to the mean of all: q̂ = (Σ r + strength · m) / (times shown + strength), m the mean reward.
 *
 * *When to use*: first; it needs nothing but the log, and is hard to beat without context. A row of a thinned log counts by its multiple.
 *
 * Source: Efron and Morris, "Data analysis using Stein's estimator", JASA 70, 1975, for the idea; a Beta prior with mean m for clicks.
 *
 * @param strength how many decisions the mean counts as, above 0
 * @throws HR_ARGUMENT a strength that is not above 0
 *
 * @example expectedOutcomes(log, candidate, smoothed(10))
 */
export function smoothed(strength = 10): OutcomeModel {
  checkParameter('The strength of smoothing', strength, Number.MIN_VALUE, Number.MAX_VALUE);
  return {
    name: `smoothed:${strength}`,
    fit(log, rows) {
      const actions = log.actions!;
      const rewards = new Float64Array(actions * log.slots);
      const times = new Float64Array(actions * log.slots);
      let reward = 0;
      let count = 0;
      for (const i of rows) {
        const cell = (log.slot === undefined ? 0 : log.slot[i]!) * actions + log.action![i]!;
        const m = log.pdrop === undefined ? 1 : 1 / (1 - log.pdrop[i]!);
        rewards[cell]! += m * log.reward[i]!;
        times[cell]! += m;
        reward += m * log.reward[i]!;
        count += m;
      }
      const mean = count > 0 ? reward / count : 0;
      const table = rewards.map((sum, cell) => (sum + strength * mean) / (times[cell]! + strength));
      return {
        predict(log, row, out) {
          const at = (log.slot === undefined ? 0 : log.slot[row]!) * actions;
          for (let a = 0; a < actions; a++) out[a] = table[at + a]!;
        },
        predictSome(log, row, some, out) {
          const at = (log.slot === undefined ? 0 : log.slot[row]!) * actions;
          for (let k = 0; k < some.length; k++) out[k] = table[at + some[k]!]!;
        },
      };
    },
  };
}
