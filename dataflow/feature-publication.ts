import type { Clock } from './clock.js';
import { createEntityHours } from './entity-hours.js';
import { asHeadraceError } from './errors.js';
import { type FeatureSet, lookUpTime, newestPrefix, paneMs, readNewest, tilePrefix } from './features.js';
import type { OutsideWork } from './outside-work.js';
import { longestWindow, packedFrom, packEntity } from './packed-entity.js';
import type { FeaturePublisher, PublishedEntity } from './ports/feature-publisher.js';
import { createPublicationNotes } from './publication-notes.js';
import { bytesName, entityEnd, entityOf, type StateTable } from './state-table.js';

/** Publishes the entities of a feature set that epochs have changed. */
export interface FeaturePublication extends OutsideWork {
  /** The epoch ends: notes which entities it has changed. */
  mark(epoch: number): void;
}

/** Bytes of entities' tiles that are held in memory for a set, by all tasks together. */
const cachedBytes = 32 << 20;
/** Entities in one request to the store. */
const publishedAtOnce = 256;
/** Entities that wait from which on the sources pause. */
const publicationBacklog = 250_000;
/** Pauses after failures in a row, in milliseconds: they double up to the longest. */
const [firstPause, longestPause] = [100, 10_000];

/**
 * Brings changed entities to a store after their epoch is committed. Which ones wait is part of the epoch that changed them, so that neither a crash nor an outage of the store, however long, leaves one out; published
 * twice, a value is the same.
 *
 * @param options `tiles`: the state of the set's tiles; `table`: that of the publication
 */
export function createFeaturePublication(options: {
  readonly set: FeatureSet;
  readonly tiles: StateTable;
  readonly table: StateTable;
  readonly publisher: FeaturePublisher;
  readonly clock: Clock;
  readonly task: number;
  readonly tasks: number;
  readonly warn: (what: string, message: string) => void;
}): FeaturePublication {
  const { set, tiles, publisher, clock } = options;
  const ttlMs = Math.max(longestWindow(set, paneMs.small), longestWindow(set, paneMs.large)) + paneMs.large;
  const notes = createPublicationNotes(options.table, options.task);
  // By entity, the epoch that changed it last. Those of `committed` may be published.
  const changed = new Map<string, number>();
  const hours = createEntityHours(tiles, cachedBytes / options.tasks);
  const committed = new Map(notes.left);
  const published = new Set<string>();
  let marked = 0;
  let epoch = 0;
  let wake: () => void = () => undefined;
  let isPublishing = false;
  let stopped = false;
  let cancelPause: () => void = () => undefined;
  let failures = 0;

  const publishSome = async () => {
    const some: [string, number][] = [];
    for (const entry of committed) if (some.push(entry) === publishedAtOnce) break;
    let newest = Number.NEGATIVE_INFINITY;
    for (const { value } of tiles.committed(Buffer.of(newestPrefix), Buffer.of(newestPrefix + 1))) newest = Math.max(newest, readNewest(value));
    const end = lookUpTime(newest);
    const { small, large } = packedFrom(set, end);
    const entities = some.map(([name]): PublishedEntity => {
      return { set: set.name, entity: entityOf(Buffer.from(name, 'latin1')), value: packEntity(set, hours.of(name, Math.min(small, large)), end) };
    });
    await publisher.publish(entities, { epoch, set: set.name, newest, ttlMs });
    for (const [name, since] of some) {
      published.add(name);
      if (committed.get(name) === since) committed.delete(name);
    }
  };
  const publishAll = async () => {
    try {
      while (committed.size > 0 && !stopped) {
        await publishSome();
        failures = 0;
        wake();
      }
      isPublishing = false;
    } catch (error) {
      failures += 1;
      options.warn(`publish ${set.name}`, `${asHeadraceError(error, 'HR_FEATURE_STORE', {}).format()}\n  ${committed.size} entities of ${set.name} wait until the store answers.`);
      const pause = Math.min(longestPause, firstPause * 2 ** (failures - 1));
      if (!stopped) cancelPause = clock.after!(pause, () => void publishAll());
    }
    wake();
  };
  return {
    get waiting() {
      return committed.size;
    },
    get full() {
      return committed.size >= publicationBacklog;
    },
    ready: 0,
    wantsEpoch: Number.POSITIVE_INFINITY,
    mark(now) {
      marked = now;
      // What was published and has not changed since no longer waits.
      for (const name of published) if (!committed.has(name)) notes.takeBack(name);
      published.clear();
      for (const entry of tiles.changed()) {
        if (entry.key[0] !== tilePrefix[0]) continue;
        const name = bytesName(entry.key.subarray(tilePrefix.length, entityEnd(entry.key, tilePrefix.length)));
        changed.set(name, now);
        hours.changed(name, entry);
      }
      notes.add(now, changed.keys());
    },
    begin() {
      epoch = marked;
      for (const [name, since] of changed) committed.set(name, since);
      hours.settle(changed);
      changed.clear();
      if (isPublishing || committed.size === 0) return;
      isPublishing = true;
      void publishAll();
    },
    take: () => undefined,
    enter: () => undefined,
    stop() {
      stopped = true;
      cancelPause();
    },
    onOutcome(listener) {
      wake = listener;
    },
  };
}
