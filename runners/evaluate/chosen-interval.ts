import { splitmix } from '../../dataflow/splitmix.js';
import type { NamedEstimator } from '../../evaluation/evaluate.js';
import { bernsteinInterval } from '../../evaluation/intervals/bernstein-interval.js';
import { bootstrapSums } from '../../evaluation/intervals/bootstrap-intervals.js';
import { clopperPearsonInterval } from '../../evaluation/intervals/clopper-pearson-interval.js';
import { confidenceSequence } from '../../evaluation/intervals/confidence-sequence.js';
import { cressieReadInterval } from '../../evaluation/intervals/cressie-read-interval.js';
import type { Interval } from '../../evaluation/intervals/interval.js';
import { normalInterval } from '../../evaluation/intervals/normal-interval.js';
import type { RewardBounds } from '../../evaluation/intervals/reward-bounds.js';
import type { Estimate } from '../../evaluation/measure.js';
import { moments } from '../../evaluation/moments.js';
import { createTally } from '../../evaluation/tally.js';
import type { WeightedDecisions } from '../../evaluation/weighted-decisions.js';

/** Ways to an interval, with what they are for. */
export const intervalMethods = {
  normal: 'value ± z standard errors',
  bootstrap: 'logs drawn again, by user where the log has users',
  bernstein: 'holds for logs of any size; for estimators that are means',
  'clopper-pearson': 'for few successes; IPS only',
  'cressie-read': 'for bounded rewards and large weights; Cressie-Read only',
  sequence: 'may be looked at at any time; IPS only',
} as const;

export type IntervalMethod = keyof typeof intervalMethods;

/** Intervals under way. */
export interface ChosenInterval {
  add(batch: WeightedDecisions): void;
  /** The interval of an estimate, by the estimator's name; null where the method has none. */
  of(estimate: Estimate, name: string): Interval;
}

/** Settings of an interval. */
export interface IntervalOptions {
  readonly method: IntervalMethod;
  readonly level: number;
  readonly seed: number;
  readonly replicates: number;
  readonly rewards: RewardBounds;
}

/** Prepares the intervals of estimators. Errors, as they are made: HR_ARGUMENT, HR_EVALUATION_REWARD. */
export function chosenInterval(estimators: readonly NamedEstimator[], { method, level, seed, replicates, rewards }: IntervalOptions): ChosenInterval {
  const named = Object.fromEntries(estimators.map((estimator) => [estimator.name, estimator]));
  if (method === 'normal') return { add: () => undefined, of: (estimate) => normalInterval(estimate, level) };
  if (method === 'bootstrap') {
    const sums = bootstrapSums(named);
    let made: ReturnType<typeof sums.result> | undefined;
    return {
      add: (batch) => sums.add(batch),
      of(_estimate, name) {
        made ??= sums.result({ chance: splitmix(seed), level, replicates });
        return made[name]?.interval ?? null;
      },
    };
  }
  if (method === 'sequence') {
    const sequence = confidenceSequence(rewards, level);
    return { add: (batch) => sequence.add(batch), of: (_estimate, name) => (name === 'ips' ? sequence.interval() : null) };
  }
  if (method === 'clopper-pearson' || method === 'cressie-read') {
    const tally = createTally({ interval: method === 'cressie-read' ? cressieReadInterval(rewards, level) : clopperPearsonInterval(rewards, level) });
    return { add: (batch) => tally.add(batch), of: (_estimate, name) => (name === (method === 'cressie-read' ? 'cressie_read' : 'ips') ? tally.results().interval : null) };
  }
  // an estimator with the sums Σx and Σx² is the mean of x
  const means = estimators.flatMap(({ name, sums }) => (Object.keys(sums).sort().join() === 'x,xx' && sums['x']!.kind === 'total' ? [[name, moments(sums['x'].of)] as const] : []));
  const tally = createTally(Object.fromEntries(means));
  return {
    add: (batch) => tally.add(batch),
    of(_estimate, name) {
      const found = tally.results()[name];
      return found === undefined || found === null ? null : bernsteinInterval(found, level);
    },
  };
}
