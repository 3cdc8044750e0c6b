import { dr } from '../evaluation/estimators/dr.js';
import { loggedDecisions } from '../evaluation/logged-decisions.js';
import { pairedDifference } from '../evaluation/paired-difference.js';
import { createTally } from '../evaluation/tally.js';
import { weightSummary } from '../evaluation/weight-summary.js';
import { weigh, type WeightedDecisions } from '../evaluation/weighted-decisions.js';
import type { ChoiceColumns } from './choice-blocks.js';
import type { PairedDifference } from './quality/paired-bootstrap.js';

/** What a policy by the candidate's scores is worth more than one by the champion's, in clicks a slot. */
export interface PolicyValue extends PairedDifference {
  /** Slots that were logged, and how many of the candidate's own they stand for: (Σ w)² / Σ w². */
  readonly slots: number;
  readonly effective: number;
}

/** Chance with which the interval holds the difference where nothing else is wrong: that of three standard errors, as in the other checks. */
const level = 0.9973;

/**
 * Values candidate and champion as policies on logged decisions: each fills a slot with what its head scores highest, of what is left for it, with probability 1 - `epsilon`, else with any of it alike.
 *
 * *Details*: slots are taken one by one, behind the slots as they were logged, which gives as many choices as there are slots and no weight that is a product over a page; doubly robust, with the champion's scores as outcome model, which has not learned from these decisions; the difference is paired, by leaving out groups of users. undefined where nothing was logged.
 *
 * Source: Dudík, Langford and Li, "Doubly robust policy evaluation and learning", ICML 2011, equation (1); A. Kong, 1992 (effective sample size).
 *
 * @param scores probabilities of a click of every candidate, as the columns have them
 */
export function policyValue(choices: ChoiceColumns, scores: { readonly champion: Float64Array; readonly candidate: Float64Array }, epsilon: number): PolicyValue | undefined {
  if (choices.length === 0) return undefined;
  const log = loggedDecisions({ reward: choices.reward, propensity: choices.propensity, user: choices.user });
  const weighed = (by: Float64Array): WeightedDecisions => {
    const [shown, expected, modelled] = [new Float64Array(choices.length), new Float64Array(choices.length), new Float64Array(choices.length)];
    for (let i = 0; i < choices.length; i++) {
      const [from, to] = [choices.start[i]!, choices.start[i + 1]!];
      let best = from;
      for (let c = from; c < to; c++) if (by[c]! > by[best]!) best = c;
      const any = epsilon / (to - from);
      const mean = scores.champion.subarray(from, to).reduce((sum, x) => sum + x, 0) * any;
      const chosen = from + choices.shown[i]!;
      shown[i] = any + (chosen === best ? 1 - epsilon : 0);
      expected[i] = mean + (1 - epsilon) * scores.champion[best]!;
      modelled[i] = scores.champion[chosen]!;
    }
    return weigh(log, { shown }, { shown: modelled, expected });
  };
  const [candidate, champion] = [weighed(scores.candidate), weighed(scores.champion)];
  const tally = createTally({ weights: weightSummary() });
  tally.add(candidate);
  const difference = pairedDifference({ dr: dr() });
  difference.add(candidate, champion);
  const { value, interval } = difference.result(level).dr;
  // Two that choose alike have no spread.
  return { difference: value ?? 0, low: interval?.low ?? value ?? 0, high: interval?.high ?? value ?? 0, slots: choices.length, effective: tally.results().weights.ess };
}
