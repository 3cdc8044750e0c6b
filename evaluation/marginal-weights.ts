import { HeadraceError } from '../dataflow/errors.js';
import type { Candidate } from './candidate.js';
import { checkLength, type LoggedDecisions } from './logged-decisions.js';
import { policyRow } from './policy-row.js';

/**
 * What the outcome depends on instead of the action itself. `category`: one class an action. `observed` and `given`: a class a decision, with p(class | action)
 * as actions × classes, row after row.
 */
export type Embedding = { readonly category: Int32Array } | { readonly observed: Int32Array; readonly given: Float64Array; readonly classes: number };

/**
 * Marginal importance weights: probability of the class of what was shown, under the candidate, over that under the logging policy. IPS on them is MIPS.
 *
 * *When to use*: with thousands of actions of which few are shown often. *Details*: right when the class tells all that the action does to the outcome; needs the whole
 * distribution that was logged. Costs decisions × actions, or what is listed.
 *
 * Source: Saito and Joachims, "Off-policy evaluation for large action spaces via embeddings", ICML 2022, section 3.
 *
 * @throws HR_EVALUATION_COLUMNS a log without actions or distribution, or columns that do not fit
 *
 * @example withWeights(log, marginalWeights(log, candidate, { category }))
 */
export function marginalWeights(log: LoggedDecisions, candidate: Candidate, embedding: Embedding): Float64Array {
  const { length, action, actions, listed } = log;
  const distribution = listed?.probability ?? log.distribution;
  if (action === undefined || actions === undefined || distribution === undefined) throw new HeadraceError('HR_EVALUATION_COLUMNS', 'Marginal weights need the actions of the log and the whole distribution that they were drawn from.');
  const row = policyRow(log, candidate);
  const inClass = classOf(log, actions, embedding);
  const out = new Float64Array(length);
  for (let i = 0; i < length; i++) {
    const policy = row(i);
    let under = 0;
    let logged = 0;
    for (let k = 0; k < policy.count; k++) under += policy.of[policy.at + k]! * inClass(i, policy.list === undefined ? k : policy.list[policy.at + k]!);
    const at = listed === undefined ? i * actions : listed.start[i]!;
    const count = listed === undefined ? actions : listed.start[i + 1]! - at;
    for (let k = 0; k < count; k++) logged += distribution[at + k]! * inClass(i, listed === undefined ? k : listed.action[at + k]!);
    out[i] = under / logged;
  }
  return out;
}

/** Probability that an action has the class of what was shown at a row. */
function classOf({ length, action }: LoggedDecisions, actions: number, embedding: Embedding): (row: number, of: number) => number {
  if ('category' in embedding) {
    const { category } = embedding;
    checkLength('category', category.length, actions);
    return (i, a) => Number(category[a] === category[action![i]!]);
  }
  const { observed, given, classes } = embedding;
  checkLength('observed', observed.length, length);
  checkLength('given', given.length, actions * classes);
  return (i, a) => given[a * classes + observed[i]!]!;
}
