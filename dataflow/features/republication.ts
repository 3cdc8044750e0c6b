import { type FeatureSet, tilePrefix } from './features.js';
import { layoutDigest } from './packed-entity.js';
import type { FoundMark, PublicationMark } from '../ports/feature-publisher.js';
import { bytesName, entityEnd, type StateTable } from '../state/state-table.js';

/** Finds out when a store has lost what was published, or never had it, and goes through all entities then. */
export interface Republication {
  /** Not all entities are in the store. */
  readonly isGoingOn: boolean;
  /** All are again, and no epoch has written that down. */
  readonly wantsEpoch: boolean;
  /** An epoch is committed. */
  begin(epoch: number): void;
  /** The entities that go with the next batch, `most` at most, and its marks. */
  next(most: number): { readonly names: readonly string[]; readonly mark: PublicationMark; readonly least: PublicationMark | undefined };
  /** The batch is in the store, with `republished` entities of the last `next`. */
  settle(found: FoundMark, republished: number): void;
  /** The epoch ends: writes down what the store has to have. */
  mark(): void;
}

/** First byte of the keys under which it is written down what the store has. */
const lastPrefix = 3;

/** What is written down: the last mark that the store has confirmed, what was published, and the last entity that was published again, where that goes on. */
interface Known extends PublicationMark {
  readonly of: string;
  readonly after?: string;
}

/**
 * Each batch leaves a mark in the store, and the last one confirmed is part of the epoch that takes back the notes of what it brought. A store that has that mark, or a later one of its line, has all that no note names. One that was
 * emptied, went back to an older copy, or is another one, has not; then a new line begins, and all entities go out once, in the order of their keys.
 *
 * Who takes over a task begins a term, which is the number of its first epoch, so the marks of a line have one order, whoever left them, and a process that was replaced finds a term that is not its own.
 *
 * @param options `tiles`: the state of the set's tiles; `table`: that of the publication; `uniqueName`: for lines
 */
export function createRepublication(options: {
  readonly set: FeatureSet;
  readonly tiles: StateTable;
  readonly table: StateTable;
  readonly task: number;
  readonly tasks: number;
  readonly uniqueName: () => string;
  /** The store lacks entities; all go out from here on, in the line of this name. */
  readonly onLost: (line: string) => void;
  /** The store has all, of which `entities` were published again since this was called last. */
  readonly onWhole: (entities: number) => void;
}): Republication {
  const { set, tiles, table, uniqueName } = options;
  const key = lastKey(options.task);
  // With other windows other tiles are packed.
  const of = `${options.tasks} ${set.windows.map(({ name }) => name).join(' ')} ${Buffer.from(layoutDigest(set)).toString('hex')}`;
  const stored = table.get(key);
  let written = stored === undefined ? '' : Buffer.from(stored).toString();
  const last = stored === undefined ? undefined : (JSON.parse(written) as Known);
  const known = last?.of === of ? last : undefined;
  let line = known?.line ?? uniqueName();
  let least: PublicationMark | undefined = known && { line, term: known.term, batch: known.batch };
  let rest: { readonly after: string | undefined } | undefined = known?.after === undefined ? undefined : { after: known.after };
  let batch = 0;
  let term = 0;
  let epoch = 0;
  let taken: readonly string[] = [];
  let isLast = false;
  let mark: PublicationMark;
  let republished = 0;
  let wantsEpoch = false;
  let replacedAt: number | undefined;

  const startOver = () => {
    line = uniqueName();
    least = undefined;
    rest = { after: undefined };
    republished = 0;
    replacedAt = undefined;
    options.onLost(line);
  };
  // Of what begins with nothing, a store can lack nothing.
  const isNew = known === undefined && entitiesAfter(tiles, undefined, 1).length === 0;
  return {
    get isGoingOn() {
      return rest !== undefined;
    },
    get wantsEpoch() {
      return wantsEpoch;
    },
    begin(committed) {
      epoch = committed;
      if (term > 0) return;
      term = committed;
      // State of another history was planted: its terms are not before this one.
      if (!isNew && (least === undefined || least.term >= term)) startOver();
    },
    next(most) {
      taken = rest === undefined ? [] : entitiesAfter(tiles, rest.after, most);
      isLast = taken.length < most;
      mark = { line, term, batch: ++batch };
      return { names: taken, mark, least };
    },
    settle(found, count) {
      // Whoever has committed an epoch since was not replaced: the store is of another history.
      if (found === 'lost' || (found === 'replaced' && replacedAt !== undefined && epoch > replacedAt)) return startOver();
      if (found === 'replaced') {
        replacedAt ??= epoch;
        rest = undefined;
        return;
      }
      least = mark;
      replacedAt = undefined;
      if (rest !== undefined) {
        republished += count;
        rest = isLast ? undefined : { after: taken.at(-1) };
        if (rest !== undefined) return;
        wantsEpoch = true;
      }
      options.onWhole(republished);
      republished = 0;
    },
    mark() {
      wantsEpoch = false;
      const now = least === undefined ? '' : JSON.stringify({ of, ...least, ...(rest?.after === undefined ? {} : { after: rest.after }) } satisfies Known);
      if (now === written) return;
      if (now === '') table.delete(key);
      else table.put(key, Buffer.from(now));
      written = now;
    },
  };
}

/** A run without a store outside: what is written down of one no longer counts, since it does not get what changes. */
export function forgetPublished(table: StateTable, task: number): void {
  const key = lastKey(task);
  if (table.get(key) !== undefined) table.delete(key);
}

function lastKey(task: number): Uint8Array {
  return Buffer.of(lastPrefix, task >> 8, task & 255);
}

/**
 * Entities of which tiles are committed, in the order of their keys; each by the bytes of `entityBytes`, without the end. A look for each, and no list of all.
 *
 * @param after the one before; undefined: from the first one on
 * @param most how many at most
 */
export function entitiesAfter(tiles: Pick<StateTable, 'committed'>, after: string | undefined, most: number): string[] {
  const names: string[] = [];
  const end = Buffer.of(tilePrefix[0]! + 1);
  // the end of an entity is two zeros, and nothing else of its keys sorts behind a one in the place of the second
  const behind = (name: string) => Buffer.concat([tilePrefix, Buffer.from(name, 'latin1'), Buffer.of(0, 1)]);
  for (let from: Uint8Array = after === undefined ? tilePrefix : behind(after); names.length < most; from = behind(names.at(-1)!)) {
    let found: string | undefined;
    for (const { key } of tiles.committed(from, end)) {
      found = bytesName(key.subarray(tilePrefix.length, entityEnd(key, tilePrefix.length)));
      break;
    }
    if (found === undefined) break;
    names.push(found);
  }
  return names;
}
