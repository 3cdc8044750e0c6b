import { groupLabels, Pane } from '../../dataflow/accumulators/pane.js';
import { Batch, objectRows } from '../../dataflow/batch.js';
import { type EntityTiles, featuresAt } from '../../dataflow/features/feature-values.js';
import { lookUpTime, paneMs } from '../../dataflow/features/features.js';
import { relativeDifference } from '../../dataflow/relative-difference.js';
import { addTile, packTile } from '../../dataflow/features/tile-codec.js';
import type { ProcessContext, ProcessFunction } from '../../operators/process.js';
import { stringColumn } from '../../schemas/column.js';
import type { ServedFeatures, ServedSet, ServedValues } from './served-features.js';

/** An event of a feature set with the newest event time of its partition when it came, or what a decision has logged of one of its entities. */
export type Seen = { readonly entity: string; readonly time: number; readonly came: number; readonly event: Readonly<Record<string, unknown>> } | { readonly entity: string; readonly time: number; readonly served: ServedValues };

/** A value as it was served beside what its events give; without a feature it tells of a look-up. */
export interface FeatureCheck {
  readonly set: string;
  /** As it is logged; empty: a look-up of the set. */
  readonly feature: string;
  readonly entity: string;
  readonly served: number | null;
  readonly recomputed: number | null;
  readonly verdict: 'SAME' | 'DIFFERS' | 'MISSING' | 'EXTRA' | 'NONE' | 'FRESH' | 'STALE';
  /** Relative difference, where there are both. */
  readonly error: number | null;
  /** Of the newest event at the look-up (ms). */
  readonly age: number | null;
}

/** What is kept of an entity: its tiles, by size of their pane and start, and what waits for its turn. */
export interface RecomputedState {
  tiles: { readonly pane: number; readonly start: number; readonly value: Uint8Array }[];
  waiting: Seen[];
  /** Newest `came` of the events in the tiles. */
  added: number;
}

/** What waits is looked at so often (ms of event time). */
const turnMs = 10_000;

/**
 * Computes served features again from their events, with `process`: each value as it was when the newest event that the look-up knew of had come, or by the time of the decision where that was not logged.
 *
 * *Details*: events and look-ups of an entity are taken in the order in which they came when event time is `limits.age` further; so an event that comes late counts from when it came, as it did for who was served. It keeps the tiles
 * of the sampled entities, by the same declaration as the stream. Names and measures are those of Chronon's consistency of online and offline features: mismatch, missing, extra, SMAPE.
 *
 * Source: Chronon, "Online Offline Consistency" (chronon.ai).
 */
export function recomputeServed(plan: ServedFeatures, of: ServedSet): ProcessFunction<Seen, RecomputedState, FeatureCheck> {
  const { set } = of;
  const { ageMs } = plan.limits;
  // Its memory is used again for each event.
  const pane = new Pane(set.layout, groupLabels(set.layout), 0);
  const longestMs = Math.max(...set.windows.map(({ ms }) => ms)) + paneMs.large;
  return {
    init: () => ({ tiles: [], waiting: [], added: Number.NEGATIVE_INFINITY }),
    onRecord(seen, state, { timer }) {
      state.waiting.push(seen);
      timer(Math.ceil((turnOf(seen) + ageMs) / turnMs) * turnMs);
    },
    onTimer(time, state, context) {
      const due = state.waiting.filter((seen) => turnOf(seen) <= time - ageMs);
      state.waiting = state.waiting.filter((seen) => turnOf(seen) > time - ageMs);
      // Events come before look-ups of the same time: the look-up knew of them.
      const turns = due.map((seen) => ({ seen, at: 'served' in seen ? newestOf(seen.served) : seen.came })).sort((a, b) => a.at - b.at || Number('served' in a.seen) - Number('served' in b.seen));
      let events: Seen[] = [];
      const addEvents = () => {
        if (events.length > 0) add(pane, state, context.key, events);
        events = [];
      };
      for (const { seen, at } of turns) {
        if ('event' in seen) {
          events.push(seen);
          continue;
        }
        addEvents();
        check(plan, of, state, seen.served, at, context);
      }
      addEvents();
      const oldest = state.added - longestMs - ageMs;
      state.tiles = state.tiles.filter(({ start }) => start >= oldest);
    },
  };
}

/** When something waits no longer: look-ups by their decision, since what they knew of is at most `limits.age` older. */
function turnOf(seen: Seen): number {
  return 'served' in seen ? seen.time : seen.came;
}

/** Newest event that a look-up knew of; one that tells nothing of it knew all. */
function newestOf({ newest, time }: ServedValues): number {
  return Math.min(newest ?? time, time);
}

function check({ absent, limits }: ServedFeatures, { set, features }: ServedSet, state: RecomputedState, served: ServedValues, newest: number, { emit }: ProcessContext<FeatureCheck>): void {
  const facts = { set: set.name, entity: served.entity };
  const age = served.newest === null ? null : served.time - newest;
  const isStale = age !== null && age > limits.ageMs;
  emit({ ...facts, feature: '', served: null, recomputed: null, verdict: isStale ? 'STALE' : 'FRESH', error: null, age });
  // What came behind it cannot be taken out any more.
  if (isStale || newest < state.added) return;
  const at = lookUpTime(newest);
  const tiles: EntityTiles = {
    each(pane, from, to, take) {
      for (const tile of state.tiles) if (tile.pane === pane && tile.start >= from && tile.start < to) take(tile.value, 0);
    },
  };
  const values = featuresAt(set, tiles, at);
  for (const [i, { name, feature }] of features.entries()) {
    const [given, value] = [served.values[i] ?? null, values[feature] ?? null];
    const row = { ...facts, feature: name, served: given, recomputed: value, error: null, age: null };
    if (given === null) emit({ ...row, verdict: value === null ? 'NONE' : 'MISSING' });
    else if (value === null) emit({ ...row, verdict: given === absent ? 'NONE' : 'EXTRA' });
    else {
      const error = relativeDifference(given, value);
      emit({ ...row, verdict: error <= limits.tolerance ? 'SAME' : 'DIFFERS', error });
    }
  }
}

/** Adds events, in the order in which they came, to the tiles of their panes. */
function add(pane: Pane, state: RecomputedState, entity: string, seen: readonly Seen[]): void {
  for (const size of [paneMs.small, paneMs.large]) {
    const byPane = new Map<number, Seen[]>();
    for (const event of seen) {
      const start = Math.floor(event.time / size) * size;
      byPane.set(start, [...(byPane.get(start) ?? []), event]);
    }
    for (const [start, events] of byPane) {
      const place = placeOf(state.tiles, size, start);
      const known = state.tiles[place];
      const isKnown = known?.pane === size && known.start === start;
      pane.reuse(start);
      pane.add(new Batch(objectRows(events.map((e) => ('event' in e ? e.event : undefined))), Float64Array.from(events, (e) => e.time), stringColumn(events.map(() => entity))), new Int32Array(events.length));
      if (isKnown) addTile(pane, 0, known.value);
      state.tiles.splice(place, isKnown ? 1 : 0, { pane: size, start, value: packTile(pane, 0) });
    }
  }
  for (const event of seen) if ('event' in event) state.added = Math.max(state.added, event.came);
}

/** Where a tile is, or belongs. */
function placeOf(tiles: RecomputedState['tiles'], pane: number, start: number): number {
  let [low, high] = [0, tiles.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const tile = tiles[middle]!;
    if (tile.pane < pane || (tile.pane === pane && tile.start < start)) low = middle + 1;
    else high = middle;
  }
  return low;
}
