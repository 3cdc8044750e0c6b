import { GrowingBytes } from './growing-bytes.js';

/** Snappy blocks as Java's library frames them: magic, two versions, then blocks with their size in front, big-endian. */
const xerialMagic = Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0);
const xerialHead = 16;
const blockSize = 32 * 1_024;
const hashBits = 12;

/**
 * Reads snappy: one raw block (librdkafka and others), or blocks in xerial's framing (Java).
 *
 * @param limit most bytes that it may become
 * @throws Error with the reason when the bytes are damaged or become too many
 * @see https://github.com/google/snappy/blob/main/format_description.txt
 */
export function readSnappy(bytes: Uint8Array, limit: number): Uint8Array {
  const out = new GrowingBytes(Math.min(limit, bytes.length * 3), limit);
  if (bytes.length < xerialHead || !xerialMagic.every((b, i) => bytes[i] === b)) {
    readBlock(bytes, 0, bytes.length, out);
    return out.take();
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = xerialHead; at < bytes.length; ) {
    if (at + 4 > bytes.length) throw new Error('the snappy data is cut off');
    const size = view.getUint32(at);
    at += 4;
    if (at + size > bytes.length) throw new Error('the snappy data is cut off');
    readBlock(bytes, at, at + size, out);
    at += size;
  }
  return out.take();
}

/** Writes snappy in xerial's framing, which every Kafka client reads. */
export function writeSnappy(bytes: Uint8Array): Uint8Array {
  const blocks = Math.ceil(bytes.length / blockSize);
  const out = new Uint8Array(xerialHead + blocks * 64 + Math.ceil(bytes.length * 1.2));
  const view = new DataView(out.buffer);
  out.set(xerialMagic);
  view.setInt32(8, 1);
  view.setInt32(12, 1);
  let at = xerialHead;
  const table = new Int32Array(1 << hashBits);
  for (let from = 0; from < bytes.length; from += blockSize) {
    const end = writeBlock(bytes.subarray(from, from + blockSize), out, at + 4, table);
    view.setInt32(at, end - at - 4);
    at = end;
  }
  return out.subarray(0, at);
}

function readBlock(bytes: Uint8Array, start: number, end: number, out: GrowingBytes): void {
  let at = start;
  const cutOff = new Error('the snappy data is cut off');
  // the size that follows from the content is what counts
  while (at < end && bytes[at]! > 127) at++;
  at += 1;
  while (at < end) {
    const tag = bytes[at++]!;
    const kind = tag & 3;
    if (kind === 0) {
      let size = tag >>> 2;
      if (size >= 60) {
        const n = size - 59;
        if (at + n > end) throw cutOff;
        size = 0;
        for (let i = n - 1; i >= 0; i--) size = size * 256 + bytes[at + i]!;
        at += n;
      }
      size += 1;
      if (at + size > end) throw cutOff;
      out.append(bytes, at, at + size);
      at += size;
      continue;
    }
    const width = kind === 1 ? 1 : kind === 2 ? 2 : 4;
    if (at + width > end) throw cutOff;
    if (kind === 1) out.repeat(((tag >>> 5) << 8) | bytes[at]!, ((tag >>> 2) & 7) + 4);
    else out.repeat(kind === 2 ? bytes[at]! | (bytes[at + 1]! << 8) : (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0, (tag >>> 2) + 1);
    at += width;
  }
}

/** Greedy matching by a hash of four bytes; gives the end. */
function writeBlock(block: Uint8Array, out: Uint8Array, at: number, table: Int32Array): number {
  table.fill(-1);
  const n = block.length;
  let size = n;
  for (; size > 127; size >>>= 7) out[at++] = (size & 127) | 128;
  out[at++] = size;
  let anchor = 0;
  const literals = (to: number): void => {
    const count = to - anchor;
    if (count === 0) return;
    if (count <= 60) out[at++] = (count - 1) << 2;
    else {
      // at most 32 kB: two bytes of length are enough
      out[at++] = 61 << 2;
      out[at++] = (count - 1) & 255;
      out[at++] = (count - 1) >>> 8;
    }
    out.set(block.subarray(anchor, to), at);
    at += count;
  };
  for (let i = 0; i + 4 <= n; ) {
    const word = block[i]! | (block[i + 1]! << 8) | (block[i + 2]! << 16) | (block[i + 3]! << 24);
    const slot = Math.imul(word, 0x1e35a7bd) >>> (32 - hashBits);
    const candidate = table[slot]!;
    table[slot] = i;
    if (candidate < 0 || block[candidate] !== block[i] || block[candidate + 1] !== block[i + 1] || block[candidate + 2] !== block[i + 2] || block[candidate + 3] !== block[i + 3]) {
      i += 1;
      continue;
    }
    let matched = 4;
    while (i + matched < n && block[candidate + matched] === block[i + matched]) matched += 1;
    literals(i);
    const back = i - candidate;
    for (let left = matched; left > 0; left -= 64) {
      out[at++] = ((Math.min(left, 64) - 1) << 2) | 2;
      out[at++] = back & 255;
      out[at++] = back >>> 8;
    }
    i += matched;
    anchor = i;
  }
  literals(n);
  return at;
}
