import { count, mean, quantiles } from '../../dataflow/aggregates/index.js';
import { columnsOf } from '../../dataflow/expression.js';
import { topic } from '../../dataflow/topic.js';
import { type FeatureConsistency, featureConsistencySchema } from '../../schemas/generated/feature-consistency.js';
import type { FeatureCheck } from './recompute-served.js';

/** How features as they were served agree with their events, an interval a line. */
export const featureConsistency = topic<FeatureConsistency>('feature-consistency', { value: featureConsistencySchema, key: 'model', time: 'end' });

const checks = columnsOf<FeatureCheck>();
const are = (verdict: FeatureCheck['verdict']) => count().where(checks.verdict.is(verdict));

/** What a window over the checks of one feature gathers. */
export const consistencyAggregates = {
  served: count(),
  same: are('SAME'),
  mismatch: are('DIFFERS'),
  missing: are('MISSING'),
  extra: are('EXTRA'),
  stale: are('STALE'),
  smape: mean(checks.error),
  age: quantiles(checks.age, [0.5, 0.9, 0.99]),
} as const;

/** The row of such a window, keyed by `featureKey`. */
export interface ConsistencyWindow {
  readonly key: string;
  readonly windowStart: number;
  readonly windowEnd: number;
  readonly served: number;
  readonly same: number;
  readonly mismatch: number;
  readonly missing: number;
  readonly extra: number;
  readonly stale: number;
  readonly smape: number | null;
  readonly age: Readonly<Record<string, number | null>>;
}

/** Set and feature as one key; names of sets have no slash. */
export function featureKey({ set, feature }: FeatureCheck): string {
  return `${set}/${feature}`;
}

/** The line of a window for the topic. */
export function consistencyOf(model: string): (row: ConsistencyWindow) => FeatureConsistency {
  return ({ key, windowStart, windowEnd, served, same, mismatch, missing, extra, stale, smape, age }) => {
    const slash = key.indexOf('/');
    return { model, set: key.slice(0, slash), feature: key.slice(slash + 1), start: windowStart, end: windowEnd, served, compared: same + mismatch, mismatch, missing, extra, stale, smape, ageP50: age['p50'] ?? null, ageP90: age['p90'] ?? null, ageP99: age['p99'] ?? null };
  };
}
