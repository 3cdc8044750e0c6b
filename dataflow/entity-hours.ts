import { hourKey, hourOf, hourTime, paneMs } from './features.js';
import { entityOf, type StateEntry, type StateTable } from './state-table.js';

/*
 * The tiles of an entity, hour by hour in one run of bytes, little-endian: i32 hour since 1970, u32 length, the bytes of its entry of state. In the order of time.
 */
const headBytes = 8;

/** Hands over each hour: its start (epoch ms), and where its bytes are. */
export function eachHour(hours: Buffer, take: (start: number, from: number, to: number) => void): void {
  for (let at = 0; at < hours.length; ) {
    const to = at + headBytes + hours.readUInt32LE(at + 4);
    take(hours.readInt32LE(at) * paneMs.large, at + headBytes, to);
    at = to;
  }
}

/** The hours with one of them put in, or in place of what it was. */
export function withHour(hours: Buffer, start: number, value: Uint8Array): Buffer {
  const hour = start / paneMs.large;
  let [at, next] = [hours.length, hours.length];
  for (let place = 0; place < hours.length; ) {
    const end = place + headBytes + hours.readUInt32LE(place + 4);
    if (hours.readInt32LE(place) >= hour) {
      at = place;
      next = hours.readInt32LE(place) === hour ? end : place;
      break;
    }
    place = end;
  }
  // of its own: a slice of Node's pool would keep all of that
  const out = Buffer.allocUnsafeSlow(at + headBytes + value.length + hours.length - next);
  hours.copy(out, 0, 0, at);
  out.writeInt32LE(hour, at);
  out.writeUInt32LE(value.length, at + 4);
  out.set(value, at + headBytes);
  hours.copy(out, at + headBytes + value.length, next);
  return out;
}

/** The hours of an entity as they are committed, from `from` on (the start of an hour, epoch ms). */
export function readHours(table: Pick<StateTable, 'committed'>, name: string, from: number): Buffer {
  const entity = entityOf(Buffer.from(name, 'latin1'));
  const timeAt = hourTime(entity);
  const found: { readonly hour: number; readonly value: Uint8Array }[] = [];
  let size = 0;
  for (const { key, value } of table.committed(hourKey(entity, from), hourKey(entity, 2 ** 53))) {
    found.push({ hour: hourOf(key, timeAt) / paneMs.large, value });
    size += headBytes + value.length;
  }
  const hours = found.length > 1 ? Buffer.allocUnsafeSlow(size) : Buffer.allocUnsafe(size);
  let at = 0;
  for (const { hour, value } of found) {
    at = hours.writeInt32LE(hour, at);
    at = hours.writeUInt32LE(value.length, at);
    hours.set(value, at);
    at += value.length;
  }
  return hours;
}

/** The hours of entities as they are committed, those that were asked for last in memory. */
export interface EntityHours {
  /** The hours of an entity from `from` on (the start of an hour, epoch ms). */
  of(name: string, from: number): Buffer;
  /** The epoch that ends has changed this entry of state. */
  changed(name: string, entry: StateEntry): void;
  /** The epoch that ended is committed: what it has changed counts from here on. @param changed the entities that it has changed */
  settle(changed: { has(name: string): boolean }): void;
}

/** What one entity takes beside its hours, about. */
const entityOverhead = 256;

/**
 * Of an entity with a week of history most hours never change again: they are read once, and not with each event.
 *
 * @param table the tiles, as committed
 * @param cachedBytes that are held in memory at most
 */
export function createEntityHours(table: Pick<StateTable, 'committed'>, cachedBytes: number): EntityHours {
  // in the order of last use
  const cache = new Map<string, Buffer>();
  let bytes = 0;
  // What the epoch that ended has changed of those in memory.
  let entries: (StateEntry & { readonly name: string })[] = [];
  // Those that were read since the commit before: perhaps after the epoch had ended, and without its changes.
  const read: string[] = [];
  const forget = (name: string, hours: Buffer) => {
    cache.delete(name);
    bytes -= hours.length + entityOverhead;
  };
  const keep = (name: string, hours: Buffer) => {
    cache.set(name, hours);
    bytes += hours.length + entityOverhead;
    for (const [oldest, its] of cache) {
      if (bytes <= cachedBytes) break;
      forget(oldest, its);
    }
  };
  return {
    of(name, from) {
      const known = cache.get(name);
      if (known !== undefined) {
        forget(name, known);
        // what no window has any more is not kept: the others are read anew
        if (known.readInt32LE(0) * paneMs.large >= from) {
          keep(name, known);
          return known;
        }
      }
      const hours = readHours(table, name, from);
      // one hour is read as fast again
      if (hours.length > 0 && hours.length > headBytes + hours.readUInt32LE(4)) {
        keep(name, hours);
        read.push(name);
      }
      return hours;
    },
    changed(name, { key, value }) {
      if (cache.has(name)) entries.push({ name, key, value });
    },
    settle(changed) {
      for (const name of read) {
        const hours = cache.get(name);
        if (hours !== undefined && changed.has(name)) forget(name, hours);
      }
      for (const { name, key, value } of entries) {
        const known = cache.get(name);
        if (known === undefined) continue;
        forget(name, known);
        keep(name, withHour(known, hourOf(key, 1 + name.length + 2), value));
      }
      entries = [];
      read.length = 0;
    },
  };
}
