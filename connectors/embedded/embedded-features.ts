import { HeadraceError } from '../../dataflow/errors.js';
import { featuresAt } from '../../dataflow/features/feature-values.js';
import { type FeatureSet, hourKey, layoutKey, lookUpTime, newestPrefix, paneMs, publicationStep, readNewest, tilePrefix, tilesForm, tilesMismatch, tilesStep } from '../../dataflow/features/features.js';
import { tilesOf } from '../../dataflow/features/hour-tiles.js';
import { joinedState } from '../../dataflow/state/joined-state.js';
import type { FeatureStore } from '../../dataflow/ports/feature-store.js';
import type { StateBackend } from '../../dataflow/ports/state-backend.js';
import { entityOf } from '../../dataflow/state/state-table.js';

/**
 * Look-ups in the tiles that a pipeline keeps in its embedded state: nothing is copied for the store, so a feature is visible with
 * the epoch of its event, and every past time can be asked for.
 */
export function embeddedFeatures(state: StateBackend, pipeline: string): FeatureStore {
  const table = (set: { readonly name: string }, of: Pick<StateBackend, 'range'> = state) => ({ range: (from: Uint8Array, to?: Uint8Array) => of.range(pipeline, tilesStep(set), from, to) });
  /** The state of the tasks that have tiles of an entity: one, as a rule, so that ranges need not be put in order. */
  const holding = (set: { readonly name: string }, entity: Uint8Array) => {
    const [from, to] = [hourKey(entity, Number.MIN_SAFE_INTEGER), hourKey(entity, 2 ** 53)];
    const parts = state.tasks(pipeline).map(state.of).filter((part) => {
      const [first] = table(set, part).range(from, to);
      return first !== undefined;
    });
    return table(set, joinedState(() => parts));
  };
  const published = new Set<string>();
  const check = (set: Pick<FeatureSet, 'name' | 'layout'>) => {
    if (published.has(set.name)) return;
    const layout = state.get(pipeline, tilesStep(set), layoutKey);
    if (layout !== undefined && Buffer.from(layout).toString() !== tilesForm(set)) throw tilesMismatch(set);
    if (state.get(pipeline, publicationStep(set), Buffer.of(0)) === undefined) {
      throw new HeadraceError('HR_FEATURE', `No run of ${pipeline} has published the features "${set.name}".`, { remedy: `Run \`headrace run ${pipeline}\` first.` });
    }
    published.add(set.name);
  };
  const newestEvent = (set: { readonly name: string }): number => {
    let latest = Number.NEGATIVE_INFINITY;
    for (const { value } of table(set).range(Buffer.of(newestPrefix), Buffer.of(newestPrefix + 1))) latest = Math.max(latest, readNewest(value));
    return latest;
  };
  const newest = (set: { readonly name: string }): number | undefined => {
    const latest = newestEvent(set);
    return latest === Number.NEGATIVE_INFINITY ? undefined : lookUpTime(latest);
  };
  return {
    get(set, entity, at) {
      check(set);
      const latest = newestEvent(set);
      const time = at !== undefined ? Math.floor(at / paneMs.small) * paneMs.small : latest === Number.NEGATIVE_INFINITY ? 0 : lookUpTime(latest);
      // what lies behind the time that was asked for does not count
      return { entity, at: time, newestEvent: latest === Number.NEGATIVE_INFINITY ? null : Math.min(latest, time - 1), features: featuresAt(set as unknown as FeatureSet, tilesOf(holding(set, Buffer.from(entity)), Buffer.from(entity)), time) };
    },
    *entities(set) {
      check(set);
      const end = Buffer.of(tilePrefix[0]! + 1);
      let from: Uint8Array = tilePrefix;
      for (;;) {
        const [first] = table(set).range(from, end);
        if (first === undefined) return;
        const entity = entityOf(first.key.subarray(1));
        yield Buffer.from(entity).toString();
        from = hourKey(entity, 2 ** 53);
      }
    },
    newest(set) {
      check(set);
      return newest(set);
    },
  };
}
