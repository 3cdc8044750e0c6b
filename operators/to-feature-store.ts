import { createFeaturePublication, type FeaturePublication } from '../dataflow/features/feature-publication.js';
import { publicationStep, type FeatureSet, tilesStep } from '../dataflow/features/features.js';
import { forgetPublished } from '../dataflow/features/republication.js';
import type { StateTable } from '../dataflow/state/state-table.js';
import { type Operator, operate } from './operate.js';

/**
 * Publishes the tiles of a feature set for look-ups.
 *
 * *When to use*: behind `tiles`, for features that are to be read. *Details*: in the embedded runtime the store reads the tiles where they are, so
 * publishing costs nothing per record; a value is visible with the epoch of its event. Look-ups forget what is older than a feature's window.
 * With `REDIS_URL`, what an epoch has changed goes to Redis behind it, and all goes there again when Redis has lost it. *State*: that of `tiles`, and what Redis has to have. *Errors*: HR_FEATURE at a look-up before anything was published.
 *
 * @example from(clicks).pipe(tiles(userFeatures), toFeatureStore(userFeatures))
 * @see tiles
 */
export function toFeatureStore<T, N extends string, K>(set: FeatureSet<T, N>): Operator<never, never, K> {
  return operate<never, never, K>({ kind: 'toFeatureStore', id: publicationStep(set), details: { set: set.name }, publishes: true, keepsPartitioning: true }, (step) => {
    let task: number;
    let table: StateTable;
    let told = false;
    let publication: FeaturePublication | undefined;
    return {
      onOpen(opened) {
        task = opened.task;
        // state is declared when a task opens
        table = opened.table(step.id);
        if (opened.publisher === undefined) return;
        const { publisher, clock, tasks, metrics, warn } = opened;
        publication = createFeaturePublication({ set: set as unknown as FeatureSet, tiles: opened.table(tilesStep(set)), table, publisher, clock, task, tasks, metrics, warn });
        opened.outside(step.id, publication);
      },
      onBatch: (batch, emit) => emit(batch),
      onBarrier(epoch) {
        publication?.mark(epoch);
        if (told) return;
        if (publication === undefined) forgetPublished(table, task);
        told = true;
        if (task !== 0) return;
        table.put(Buffer.of(0), Buffer.from(JSON.stringify({ windows: set.windows.map((w) => w.name), layout: set.layout.text })));
      },
      onClose: () => publication?.stop(),
    };
  });
}
