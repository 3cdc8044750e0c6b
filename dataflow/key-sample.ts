import { partitionHash } from './partitioner.js';

/**
 * Whether a key (UTF-8) is in a share of all keys: by its hash, so it is the same keys everywhere, and a smaller share is a part of a larger one. A key of negative length
 * (null) is in none. The hash has nothing to do with the partition.
 *
 * @param share over 0, up to 1
 * @param seed another number chooses other keys
 */
export function keySample(share: number, seed = 0): (bytes: Uint8Array, offset: number, length: number) => boolean {
  const bound = share * 2 ** 32;
  const salt = Math.imul(Math.trunc(seed) + 1, 0x9e3779b1);
  return (bytes, offset, length) => length >= 0 && mixed(partitionHash(bytes, offset, length) ^ salt) < bound;
}

/** Source: the finaliser of MurmurHash3 (Appleby). */
function mixed(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
