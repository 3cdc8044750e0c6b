import type { Observable } from 'rxjs';
import { groupLabels, Pane } from '../dataflow/accumulators/pane.js';
import type { Batch } from '../dataflow/batch.js';
import { type FeatureSet, hourKey, hourStart, layoutKey, newestKey, paneMs, readNewest, tilesForm, tilesMismatch, tilesStep } from '../dataflow/features/features.js';
import { hourPlace, packHour, placeTiles, tilePlaces } from '../dataflow/features/hour-tiles.js';
import { partitionOf } from '../dataflow/partitioner.js';
import type { Signal } from '../dataflow/signal.js';
import { addTile, packTile } from '../dataflow/features/tile-codec.js';
import type { StateTable } from '../dataflow/state/state-table.js';
import { filter } from './filter.js';
import { keyBy } from './key-by.js';
import { type Operator, operate } from './operate.js';

/** Panes in memory: history that is spread thinly over time touches many, and those go to the table before the epoch ends. */
const sparePanes = 256;

/**
 * Computes the tiles of a feature set: aggregates of each entity per 5 minutes and per hour, from which every rolling window is added up.
 *
 * *When to use*: for features over rolling windows, before `toFeatureStore`. *Details*: it takes what the set is declared of, keys it by the
 * entity, and hands nothing on but control signals. An event touches one pane, however many windows there are. Late events are never lost:
 * they are added to the stored tiles, however old. *State*: the tiles, on disk; in memory only what an epoch has changed.
 * *Errors*: HR_KEY for a record without entity.
 *
 * @example from(clicks).pipe(tiles(userFeatures), toFeatureStore(userFeatures))
 * @see window, toFeatureStore
 */
export function tiles<T, N extends string>(set: FeatureSet<T, N>): Operator<T, never, unknown, { readonly [P in N]: string }> {
  return (source) => {
    const chosen: Observable<Signal<T, unknown>> = set.of.condition === undefined ? source : source.pipe(filter<T>(set.of.condition, { id: `where-${set.name}` }));
    const keyed = chosen.pipe(keyBy(set.key as never, { id: `by-${set.name}` }) as Operator<T, T, unknown, { readonly [P in N]: string }>);
    return keyed.pipe(keepTiles<T, { readonly [P in N]: string }>(set as unknown as FeatureSet));
  };
}

function keepTiles<T, K>(set: FeatureSet): Operator<T, never, K> {
  const id = tilesStep(set);
  const details = { windows: set.windows.map((w) => w.name).join(' '), values: set.layout.fields.map((f) => f.name).join(' ') };
  return operate<T, never, K>({ kind: 'tiles', id, details, features: set, keepsPartitioning: true }, () => {
    let table: StateTable;
    let task = 0;
    let tasks = 1;
    let newest = Number.NEGATIVE_INFINITY;
    let ids = new Int32Array(1024);
    const labels = groupLabels(set.layout);
    // What this epoch has added, by start of the small pane; the sums so far are in the table.
    const fresh = new Map<number, Pane>();
    // Panes of earlier epochs, kept for their memory.
    const spare: Pane[] = [];
    const emptyPane = (start: number) => {
      const pane = spare.pop();
      if (pane === undefined) return new Pane(set.layout, labels, start);
      pane.reuse(start);
      return pane;
    };

    const addTo = (start: number, batch: Batch<T, unknown>) => {
      let pane = fresh.get(start);
      if (pane === undefined) fresh.set(start, (pane = emptyPane(start)));
      if (ids.length < batch.length) ids = new Int32Array(batch.length * 2);
      pane.add(batch, ids);
    };
    const places = tilePlaces();
    const changed: (Uint8Array | undefined)[] = [];
    /** Adds what is new of an entity to an hour's tiles. `rows`: its row in each of `panes`, or -1. `sums` has the sums of the hour. */
    const store = (entity: Uint8Array, hour: number, panes: readonly (Pane | undefined)[], rows: Int32Array, sums: Pane) => {
      const plain = hourKey(entity, hour);
      // A record that lies in a partition which is not its key's comes to another task: each keeps tiles, and look-ups add them up.
      const key = partitionOf(entity, 0, entity.length, tasks) === task ? plain : Buffer.concat([plain, Buffer.of(task >> 8, task & 255)]);
      const stored = table.get(key);
      placeTiles(stored, places);
      let count = places.count;
      for (let i = 0; i < hourPlace; i++) if (rows[i]! >= 0 && places.from[i]! < 0) count += 1;
      let sum: Uint8Array | undefined;
      if (count > 1) {
        let row = -1;
        for (let i = 0; i < hourPlace; i++) if (rows[i]! >= 0) row = sums.mergeRow(panes[i]!, rows[i]!);
        if (stored !== undefined) addTile(sums, row, stored, places.from[hourPlace]);
        sum = packTile(sums, row);
      }
      for (let i = 0; i < hourPlace; i++) {
        changed[i] = undefined;
        if (rows[i]! < 0) continue;
        if (places.from[i]! >= 0) addTile(panes[i]!, rows[i]!, stored!, places.from[i]);
        changed[i] = packTile(panes[i]!, rows[i]!);
      }
      table.put(key, packHour(stored, places, changed, sum));
    };
    const rows = new Int32Array(hourPlace);
    const storeHour = (hour: number, panes: readonly (Pane | undefined)[]) => {
      const sums = emptyPane(hour);
      for (let i = 0; i < hourPlace; i++) {
        const pane = panes[i];
        for (let row = 0; row < (pane?.size ?? 0); row++) {
          const entity = pane!.keys.key(row);
          let isDone = false;
          for (let j = 0; j < hourPlace; j++) {
            rows[j] = j === i ? row : (panes[j]?.keys.find(entity, 0, entity.length) ?? -1);
            isDone ||= j < i && rows[j]! >= 0;
          }
          if (!isDone) store(entity, hour, panes, rows, sums);
        }
      }
      if (spare.length < sparePanes) spare.push(sums);
    };

    const flush = () => {
      const hours = new Map<number, (Pane | undefined)[]>();
      for (const [start, pane] of fresh) {
        const hour = hourStart(start);
        let panes = hours.get(hour);
        if (panes === undefined) hours.set(hour, (panes = Array.from({ length: hourPlace }, () => undefined)));
        panes[(start - hour) / paneMs.small] = pane;
      }
      for (const [hour, panes] of [...hours].sort(([a], [b]) => a - b)) storeHour(hour, panes);
      for (const pane of fresh.values()) if (spare.length < sparePanes) spare.push(pane);
      fresh.clear();
    };

    return {
      onOpen(context) {
        table = context.table(id);
        table.declare(tilesForm(set));
        task = context.task;
        tasks = context.tasks;
        const known = table.get(layoutKey);
        if (known !== undefined && Buffer.from(known).toString() !== tilesForm(set)) throw tilesMismatch(set);
        const stored = table.get(newestKey(task));
        if (stored !== undefined) newest = readNewest(stored);
      },
      onBatch(batch) {
        const byPane = new Map<number, number[]>();
        for (let i = 0; i < batch.length; i++) {
          const t = batch.times[i]!;
          if (t > newest) newest = t;
          const start = Math.floor(t / paneMs.small) * paneMs.small;
          const rows = byPane.get(start);
          if (rows === undefined) byPane.set(start, [i]);
          else rows.push(i);
        }
        for (const [start, rows] of byPane) addTo(start, byPane.size === 1 ? batch : batch.select(Int32Array.from(rows)));
        if (fresh.size > sparePanes) flush();
      },
      onBarrier() {
        flush();
        if (newest === Number.NEGATIVE_INFINITY) return;
        if (table.get(layoutKey) === undefined) table.put(layoutKey, Buffer.from(tilesForm(set)));
        const value = Buffer.alloc(8);
        value.writeDoubleLE(newest);
        table.put(newestKey(task), value);
      },
    };
  });
}
