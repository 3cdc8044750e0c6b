import { hourOf, namedHourKey, paneMs } from './features.js';
import type { StateEntry, StateTable } from '../state/state-table.js';

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

/** The hours with one of them put in, or in place of what it was. They have an array to themselves, in which the newest changes where it stands: `hours` is not to be used any more. */
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
  const size = at + headBytes + value.length + hours.length - next;
  if (next === hours.length && size <= hours.buffer.byteLength) return putHour(size === hours.length ? hours : Buffer.from(hours.buffer, 0, size), at, hour, value);
  // of its own: a slice of Node's pool would keep all of that
  const out = Buffer.from(Buffer.allocUnsafeSlow(size + spareBytes).buffer, 0, size);
  hours.copy(out, 0, 0, at);
  hours.copy(out, at + headBytes + value.length, next);
  return putHour(out, at, hour, value);
}

/** Room behind hours of which one has changed: mostly the newest, which grows a little each time. */
const spareBytes = 64;

function putHour(hours: Buffer, at: number, hour: number, value: Uint8Array): Buffer {
  hours.writeInt32LE(hour, at);
  hours.writeUInt32LE(value.length, at + 4);
  hours.set(value, at + headBytes);
  return hours;
}

/** The hours of an entity as they are committed, from `from` on (the start of an hour, epoch ms). */
export function readHours(table: Pick<StateTable, 'committed'>, name: string, from: number): Buffer {
  const timeAt = timeBehind(name);
  const found: { readonly hour: number; readonly value: Uint8Array }[] = [];
  let size = 0;
  for (const { key, value } of table.committed(namedHourKey(name, from), namedHourKey(name, 2 ** 53))) {
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

/** What one entity takes beside its hours, about; and one of which only the number of its hour is held. */
const [entityOverhead, singleOverhead] = [256, 96];

/**
 * Of an entity with a week of history most hours never change again: they are read once, and not with each event. Of one that has a single hour, as most that were never seen before, it is held which: what an epoch makes of it
 * is published as it comes.
 *
 * @param table the tiles, as committed
 * @param cachedBytes that are held in memory at most
 */
export function createEntityHours(table: Pick<StateTable, 'committed'>, cachedBytes: number): EntityHours {
  // in the order of last use; a number: the only hour that there is, in hours since 1970
  const cache = new Map<string, Buffer | number>();
  let bytes = 0;
  // What the epoch that ended has changed of those in memory.
  let entries: (StateEntry & { readonly name: string })[] = [];
  // What the epoch that is committed has made of single hours.
  const latest = new Map<string, Uint8Array>();
  // Those that were read since the commit before: perhaps after the epoch had ended, and without its changes.
  const read: string[] = [];
  const sizeOf = (held: Buffer | number) => (typeof held === 'number' ? singleOverhead : held.length + entityOverhead);
  const forget = (name: string, held: Buffer | number) => {
    cache.delete(name);
    bytes -= sizeOf(held);
  };
  const keep = (name: string, held: Buffer | number) => {
    cache.set(name, held);
    bytes += sizeOf(held);
    if (bytes <= cachedBytes) return;
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
        if (typeof known === 'number') {
          const value = latest.get(name);
          if (value !== undefined && known * paneMs.large >= from) {
            keep(name, known);
            return singleHour(known, value);
          }
          // what no window has any more is not kept: the others are read anew
        } else if (known.readInt32LE(0) * paneMs.large >= from) {
          keep(name, known);
          return known;
        }
      }
      const hours = readHours(table, name, from);
      if (hours.length === 0) return hours;
      read.push(name);
      keep(name, hours.length === headBytes + hours.readUInt32LE(4) ? hours.readInt32LE(0) : hours);
      return hours;
    },
    changed(name, { key, value }) {
      if (cache.has(name)) entries.push({ name, key, value });
    },
    settle(changed) {
      for (const name of read) {
        const held = cache.get(name);
        if (held !== undefined && changed.has(name)) forget(name, held);
      }
      latest.clear();
      for (const { name, key, value } of entries) {
        const known = cache.get(name);
        if (known === undefined) continue;
        const start = hourOf(key, timeBehind(name));
        if (typeof known !== 'number') {
          forget(name, known);
          keep(name, withHour(known, start, value));
        } else if (known * paneMs.large === start) latest.set(name, value);
        else forget(name, known);
      }
      entries = [];
      read.length = 0;
    },
  };
}

function singleHour(hour: number, value: Uint8Array): Buffer {
  const hours = Buffer.allocUnsafe(headBytes + value.length);
  hours.writeInt32LE(hour);
  hours.writeUInt32LE(value.length, 4);
  hours.set(value, headBytes);
  return hours;
}

/** Where the keys of an entity of this name have the start of their hour. */
function timeBehind(name: string): number {
  return 1 + name.length + 2;
}
