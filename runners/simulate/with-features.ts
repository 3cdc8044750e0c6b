import type { FeatureStore } from '../../dataflow/ports/feature-store.js';
import type { ServedFeatures } from '../../learning/skew/served-features.js';
import type { WorldDecision } from './decision-world.js';

/**
 * The decisions of a world as a service logs them that looks features up: those of the user in the context, those of items and creators with each candidate, as of the last 5 minutes that were over. Inputs that are not features of a
 * set stay what the world gives.
 *
 * @throws HR_FEATURE nothing of a set was published
 */
export function* withFeatures(world: Iterable<WorldDecision>, store: FeatureStore, { sets, layout, absent }: ServedFeatures): Generator<WorldDecision, void, undefined> {
  for (const { decision, ...rest } of world) {
    const context: Record<string, number> = { ...decision.context };
    const featureTimes: Record<string, number> = {};
    const candidates = decision.candidates.map((candidate) => ({ ...candidate, features: layout.candidate.map((_, place) => candidate.features[place] ?? absent) }));
    for (const { set, of, features } of sets) {
      const look = (entity: string) => {
        const answer = store.get(set, entity, decision.time);
        if (answer.newestEvent !== null) featureTimes[set.name] = answer.newestEvent;
        return answer.features;
      };
      if (of === 'user') {
        const found = look(decision.userId);
        for (const { name, feature } of features) context[name] = found[feature] ?? absent;
      } else {
        for (const candidate of candidates) {
          const found = look(of === 'item' ? candidate.itemId : candidate.creatorId);
          for (const { feature, place } of features) candidate.features[place] = found[feature] ?? absent;
        }
      }
    }
    yield { ...rest, decision: { ...decision, context, candidates, featureTimes } };
  }
}
