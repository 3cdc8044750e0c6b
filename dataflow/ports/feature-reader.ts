import type { FeatureSet } from '../features/features.js';
import type { FeatureAnswer } from './feature-store.js';

/** Look-up of published features, for services. */
export interface FeatureReader {
  /**
   * The newest features of entities, in their order, in one round trip. One that nothing is known of has counts of 0 and ratios of null.
   *
   * @throws HR_FEATURE nothing of the set was published, or values that it no longer declares; HR_FEATURE_STORE the store is out of reach
   */
  get<T, N extends string>(set: FeatureSet<T, N>, entities: readonly string[]): Promise<FeatureAnswer[]>;
  /**
   * The same, with the features of each as JSON text, as `JSON.stringify` would write them.
   *
   * *When to use*: to pass them on as they are, as an HTTP server does; it takes half the time of an object and its text. *Errors*: as `get`.
   */
  getJson<T, N extends string>(set: FeatureSet<T, N>, entities: readonly string[]): Promise<FeatureAnswer<string>[]>;
  close(): Promise<void>;
}
