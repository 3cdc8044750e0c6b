import { HeadraceError } from '../../dataflow/errors.js';
import { bestOf } from './best-of.js';
import type { ScoredItem } from './item.js';
import { createPolicy, type Policy, type PolicyOptions } from './policy.js';
import { checkNumber, givenScores, type Scheme, type SlotFilling } from './scheme.js';

/** The share of decisions that explore: a number, or a function of the time (epoch ms) as `adaptive` gives. */
export type Epsilon = number | ((time: number) => number);

/** Whether each slot explores for itself, or the page as a whole. */
export type EpsilonDesign = 'slot' | 'slate';

/** Settings of `epsilonGreedy`. */
export interface EpsilonGreedyOptions<C extends ScoredItem> extends PolicyOptions<C> {
  /** From 0 to 1. With 0 only the best item can be shown, and nothing else can be evaluated from the log. */
  readonly epsilon: Epsilon;
  /**
   * `slot`: in each slot, with probability epsilon any item that is left, else the best that is left. `slate`: with probability epsilon a page in random order, else
   * the best page. Logged as `epsilon-greedy-slot` and `epsilon-greedy-slate`; with one slot they are the same, `epsilon-greedy`. @default 'slot'
   */
  readonly design?: EpsilonDesign;
}

/**
 * Shows the best item, and with probability epsilon any.
 *
 * *When to use*: the plainest way to a log that can be evaluated. *Details*: items with the same score share the probability of the best, so it does not hang on
 * their order.
 *
 * @throws HR_ARGUMENT an epsilon outside of [0, 1]
 * @example
 * const policy = epsilonGreedy({ epsilon: 0.05, slots: 10 });
 * const choice = policy.choose(items, { seed: decisionId });
 */
export function epsilonGreedy<C extends ScoredItem = ScoredItem>(options: EpsilonGreedyOptions<C>): Policy<C> {
  const { epsilon, design = 'slot', ...rest } = options;
  if (typeof epsilon === 'number') checkNumber('epsilon', epsilon, 0, 1);
  if (design !== 'slot' && design !== 'slate') throw new HeadraceError('HR_ARGUMENT', `The design is "${String(design)}"; give slot or slate.`);
  const name = (rest.slots ?? 1) === 1 ? 'epsilon-greedy' : (`epsilon-greedy-${design}` as const);
  return createPolicy<C>(epsilonGreedyScheme(name, epsilon), rest);
}

/** The scheme over given scores. */
export function epsilonGreedyScheme(name: 'epsilon-greedy' | 'epsilon-greedy-slot' | 'epsilon-greedy-slate', epsilon: Epsilon): Scheme<ScoredItem> {
  return {
    name,
    recomputable: true,
    scores: givenScores,
    begin(_items, scores, { time }) {
      const share = typeof epsilon === 'number' ? epsilon : checkNumber('epsilon', epsilon(time), 0, 1);
      return name === 'epsilon-greedy-slate' ? slateDesign(scores, share) : slotDesign(scores, share);
    },
  };
}

/** In each slot ε/n for every open item, and (1 - ε) shared by the best. */
export function slotDesign(scores: Float64Array, epsilon: number): SlotFilling {
  return {
    parameters: { epsilon },
    distribute(pmf, open) {
      const { best, ties, n } = bestOf(scores, open);
      for (let i = 0; i < pmf.length; i++) if (open[i]) pmf[i] = epsilon / n + (scores[i] === best ? (1 - epsilon) / ties : 0);
    },
    taken: () => undefined,
  };
}

/** A page is greedy with probability 1 - ε and random with ε; what stands in the slots so far tells which of the two it may be. */
function slateDesign(scores: Float64Array, epsilon: number): SlotFilling {
  let greedy = 1 - epsilon;
  let random = epsilon;
  let seen = { best: 0, ties: 1, n: 1 };
  return {
    parameters: { epsilon },
    distribute(pmf, open) {
      seen = bestOf(scores, open);
      const { best, ties, n } = seen;
      const whole = greedy + random;
      for (let i = 0; i < pmf.length; i++) if (open[i]) pmf[i] = (random / n + (scores[i] === best ? greedy / ties : 0)) / whole;
    },
    taken(at) {
      greedy *= scores[at] === seen.best ? 1 / seen.ties : 0;
      random /= seen.n;
      const whole = greedy + random;
      // only a floor can have put it there: what follows tells nothing of the page
      [greedy, random] = whole > 0 ? [greedy / whole, random / whole] : [1 - epsilon, epsilon];
    },
  };
}
