import { createHash } from 'node:crypto';
import type { EntityTiles } from './feature-values.js';
import { type FeatureSet, paneMs, tileKey, tilePrefix, tilesForm, tileStart } from './features.js';
import { entityBytes, type StateTable } from './state-table.js';

/** Bytes of a layout's digest in front of the tiles: a reader that declares other values notices. */
const digestBytes = 8;
/** Bytes of a count, and of what is told of a tile in front: its start and its place. */
const [countBytes, headBytes] = [4, 8];
/** In this order. */
const sizes = [paneMs.small, paneMs.large] as const;

const digests = new WeakMap<FeatureSet['layout'], Uint8Array>();

/** Digest of the values that a feature set declares: made once a layout, for it stands in every packed entity. */
export function layoutDigest(set: Pick<FeatureSet, 'layout'>): Uint8Array {
  const { layout } = set;
  let digest = digests.get(layout);
  if (digest === undefined) digests.set(layout, (digest = createHash('sha256').update(tilesForm(set)).digest().subarray(0, digestBytes)));
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
 * @param table where the tiles are
 * @param at epoch milliseconds
 */
export function packEntity(set: Pick<FeatureSet, 'layout' | 'windows'>, table: Pick<StateTable, 'range'>, entity: Uint8Array, at: number): Uint8Array {
  const found = sizes.map((pane) => {
    // The newest hour of a long window is made of small panes.
    const longest = Math.max(longestWindow(set, pane), pane === paneMs.small ? paneMs.large : 0);
    if (longest === 0) return [];
    const from = Math.floor((at - longest) / paneMs.large) * paneMs.large;
    return Array.from(table.range(tileKey(entity, pane, from), tileKey(entity, pane, 2 ** 53)));
  });
  let end = found.reduce((size, tiles) => size + countBytes + headBytes * tiles.length, digestBytes);
  const packed = Buffer.allocUnsafe(found.flat().reduce((size, { value }) => size + value.length, end));
  packed.set(layoutDigest(set));
  const startAt = tilePrefix.length + entityBytes(entity).length + 1;
  let head = digestBytes;
  for (const [i, tiles] of found.entries()) {
    head = packed.writeUInt32LE(tiles.length, head);
    for (const { key, value } of tiles) {
      head = packed.writeInt32LE(tileStart(key, startAt) / sizes[i]!, head);
      head = packed.writeUInt32LE(end, head);
      packed.set(value, end);
      end += value.length;
    }
  }
  return packed;
}

/** The tiles that `packEntity` packed, for `featuresAt`; undefined where they are of another layout. */
export function unpackEntity(set: Pick<FeatureSet, 'layout'>, packed: Uint8Array): EntityTiles | undefined {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  if (bytes.compare(layoutDigest(set), 0, digestBytes, 0, digestBytes) !== 0) return undefined;
  const small = bytes.readUInt32LE(digestBytes);
  const large = digestBytes + countBytes + headBytes * small;
  return {
    each(pane, from, to, take) {
      const head = pane === paneMs.small ? digestBytes : large;
      const [first, last] = [Math.ceil(from / pane), Math.ceil(to / pane)];
      for (let at = head + countBytes, end = at + headBytes * bytes.readUInt32LE(head); at < end; at += headBytes) {
        const start = bytes.readInt32LE(at);
        if (start >= last) return;
        if (start >= first) take(bytes, bytes.readUInt32LE(at + 4));
      }
    },
  };
}
