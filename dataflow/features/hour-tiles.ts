import type { EntityTiles } from './feature-values.js';
import { hourKey, hourOf, hourStart, hourTime, paneMs } from './features.js';
import type { StateTable } from '../state/state-table.js';

/*
 * The tiles of an entity within one hour are one entry of state, since an event changes two of them: its small pane and the hour. Little-endian: u16 with a bit for each small pane that has a tile; the length of each of these tiles, as
 * varint; their bytes; those of the hour's tile. That one is left out where there is one small tile: it is the same.
 */

/** Small panes of an hour. */
const panes = paneMs.large / paneMs.small;
/** Place of the hour's tile behind those of its small panes. */
export const hourPlace = panes;
const maskBytes = 2;

/** Where the tiles of an hour lie in its bytes: those of the small panes, then that of the hour. */
export interface TilePlaces {
  /** -1: there is none. */
  readonly from: Int32Array;
  readonly to: Int32Array;
  /** How many small panes have a tile. */
  count: number;
}

/** Places of no tile. */
export function tilePlaces(): TilePlaces {
  return { from: new Int32Array(panes + 1).fill(-1), to: new Int32Array(panes + 1), count: 0 };
}

/** Finds the tiles of an hour, which is `bytes` from `start` to `end`; undefined: it has none. Cost: one step a small pane. */
export function placeTiles(bytes: Uint8Array | undefined, places: TilePlaces, start = 0, end = bytes?.length ?? 0): void {
  const { from, to } = places;
  from.fill(-1);
  places.count = 0;
  if (bytes === undefined) return;
  let at = start + maskBytes;
  let size = 0;
  for (let mask = bytes[start]! | (bytes[start + 1]! << 8), pane = 0; mask !== 0; mask >>= 1, pane++) {
    if ((mask & 1) === 0) continue;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      length |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    from[pane] = size;
    size += length;
    to[pane] = size;
    places.count += 1;
  }
  let last = 0;
  for (let pane = 0; pane < panes; pane++) {
    if (from[pane]! < 0) continue;
    from[pane] = from[pane]! + at;
    to[pane] = to[pane]! + at;
    last = pane;
  }
  from[hourPlace] = places.count === 1 ? from[last]! : to[last]!;
  to[hourPlace] = end;
}

/**
 * The bytes of an hour of which some tiles have changed.
 *
 * @param before what it was, and `places` where its tiles are
 * @param changed by small pane, the tiles that are new
 * @param hour the tile of the hour, where more than one small pane has a tile
 */
export function packHour(before: Uint8Array | undefined, { from, to }: TilePlaces, changed: readonly (Uint8Array | undefined)[], hour: Uint8Array | undefined): Uint8Array {
  let [mask, size] = [0, maskBytes + (hour?.length ?? 0)];
  for (let pane = 0; pane < panes; pane++) {
    const tile = changed[pane];
    if (tile === undefined && from[pane]! < 0) continue;
    const length = tile?.length ?? to[pane]! - from[pane]!;
    mask |= 1 << pane;
    size += length + varintBytes(length);
  }
  const packed = Buffer.allocUnsafe(size);
  let at = packed.writeUInt16LE(mask);
  for (let pane = 0; pane < panes; pane++) {
    if ((mask & (1 << pane)) === 0) continue;
    let length = changed[pane]?.length ?? to[pane]! - from[pane]!;
    for (; length > 127; length >>>= 7) packed[at++] = 128 | (length & 127);
    packed[at++] = length;
  }
  for (let pane = 0; pane < panes; pane++) {
    if ((mask & (1 << pane)) === 0) continue;
    const tile = changed[pane];
    if (tile !== undefined) {
      packed.set(tile, at);
      at += tile.length;
    } else for (let i = from[pane]!; i < to[pane]!; i++) packed[at++] = before![i]!;
  }
  if (hour !== undefined) packed.set(hour, at);
  return packed;
}

function varintBytes(length: number): number {
  return length < 1 << 7 ? 1 : length < 1 << 14 ? 2 : length < 1 << 21 ? 3 : length < 1 << 28 ? 4 : 5;
}

/** The tiles of an entity in state. */
export function tilesOf(table: Pick<StateTable, 'range'>, entity: Uint8Array): EntityTiles {
  const places = tilePlaces();
  const timeAt = hourTime(entity);
  return {
    each(pane, from, to, take) {
      for (const { key, value } of table.range(hourKey(entity, pane === paneMs.large ? from : hourStart(from)), hourKey(entity, to))) {
        placeTiles(value, places);
        if (pane === paneMs.large) take(value, places.from[hourPlace]!);
        else {
          const hour = hourOf(key, timeAt);
          for (let i = 0; i < panes; i++) {
            const start = hour + i * paneMs.small;
            if (places.from[i]! >= 0 && start >= from && start < to) take(value, places.from[i]!);
          }
        }
      }
    },
  };
}
