import type { ByteReader, ByteWriter } from '../bytes.js';
import type { Cells } from './slab.js';

/*
 * Cells in few bytes, for most of them are 0 or small: 1..191 is that number, 192..253 are 1 to 62 zeros, 0 is followed by a u16, 254 by an i32, 255 by a f64; little-endian.
 */
const small = 191;
const zerosFrom = 192;
const mostZeros = 62;
const isU16 = 0;
const isI32 = 254;
const isF64 = 255;

/** Writes `width` numbers of each of some rows, to the bit. Cost: one pass over the cells, 1 to 9 bytes for each that is not 0. */
export function packCells(out: ByteWriter, data: Cells, rows: Int32Array, width: number): void {
  const head = out.reserve(4);
  out.commit(head + 4);
  let zeros = 0;
  for (let i = 0; i < rows.length; i++) {
    let p = out.reserve(9 * width + 1);
    const { buffer } = out;
    for (let cell = rows[i]! * width, end = cell + width; cell < end; cell++) {
      const x = data[cell]!;
      if (x === 0 && 1 / x > 0) {
        zeros += 1;
        if (zeros < mostZeros) continue;
        buffer[p++] = zerosFrom + zeros - 1;
        zeros = 0;
        continue;
      }
      if (zeros > 0) {
        buffer[p++] = zerosFrom + zeros - 1;
        zeros = 0;
      }
      const int = x | 0;
      if (int !== x || x === 0) {
        buffer[p++] = isF64;
        p = buffer.writeDoubleLE(x, p);
      } else if (int > 0 && int <= small) buffer[p++] = int;
      else if (int > 0 && int < 65_536) {
        buffer[p] = isU16;
        buffer[p + 1] = int & 255;
        buffer[p + 2] = int >> 8;
        p += 3;
      } else {
        buffer[p++] = isI32;
        p = buffer.writeInt32LE(int, p);
      }
    }
    out.commit(p);
  }
  let end = out.reserve(1);
  if (zeros > 0) out.buffer[end++] = zerosFrom + zeros - 1;
  out.commit(end);
  out.buffer.writeUInt32LE(end - head - 4, head);
}

/** Reads what `packCells` wrote into the same rows. */
export function unpackCells(from: ByteReader, data: Float64Array, rows: Int32Array, width: number): void {
  const view = from.bytes();
  const bytes = Buffer.from(view.buffer, view.byteOffset, view.length);
  let p = 0;
  let zeros = 0;
  for (let i = 0; i < rows.length; i++) {
    for (let cell = rows[i]! * width, end = cell + width; cell < end; cell++) {
      if (zeros > 0) {
        zeros -= 1;
        data[cell] = 0;
        continue;
      }
      const code = bytes[p++]!;
      if (code > 0 && code <= small) data[cell] = code;
      else if (code >= zerosFrom && code < isI32) {
        zeros = code - zerosFrom;
        data[cell] = 0;
      } else if (code === isU16) {
        data[cell] = bytes.readUInt16LE(p);
        p += 2;
      } else if (code === isI32) {
        data[cell] = bytes.readInt32LE(p);
        p += 4;
      } else {
        data[cell] = bytes.readDoubleLE(p);
        p += 8;
      }
    }
  }
}

const whole = Int32Array.of(0);

/** Writes whole numbers as what each is above the one before it plus `step`: few bytes where they go on like this. */
export function packInts(out: ByteWriter, values: Int32Array, step: number): void {
  const differences = new Float64Array(values.length);
  let before = 0;
  for (let i = 0; i < values.length; i++) {
    differences[i] = values[i]! - before;
    before = values[i]! + step;
  }
  out.u32(values.length);
  packCells(out, differences, whole, values.length);
}

/** Reads what `packInts` wrote. */
export function unpackInts(from: ByteReader, step: number): Int32Array {
  const n = from.u32();
  const differences = new Float64Array(n);
  unpackCells(from, differences, whole, n);
  const values = new Int32Array(n);
  let before = 0;
  for (let i = 0; i < n; i++) {
    values[i] = before + differences[i]!;
    before = values[i]! + step;
  }
  return values;
}
