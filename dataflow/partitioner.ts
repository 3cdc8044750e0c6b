import type { StringColumn } from '../schemas/column.js';

/**
 * Partition of a key as Kafka's default partitioner gives it: positive murmur2 of the key bytes, modulo the partitions. Source: Apache
 * Kafka, `org.apache.kafka.common.utils.Utils.murmur2`.
 */
export function partitionOf(bytes: Uint8Array, offset: number, length: number, partitions: number): number {
  return (partitionHash(bytes, offset, length) & 0x7fffffff) % partitions;
}

/** Partitions of all rows of a key column; a null key counts as empty. Cost: one hash a row. */
export function partitionAll(keys: StringColumn, n: number, partitions: number): Int32Array {
  const out = new Int32Array(n);
  for (let i = 0; i < n; i++) out[i] = partitionOf(keys.bytes, keys.offset[i]!, Math.max(keys.length[i]!, 0), partitions);
  return out;
}

/** murmur2 of a key, 32 bits with sign. */
export function partitionHash(bytes: Uint8Array, offset: number, length: number): number {
  const m = 0x5bd1e995;
  let h = 0x9747b28c ^ length;
  const blocks = length >> 2;
  for (let b = 0; b < blocks; b++) {
    const i = offset + (b << 2);
    let k = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    k = Math.imul(k, m);
    h = Math.imul(h, m) ^ k;
  }
  const tail = offset + (blocks << 2);
  const rest = length & 3;
  if (rest === 3) h ^= bytes[tail + 2]! << 16;
  if (rest >= 2) h ^= bytes[tail + 1]! << 8;
  if (rest >= 1) h = Math.imul(h ^ bytes[tail]!, m);
  h ^= h >>> 13;
  h = Math.imul(h, m);
  return h ^ (h >>> 15);
}
