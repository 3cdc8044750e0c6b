import { HeadraceError } from '../../dataflow/errors.js';
import type { Decision } from '../../schemas/generated/decision.js';
import { draw } from './policy.js';
import { policyByName } from './schemes-by-name.js';
import { drawStream, seededRandom } from './seeded-random.js';

/** What probabilities need of a decision; a `Decision` and a `LoggedDecision` have it. */
export type LoggedScheme = Pick<Decision, 'decisionId' | 'candidates' | 'slots' | 'scheme' | 'parameters' | 'seed'>;

/**
 * The distributions that a logged decision was drawn from, one a slot: as they were logged, or computed from scheme, parameters and scores where they were left out.
 *
 * @throws HR_DECISION a slot without a distribution whose scheme does not give it, or with one of another length
 */
export function distributionsOf(decision: LoggedScheme): Float64Array[] {
  const { candidates, slots } = decision;
  const shown = slots.map((slot) => slot.candidate);
  return slots.map(({ pmf }, k) => {
    if (pmf.length === 0) return policyByName(decision.scheme, decision.parameters, slots.length).distribution(candidates, { seed: decision.seed, time: 0, after: shown.slice(0, k) });
    if (pmf.length !== candidates.length) throw new HeadraceError('HR_DECISION', `Decision ${decision.decisionId}: slot ${k} has ${pmf.length} probabilities for ${candidates.length} candidates.`);
    return Float64Array.from(pmf);
  });
}

/**
 * Draws a logged decision again from its seed and its distributions: the places of the candidates that were drawn.
 *
 * *When to use*: to check a log. Where `slots` names other candidates, something was changed behind the draw, or the distributions are not those that were drawn from.
 *
 * @throws HR_DECISION as `distributionsOf`
 */
export function redraw(decision: LoggedScheme): number[] {
  return drawnFrom(decision.seed, distributionsOf(decision));
}

/** What a seed draws from distributions, slot after slot. */
export function drawnFrom(seed: string, distributions: readonly Float64Array[]): number[] {
  const random = seededRandom(seed, drawStream);
  return distributions.map((pmf) => draw(pmf, random.real()));
}
