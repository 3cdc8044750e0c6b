import type { FeatureSet, FeatureValues } from '../features/features.js';

/** Features of one entity at one time; `F` is the form that they have. */
export interface FeatureAnswer<F = FeatureValues> {
  readonly entity: string;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Newest event before `at` that the look-up knew of (epoch milliseconds); null where there was none. A decision logs it in `featureTimes`. */
  readonly newestEvent: number | null;
  readonly features: F;
}

/** Look-up of features that a pipeline has computed. */
export interface FeatureStore {
  /**
   * The features of an entity. An entity that nothing is known of has counts of 0 and ratios of null.
   *
   * @param at epoch ms, rounded down to 5 minutes; undefined: the newest state, just behind the newest event
   * @throws HR_FEATURE when no run has published the set
   */
  get<T, N extends string>(set: FeatureSet<T, N>, entity: string, at?: number): FeatureAnswer;
  /** The entities of a set, in key order. */
  entities<T, N extends string>(set: FeatureSet<T, N>): Iterable<string>;
  /** End of the pane of the newest event (epoch ms), or undefined before the first. */
  newest<T, N extends string>(set: FeatureSet<T, N>): number | undefined;
}
