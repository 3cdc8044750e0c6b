import { crc32c, Writer } from '@platformatic/kafka';

/** CRC-32C of some bytes. The library's own copies an array before it reads it, and takes these as they are in a writer. */
export function batchChecksum(bytes: Uint8Array): number {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return crc32c(Writer.create().append(view).dynamicBuffer) >>> 0;
}
