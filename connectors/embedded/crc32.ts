import * as zlib from 'node:zlib';

/** CRC-32 (IEEE 802.3, as in zip and zlib) of `bytes`, as an unsigned number. */
export const crc32: (bytes: Uint8Array) => number =
  // node:zlib has it from 20.15 and 22.2 on
  typeof zlib.crc32 === 'function' ? (bytes) => zlib.crc32(bytes) : crc32ByTable;

const tables = makeTables();

/** The same without node:zlib, eight bytes at a time ("slicing by 8"). */
export function crc32ByTable(bytes: Uint8Array): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables;
  const n = bytes.length;
  let crc = -1;
  let i = 0;
  for (; i + 8 <= n; i += 8) {
    const low = crc ^ (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24));
    crc =
      t7![low & 255]! ^ t6![(low >>> 8) & 255]! ^ t5![(low >>> 16) & 255]! ^ t4![low >>> 24]! ^
      t3![bytes[i + 4]!]! ^ t2![bytes[i + 5]!]! ^ t1![bytes[i + 6]!]! ^ t0![bytes[i + 7]!]!;
  }
  for (; i < n; i++) crc = (crc >>> 8) ^ t0![(crc ^ bytes[i]!) & 255]!;
  return ~crc >>> 0;
}

function makeTables(): Int32Array[] {
  const made = Array.from({ length: 8 }, () => new Int32Array(256));
  for (let i = 0; i < 256; i++) {
    let c = i;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    made[0]![i] = c;
  }
  for (let t = 1; t < 8; t++) {
    for (let i = 0; i < 256; i++) {
      const c = made[t - 1]![i]!;
      made[t]![i] = (c >>> 8) ^ made[0]![c & 255]!;
    }
  }
  return made;
}
