import { bytesName, type StateTable } from '../state/state-table.js';

/** Which entities are to be published, written down with the epochs that change them. */
export interface PublicationNotes {
  /** Entities that the last run had not published, as far as it knew, and the epoch whose note has them. */
  readonly left: ReadonlyMap<string, number>;
  /** Writes down, with epoch `epoch`, those of `entities` that no note has. */
  add(epoch: number, entities: Iterable<string>): void;
  /** An entity is published as it is: its note goes with the last one that it has. */
  takeBack(entity: string): void;
}

/** First byte of the keys of notes. */
export const notePrefix = 2;

/**
 * A note an epoch, which stays until all that it names are published: one entry of state in place of one an entity, which would double what an epoch writes. An entity is in one note, the oldest that it is not yet
 * published since, so an outage of the store adds each entity once, however often it changes. Of a note, key: task and epoch; value: the names, each with its end.
 *
 * @param table where notes are kept; entities are named by the bytes of `entityBytes`, without the end
 */
export function createPublicationNotes(table: StateTable, task: number): PublicationNotes {
  const noteOf = new Map<string, number>();
  const namedBy = new Map<number, number>();
  const keyOf = (epoch: number) => {
    const key = Buffer.alloc(11);
    key[0] = notePrefix;
    key.writeUInt16BE(task, 1);
    key.writeDoubleBE(epoch, 3);
    return key;
  };
  const name = (entity: string, epoch: number) => {
    noteOf.set(entity, epoch);
    namedBy.set(epoch, (namedBy.get(epoch) ?? 0) + 1);
  };
  for (const { key, value } of table.range(keyOf(0), keyOf(Number.POSITIVE_INFINITY))) {
    const epoch = Buffer.from(key).readDoubleBE(3);
    for (const entity of bytesName(value).split(nameEnd).slice(0, -1)) name(entity, epoch);
  }
  return {
    left: new Map(noteOf),
    add(epoch, entities) {
      let names = '';
      for (const entity of entities) {
        if (noteOf.has(entity)) continue;
        name(entity, epoch);
        names += entity + nameEnd;
      }
      if (names !== '') table.put(keyOf(epoch), Buffer.from(names, 'latin1'));
    },
    takeBack(entity) {
      const epoch = noteOf.get(entity);
      if (epoch === undefined) return;
      noteOf.delete(entity);
      const left = namedBy.get(epoch)! - 1;
      namedBy.set(epoch, left);
      if (left > 0) return;
      namedBy.delete(epoch);
      table.delete(keyOf(epoch));
    },
  };
}

/** What `entityBytes` ends with. */
const nameEnd = '\0\0';
