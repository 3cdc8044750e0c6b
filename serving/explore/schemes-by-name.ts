import { HeadraceError } from '../../dataflow/errors.js';
import { epsilonGreedyScheme } from './epsilon-greedy.js';
import type { ScoredItem } from './item.js';
import { createPolicy, type Policy } from './policy.js';
import type { Scheme } from './scheme.js';
import { softmaxScheme } from './softmax.js';
import { squareCbScheme } from './square-cb.js';

type Parameters = Readonly<Record<string, number>>;

/** Schemes whose probabilities follow from scores and parameters. The scores of `ucb` are its bounds. */
const schemes: Readonly<Record<string, (parameters: Parameters) => Scheme<ScoredItem>>> = {
  'epsilon-greedy': (p) => epsilonGreedyScheme('epsilon-greedy', parameter(p, 'epsilon')),
  'epsilon-greedy-slot': (p) => epsilonGreedyScheme('epsilon-greedy-slot', parameter(p, 'epsilon')),
  'epsilon-greedy-slate': (p) => epsilonGreedyScheme('epsilon-greedy-slate', parameter(p, 'epsilon')),
  softmax: (p) => softmaxScheme('softmax', parameter(p, 'temperature')),
  'plackett-luce': (p) => softmaxScheme('plackett-luce', parameter(p, 'temperature')),
  'square-cb': (p) => squareCbScheme(parameter(p, 'gamma')),
  ucb: (p) => epsilonGreedyScheme('epsilon-greedy-slot', parameter(p, 'epsilon')),
};

/**
 * A policy from the name and the parameters that were logged with a decision.
 *
 * @throws HR_DECISION a scheme that scores alone do not give, or a parameter that is missing
 */
export function policyByName(scheme: string, parameters: Parameters, slots: number): Policy<ScoredItem> {
  const make = Object.hasOwn(schemes, scheme) ? schemes[scheme] : undefined;
  if (make === undefined) throw new HeadraceError('HR_DECISION', `The scheme "${scheme}" does not follow from scores; decisions under it are logged with their distributions.`);
  return createPolicy(make(parameters), { slots, floor: parameters['floor'] ?? 0 });
}

function parameter(parameters: Parameters, name: string): number {
  const value = parameters[name];
  if (value === undefined) throw new HeadraceError('HR_DECISION', `The parameter ${name} is not logged.`);
  return value;
}
