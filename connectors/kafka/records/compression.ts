import { gunzipSync, gzipSync } from 'node:zlib';
import { readLz4Frame, writeLz4Frame } from './lz4-frame.js';
import { readSnappy, writeSnappy } from './snappy.js';
import { readZstd, writeZstd } from './zstd.js';

/** How a record batch is compressed; the position is the number in its attributes. */
export const compressions = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

/** One of `compressions`. */
export type Compression = (typeof compressions)[number];

/** Most bytes that one compressed batch may become. */
export const maxBatchBytes = 256 * 1_024 * 1_024;

/** Compresses the records of a batch. zstd: after `loadZstd`. */
export function compress(kind: Compression, bytes: Uint8Array): Uint8Array {
  switch (kind) {
    case 'none':
      return bytes;
    case 'gzip':
      return gzipSync(bytes, { level: 1 });
    case 'snappy':
      return writeSnappy(bytes);
    case 'lz4':
      return writeLz4Frame(bytes);
    case 'zstd':
      return writeZstd(bytes);
  }
}

/** The records of a batch. @throws Error with the reason when the bytes are damaged or become more than `maxBatchBytes` */
export function decompress(kind: Compression, bytes: Uint8Array): Uint8Array {
  switch (kind) {
    case 'none':
      return bytes;
    case 'gzip':
      return gunzipSync(bytes, { maxOutputLength: maxBatchBytes });
    case 'snappy':
      return readSnappy(bytes, maxBatchBytes);
    case 'lz4':
      return readLz4Frame(bytes, maxBatchBytes);
    case 'zstd':
      return readZstd(bytes, maxBatchBytes);
  }
}
