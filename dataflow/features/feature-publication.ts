import { randomUUID } from 'node:crypto';
import type { Clock } from '../clock.js';
import { createEntityHours, eachHour, readHours } from './entity-hours.js';
import { asHeadraceError } from '../errors.js';
import { type FeatureSet, lookUpTime, newestPrefix, paneMs, publicationStep, readNewest, tilePrefix } from './features.js';
import type { Metrics } from '../metrics.js';
import type { OutsideWork } from '../outside-work.js';
import { longestWindow, packedFrom, packEntity } from './packed-entity.js';
import type { FeaturePublisher, PublishedEntity } from '../ports/feature-publisher.js';
import { createPublicationNotes } from './publication-notes.js';
import { createRepublication } from './republication.js';
import { republicationNews } from './republication-news.js';
import { bytesName, entityEnd, entityOf, type StateTable } from '../state/state-table.js';

/** Publishes the entities of a feature set that epochs have changed. */
export interface FeaturePublication extends OutsideWork {
  /** The epoch ends: notes which entities it has changed. */
  mark(epoch: number): void;
}

/** Bytes of entities' tiles that are held in memory for a set, by all tasks together. */
const cachedBytes = 32 << 20;
/** Entities in one request to the store. */
const publishedAtOnce = 256;
/** Entities that are published again beside those that have changed, in one request. */
const republishedBeside = 64;
/** After so long without a request the store is asked whether it still has what was published. */
const askStoreEveryMs = 5_000;
/** Entities that wait from which on the sources pause. */
const publicationBacklog = 250_000;
/** Pauses after failures in a row, in milliseconds: they double up to the longest. */
const [firstPause, longestPause] = [100, 10_000];

/**
 * Brings changed entities to a store after their epoch is committed. Which ones wait is part of the epoch that changed them, so that neither a crash nor an outage of the store, however long, leaves one out; published
 * twice, a value is the same. A store that has lost what it had, or never had it, gets all entities again, beside those that change.
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
  readonly metrics: Metrics;
  readonly warn: (what: string, message: string) => void;
  /** @default random */
  readonly uniqueName?: () => string;
}): FeaturePublication {
  const { set, tiles, table, publisher, clock, task, tasks, uniqueName = randomUUID } = options;
  const ttlMs = Math.max(longestWindow(set, paneMs.small), longestWindow(set, paneMs.large)) + paneMs.large;
  const notes = createPublicationNotes(table, task);
  // By entity, the epoch that changed it last. Those of `committed` may be published.
  const changed = new Map<string, number>();
  const hours = createEntityHours(tiles, cachedBytes / tasks);
  const committed = new Map(notes.left);
  const published = new Set<string>();
  let marked = 0;
  let epoch = 0;
  let wake: () => void = () => undefined;
  let isPublishing = false;
  let stopped = false;
  let cancelTimer: () => void = () => undefined;
  let failures = 0;
  // Whether the store is to be asked; it has to be before the end, once.
  let isAskDue = true;
  let wasAsked = false;
  const news = republicationNews(publisher, set.name);
  news.join(task);
  const republication = createRepublication({
    ...{ set, tiles, table, task, tasks, uniqueName },
    onLost: (line) => news.lost(task, () => options.warn(`lost ${line}`, `The feature store has lost what was published of ${set.name}, or never had it: all its entities are published again, beside those that change.`)),
    onWhole: (all) => news.whole(task, all, (entities) => options.warn(`whole ${uniqueName()}`, `The feature store has all of ${set.name} again: ${entities} entities were published again.`)),
  });
  const hasWork = () => committed.size > 0 || republication.isGoingOn || isAskDue;

  /** An entity that has not changed, as long as the store would still have it; undefined: no window has anything of it. */
  const unchanged = (name: string, from: number, newest: number, end: number): PublishedEntity | undefined => {
    const its = readHours(tiles, name, from);
    let last: number | undefined;
    eachHour(its, (start) => (last = start));
    const left = last === undefined ? 0 : Math.min(ttlMs, last + paneMs.large + ttlMs - newest);
    return left > 0 ? { entity: entityOf(Buffer.from(name, 'latin1')), value: packEntity(set, its, end), ttlMs: left } : undefined;
  };
  const publishSome = async () => {
    const some: [string, number][] = [];
    for (const entry of committed) if (some.push(entry) === publishedAtOnce) break;
    isAskDue = false;
    const isAsking = some.length === 0 && !republication.isGoingOn;
    const { names, mark, least } = republication.next(some.length === 0 ? publishedAtOnce : republishedBeside);
    let newest = Number.NEGATIVE_INFINITY;
    if (!isAsking) for (const { value } of tiles.committed(Buffer.of(newestPrefix), Buffer.of(newestPrefix + 1))) newest = Math.max(newest, readNewest(value));
    const end = lookUpTime(newest);
    const { small, large } = packedFrom(set, end);
    const from = Math.min(small, large);
    const entities = some.map(([name]): PublishedEntity => ({ entity: entityOf(Buffer.from(name, 'latin1')), value: packEntity(set, hours.of(name, from), end), ttlMs }));
    for (const name of names) {
      const entity = committed.has(name) ? undefined : unchanged(name, from, newest, end);
      if (entity !== undefined) entities.push(entity);
    }
    const republished = entities.length - some.length;
    const found = await publisher.publish(entities, { epoch, set: set.name, task, newest: Number.isFinite(newest) ? newest : undefined, ttlMs, mark, least });
    if (stopped) return;
    wasAsked = true;
    options.metrics.add('headrace_features_republished_total', publicationStep(set), republished);
    republication.settle(found, republished);
    for (const [name, since] of some) {
      published.add(name);
      if (committed.get(name) === since) committed.delete(name);
    }
  };
  const publishAll = async () => {
    try {
      while (hasWork() && !stopped) {
        await publishSome();
        failures = 0;
        wake();
      }
      isPublishing = false;
      if (!stopped) cancelTimer = clock.after!(askStoreEveryMs, ask);
    } catch (error) {
      isAskDue = true;
      failures += 1;
      const waiting = committed.size === 0 ? 'It is tried again until the store answers.' : `${committed.size} entities of ${set.name} wait until the store answers.`;
      if (!stopped) options.warn(`publish ${set.name}`, `${asHeadraceError(error, 'HR_FEATURE_STORE', {}).format()}\n  ${waiting}`);
      const pause = Math.min(longestPause, firstPause * 2 ** (failures - 1));
      if (!stopped) cancelTimer = clock.after!(pause, () => void publishAll());
    }
    wake();
  };
  const publish = () => {
    if (isPublishing || !hasWork()) return;
    cancelTimer();
    isPublishing = true;
    void publishAll();
  };
  const ask = () => {
    isAskDue = true;
    publish();
  };
  return {
    get waiting() {
      return committed.size + (republication.isGoingOn || !wasAsked ? 1 : 0);
    },
    get full() {
      return committed.size >= publicationBacklog;
    },
    ready: 0,
    get wantsEpoch() {
      return republication.wantsEpoch ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    },
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
      republication.mark();
    },
    begin() {
      epoch = marked;
      for (const [name, since] of changed) committed.set(name, since);
      hours.settle(changed);
      changed.clear();
      republication.begin(epoch);
      publish();
    },
    take: () => undefined,
    enter: () => undefined,
    stop() {
      if (stopped) return;
      stopped = true;
      news.leave(task);
      cancelTimer();
    },
    onOutcome(listener) {
      wake = listener;
    },
  };
}
