import { createHash } from 'node:crypto';
import { type FeatureSet, paneMs, tileKey, tilePrefix } from './features.js';
import type { StateEntry, StateTable } from './state-table.js';
import { entityBytes } from './state-table.js';

/** Bytes of a layout's digest in front of the tiles: a reader that declares other values notices. */
const digestBytes = 8;

const digests = new WeakMap<FeatureSet['layout'], Uint8Array>();

/** Digest of the values that a feature set declares: made once a layout, for it stands in every packed entity. */
export function layoutDigest({ layout }: Pick<FeatureSet, 'layout'>): Uint8Array {
  let digest = digests.get(layout);
  if (digest === undefined) digests.set(layout, (digest = createHash('sha256').update(layout.text).digest().subarray(0, digestBytes)));
  return digest;
}

/** Longest window of a set in milliseconds, by the panes that it is made of; 0 where there is none. */
export function longestWindow(set: Pick<FeatureSet, 'windows'>, pane: number): number {
  return set.windows.reduce((most, w) => (w.pane === pane ? Math.max(most, w.ms) : most), 0);
}

/**
 * All tiles of an entity that a look-up as of `at` or later may need, in one value: the layout's digest, then each tile's key behind the entity and its bytes.
 *
 * @param table where the tiles are
 * @param at epoch milliseconds
 */
export function packEntity(set: Pick<FeatureSet, 'layout' | 'windows'>, table: Pick<StateTable, 'range'>, entity: Uint8Array, at: number): Uint8Array {
  const parts: Uint8Array[] = [layoutDigest(set)];
  const skipped = tilePrefix.length + entityBytes(entity).length;
  for (const pane of [paneMs.small, paneMs.large]) {
    // The newest hour of a long window is made of small panes.
    const longest = Math.max(longestWindow(set, pane), pane === paneMs.small ? paneMs.large : 0);
    if (longest === 0) continue;
    const from = Math.floor((at - longest) / paneMs.large) * paneMs.large;
    for (const { key, value } of table.range(tileKey(entity, pane, from), tileKey(entity, pane, 2 ** 53))) {
      const head = Buffer.alloc(5);
      head[0] = key.length - skipped;
      head.writeUInt32LE(value.length, 1);
      parts.push(head, key.subarray(skipped), value);
    }
  }
  return Buffer.concat(parts);
}

/** The tiles that `packEntity` packed, as a table for `featuresAt`; undefined where they are of another layout. */
export function unpackEntity(set: Pick<FeatureSet, 'layout'>, entity: Uint8Array, packed: Uint8Array): Pick<StateTable, 'range'> | undefined {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  if (!bytes.subarray(0, digestBytes).equals(layoutDigest(set))) return undefined;
  const front = Buffer.concat([tilePrefix, entityBytes(entity)]);
  const entries: StateEntry[] = [];
  for (let at = digestBytes; at < bytes.length; ) {
    const keyLength = bytes[at]!;
    const valueLength = bytes.readUInt32LE(at + 1);
    at += 5;
    entries.push({ key: Buffer.concat([front, bytes.subarray(at, at + keyLength)]), value: bytes.subarray(at + keyLength, at + keyLength + valueLength) });
    at += keyLength + valueLength;
  }
  return {
    range: (from, to) => entries.filter(({ key }) => Buffer.compare(key, from) >= 0 && (to === undefined || Buffer.compare(key, to) < 0)),
  };
}
