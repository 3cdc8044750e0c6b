import { GrowingBytes } from './growing-bytes.js';
import { xxh32 } from './xxh32.js';

const magic = 0x184d2204;
const blockSize = 64 * 1_024;
const hashBits = 13;
/** The last match ends this many bytes before the end, and begins 12 before it (LZ4 block format, "end of block conditions"). */
const lastLiterals = 5;
const lastMatch = 12;

/**
 * Reads an LZ4 frame.
 *
 * @param limit most bytes that it may become
 * @throws Error with the reason when the bytes are no frame, are damaged, or become too many
 * @see https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
 */
export function readLz4Frame(bytes: Uint8Array, limit: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 11 || view.getUint32(0, true) !== magic) throw new Error('it does not begin as an LZ4 frame');
  const flags = bytes[4]!;
  if (flags >>> 6 !== 1) throw new Error('the LZ4 frame has an unknown version');
  const hasBlockChecksums = (flags & 16) !== 0;
  let at = 6 + ((flags & 8) !== 0 ? 8 : 0) + ((flags & 1) !== 0 ? 4 : 0) + 1;
  const out = new GrowingBytes(Math.min(limit, bytes.length * 4), limit);
  for (;;) {
    if (at + 4 > bytes.length) throw new Error('the LZ4 frame is cut off');
    const word = view.getUint32(at, true);
    at += 4;
    if (word === 0) break;
    const size = word & 0x7fffffff;
    if (at + size > bytes.length) throw new Error('the LZ4 frame is cut off');
    if (word >>> 31 === 1) out.append(bytes, at, at + size);
    else readBlock(bytes, at, at + size, out);
    at += size + (hasBlockChecksums ? 4 : 0);
  }
  return out.take();
}

/** Writes an LZ4 frame of independent 64 kB blocks without checksums of their content: Kafka has its own. */
export function writeLz4Frame(bytes: Uint8Array): Uint8Array {
  const blocks = Math.ceil(bytes.length / blockSize);
  const out = new Uint8Array(15 + blocks * 4 + bytes.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, magic, true);
  // version 1, independent blocks; 64 kB
  out[4] = 0x60;
  out[5] = 0x40;
  out[6] = (xxh32(out.subarray(4, 6)) >>> 8) & 255;
  let at = 7;
  const table = new Int32Array(1 << hashBits);
  for (let from = 0; from < bytes.length; from += blockSize) {
    const block = bytes.subarray(from, from + blockSize);
    const size = writeBlock(block, out.subarray(at + 4, at + 4 + block.length), table);
    if (size < 0) out.set(block, at + 4);
    view.setUint32(at, size < 0 ? (block.length | 0x80000000) >>> 0 : size, true);
    at += 4 + (size < 0 ? block.length : size);
  }
  // the end mark is a size of 0
  return out.subarray(0, at + 4);
}

function readBlock(bytes: Uint8Array, at: number, end: number, out: GrowingBytes): void {
  const length = (nibble: number): number => {
    if (nibble < 15) return nibble;
    let sum = 15;
    let next: number;
    do {
      if (at >= end) throw new Error('an LZ4 block is cut off');
      next = bytes[at++]!;
      sum += next;
    } while (next === 255);
    return sum;
  };
  while (at < end) {
    const token = bytes[at++]!;
    const literals = length(token >>> 4);
    if (at + literals > end) throw new Error('an LZ4 block is cut off');
    out.append(bytes, at, at + literals);
    at += literals;
    if (at === end) return;
    if (at + 2 > end) throw new Error('an LZ4 block is cut off');
    const back = bytes[at]! | (bytes[at + 1]! << 8);
    at += 2;
    out.repeat(back, length(token & 15) + 4);
  }
}

/** Greedy matching by a hash of four bytes. Returns the size, or -1 when the block does not become smaller. */
function writeBlock(block: Uint8Array, out: Uint8Array, table: Int32Array): number {
  table.fill(-1);
  const n = block.length;
  let anchor = 0;
  let o = 0;
  const more = (value: number): void => {
    let left = value - 15;
    for (; left >= 255; left -= 255) out[o++] = 255;
    out[o++] = left;
  };
  const emit = (to: number, back: number, matched: number): boolean => {
    const literals = to - anchor;
    // the worst case of lengths, literals and the offset
    if (o + literals + literals / 255 + matched / 255 + 8 >= out.length) return false;
    const token = o++;
    out[token] = (Math.min(literals, 15) << 4) | (matched === 0 ? 0 : Math.min(matched - 4, 15));
    if (literals >= 15) more(literals);
    out.set(block.subarray(anchor, to), o);
    o += literals;
    if (matched === 0) return true;
    out[o++] = back & 255;
    out[o++] = back >>> 8;
    if (matched - 4 >= 15) more(matched - 4);
    return true;
  };
  for (let i = 0; i + lastMatch <= n; ) {
    const word = block[i]! | (block[i + 1]! << 8) | (block[i + 2]! << 16) | (block[i + 3]! << 24);
    const slot = Math.imul(word, 0x9e3779b1) >>> (32 - hashBits);
    const candidate = table[slot]!;
    table[slot] = i;
    if (candidate < 0 || i - candidate > 0xffff || block[candidate] !== block[i] || block[candidate + 1] !== block[i + 1] || block[candidate + 2] !== block[i + 2] || block[candidate + 3] !== block[i + 3]) {
      i += 1;
      continue;
    }
    let matched = 4;
    while (i + matched < n - lastLiterals && block[candidate + matched] === block[i + matched]) matched += 1;
    if (!emit(i, i - candidate, matched)) return -1;
    i += matched;
    anchor = i;
  }
  return emit(n, 0, 0) ? o : -1;
}
