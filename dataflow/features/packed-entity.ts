import { createHash } from 'node:crypto';
import type { EntityTiles } from './feature-values.js';
import { eachHour } from './entity-hours.js';
import { type FeatureSet, hourStart, paneMs, tileForm } from './features.js';
import { hourPlace, placeTiles, tilePlaces } from './hour-tiles.js';

/** Bytes of a layout's digest in front of the tiles: a reader that declares other values notices. */
const digestBytes = 8;
/** Bytes of a count, and of what is told of a tile in front: its start and its place. */
const [countBytes, headBytes] = [4, 8];

const digests = new WeakMap<FeatureSet['layout'], Uint8Array>();

/** Digest of the values that a feature set declares: made once a layout, for it stands in every packed entity. */
export function layoutDigest(set: Pick<FeatureSet, 'layout'>): Uint8Array {
  const { layout } = set;
  let digest = digests.get(layout);
  if (digest === undefined) digests.set(layout, (digest = createHash('sha256').update(tileForm(set)).digest().subarray(0, digestBytes)));
  return digest;
}

/** Longest window of a set in milliseconds, by the panes that it is made of; 0 where there is none. */
export function longestWindow(set: Pick<FeatureSet, 'windows'>, pane: number): number {
  return set.windows.reduce((most, w) => (w.pane === pane ? Math.max(most, w.ms) : most), 0);
}

/**
 * All tiles of an entity that a look-up as of `at` or later may need, in one value: the layout's digest; for the small panes and then the large ones how many there are, their starts (in panes since 1970) and
 * where the bytes of each are; then those bytes.
 *
 * @param hours its tiles, see `eachHour`
 * @param at epoch milliseconds
 */
export function packEntity(set: Pick<FeatureSet, 'layout' | 'windows'>, hours: Buffer, at: number): Uint8Array {
  const { small: smallFrom, large: largeFrom } = packedFrom(set, at);
  let [small, large, size] = [0, 0, 0];
  eachHour(hours, (start, from, to) => {
    placeTiles(hours, places, from, to);
    if (start >= largeFrom) large += 1;
    if (start >= smallFrom) small += places.count;
    if (start >= largeFrom || start >= smallFrom) size += to - copiedFrom(start >= smallFrom);
  });
  const largeHead = digestBytes + countBytes + headBytes * small;
  let end = largeHead + countBytes + headBytes * large;
  const packed = Buffer.allocUnsafe(end + size);
  packed.set(layoutDigest(set));
  let head = packed.writeUInt32LE(small, digestBytes);
  let next = packed.writeUInt32LE(large, largeHead);
  eachHour(hours, (start, from, to) => {
    if (start < largeFrom && start < smallFrom) return;
    placeTiles(hours, places, from, to);
    const first = copiedFrom(start >= smallFrom);
    for (let i = 0; i < hourPlace && start >= smallFrom; i++) {
      if (places.from[i]! < 0) continue;
      head = packed.writeInt32LE(start / paneMs.small + i, head);
      head = packed.writeUInt32LE(end + places.from[i]! - first, head);
    }
    if (start >= largeFrom) {
      next = packed.writeInt32LE(start / paneMs.large, next);
      next = packed.writeUInt32LE(end + places.from[hourPlace]! - first, next);
    }
    end += hours.copy(packed, end, first, to);
  });
  return packed;
}

/** From which hour on tiles are packed, of the small panes and of the large ones. Infinity: none. */
export function packedFrom(set: Pick<FeatureSet, 'windows'>, at: number): { readonly small: number; readonly large: number } {
  const large = longestWindow(set, paneMs.large);
  // The newest hour of a long window is made of small panes.
  return { small: hourStart(at - Math.max(longestWindow(set, paneMs.small), paneMs.large)), large: large === 0 ? Number.POSITIVE_INFINITY : hourStart(at - large) };
}

const places = tilePlaces();

/** Where the bytes of an hour begin that are packed: all tiles lie behind one another, that of the hour last. */
function copiedFrom(withSmall: boolean): number {
  if (!withSmall) return places.from[hourPlace]!;
  return places.from.find((from) => from >= 0)!;
}

/** The tiles that `packEntity` packed, for `featuresAt`; undefined where they are of another layout. @param from where they begin in `bytes` */
export function unpackEntity(set: Pick<FeatureSet, 'layout'>, bytes: Uint8Array, from = 0): EntityTiles | undefined {
  const digest = layoutDigest(set);
  for (let k = 0; k < digestBytes; k++) if (bytes[from + k] !== digest[k]) return undefined;
  const small = from + digestBytes;
  const large = small + countBytes + headBytes * int32(bytes, small);
  return {
    each(pane, start, end, take) {
      const head = pane === paneMs.small ? small : large;
      const [first, last] = [Math.ceil(start / pane), Math.ceil(end / pane)];
      for (let at = head + countBytes, behind = at + headBytes * int32(bytes, head); at < behind; at += headBytes) {
        const tile = int32(bytes, at);
        if (tile >= last) return;
        if (tile >= first) take(bytes, from + int32(bytes, at + 4));
      }
    },
  };
}

/** A whole number of 4 bytes, the least first. */
function int32(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
