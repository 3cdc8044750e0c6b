const prime1 = 0x9e3779b1;
const prime2 = 0x85ebca77;
const prime3 = 0xc2b2ae3d;
const prime4 = 0x27d4eb2f;
const prime5 = 0x165667b1;

/**
 * XXH32 with seed 0, as an unsigned number: the checksum of LZ4 frames.
 *
 * @see https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
 */
export function xxh32(bytes: Uint8Array): number {
  const n = bytes.length;
  const view = new DataView(bytes.buffer, bytes.byteOffset, n);
  let at = 0;
  let h: number;
  if (n >= 16) {
    let a = (prime1 + prime2) | 0;
    let b = prime2;
    let c = 0;
    let d = -prime1 | 0;
    for (; at + 16 <= n; at += 16) {
      a = round(a, view.getUint32(at, true));
      b = round(b, view.getUint32(at + 4, true));
      c = round(c, view.getUint32(at + 8, true));
      d = round(d, view.getUint32(at + 12, true));
    }
    h = rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18);
  } else h = prime5;
  h = (h + n) | 0;
  for (; at + 4 <= n; at += 4) h = Math.imul(rotate((h + Math.imul(view.getUint32(at, true), prime3)) | 0, 17), prime4);
  for (; at < n; at++) h = Math.imul(rotate((h + Math.imul(bytes[at]!, prime5)) | 0, 11), prime1);
  h = Math.imul(h ^ (h >>> 15), prime2);
  h = Math.imul(h ^ (h >>> 13), prime3);
  return (h ^ (h >>> 16)) >>> 0;
}

function round(sum: number, word: number): number {
  return Math.imul(rotate((sum + Math.imul(word, prime2)) | 0, 13), prime1);
}

function rotate(x: number, by: number): number {
  return (x << by) | (x >>> (32 - by));
}
