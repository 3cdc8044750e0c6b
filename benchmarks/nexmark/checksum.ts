import type { Query } from './query.js';

/** Rows and checksum of a result, as `shared/peers/nexmark` defines them: a sum of hashes of lines, so that the order does not matter. */
export interface ResultChecksum {
  add(row: unknown): void;
  result(): { readonly rows: number; readonly checksum: number };
}

const mask = 2 ** 53;

/** Takes the rows of a query in the order in which they were written. Cost of a query with keys: one entry a key. */
export function resultChecksum(query: Pick<Query, 'line' | 'key'>): ResultChecksum {
  let rows = 0;
  let sum = 0n;
  const held = new Map<string, number>();
  return {
    add(row) {
      const hash = lineHash(query.line(row as never).join('|'));
      if (query.key === undefined) {
        rows += 1;
        sum += BigInt(hash);
      } else held.set(query.key(row as never), hash);
    },
    result() {
      for (const hash of held.values()) sum += BigInt(hash);
      return { rows: rows + held.size, checksum: Number(sum % BigInt(mask)) };
    },
  };
}

/** FNV-1a twice, with two beginnings: 53 bits. */
function lineHash(line: string): number {
  let h1 = 0x811c9dc5;
  let h2 = 0x9747b28c;
  for (const byte of Buffer.from(line)) {
    h1 = Math.imul(h1 ^ byte, 16_777_619);
    h2 = Math.imul(h2 ^ byte, 16_777_619);
  }
  return (h2 & 0x1fffff) * 2 ** 32 + (h1 >>> 0);
}
