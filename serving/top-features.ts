import { HeadraceError } from '../dataflow/errors.js';
import type { FeatureSet } from '../dataflow/features/features.js';
import type { FeatureStore } from '../dataflow/ports/feature-store.js';

/** An entity and its value. */
export interface RankedEntity {
  readonly entity: string;
  readonly value: number;
  readonly at: number;
}

/**
 * The entities with the largest values of a feature, ties in the order of their names. Entities without a value are left out. Cost: one look-up
 * an entity.
 *
 * @param feature name with its window, such as `ctr_24h`
 * @param options `events`: least value of `events_<window>`, so that a rate over nothing does not lead; `at`: epoch ms
 * @throws HR_FEATURE when the set has no such feature
 */
export function topFeatures<T, N extends string>(
  store: FeatureStore,
  set: FeatureSet<T, N>,
  feature: string,
  options: { readonly limit: number; readonly events?: number; readonly at?: number | undefined },
): RankedEntity[] {
  const ranked: RankedEntity[] = [];
  const at = options.at ?? store.newest(set);
  const window = feature.slice(feature.lastIndexOf('_') + 1);
  for (const entity of store.entities(set)) {
    const answer = store.get(set, entity, at);
    const value = answer.features[feature];
    if (value === undefined && !(feature in answer.features) && !feature.includes('{')) throw unknownFeature(set, feature, Object.keys(answer.features));
    if (value === null || value === undefined) continue;
    if (options.events !== undefined && (answer.features[`events_${window}`] ?? 0) < options.events) continue;
    ranked.push({ entity, value, at: answer.at });
  }
  ranked.sort((a, b) => b.value - a.value || (a.entity < b.entity ? -1 : 1));
  return ranked.slice(0, options.limit);
}

/** The error for a feature that a set does not have. */
export function unknownFeature(set: { readonly name: string }, feature: string, known: readonly string[]): HeadraceError {
  const plain = known.filter((name) => !name.includes('{'));
  return new HeadraceError('HR_FEATURE', `The feature set ${set.name} has no feature "${feature}"; it has ${plain.join(', ')}.`);
}
