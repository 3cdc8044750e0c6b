import * as zlib from 'node:zlib';

type Codec = { readonly compress: (bytes: Uint8Array) => Uint8Array; readonly decompress: (bytes: Uint8Array, size: number) => Uint8Array };

/** What node:zlib has of it from 22.15 on; the types are those of Node 20. */
const native = zlib as unknown as {
  readonly zstdCompressSync?: (bytes: Uint8Array) => Uint8Array;
  readonly zstdDecompressSync?: (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array;
};
const magic = 0xfd2fb528;
let wasm: Codec | undefined;

/** Makes zstd ready on a Node without its own (before 22.15): loads a WebAssembly build of it, once. */
export async function loadZstd(): Promise<void> {
  if (wasm !== undefined || native.zstdDecompressSync !== undefined) return;
  const { init, compress, decompress } = await import('@bokuweb/zstd-wasm');
  await init();
  wasm = { compress: (bytes) => compress(bytes), decompress: (bytes, size) => decompress(bytes, { defaultHeapSize: size }) };
}

/** Writes a zstd frame. @throws Error before `loadZstd` */
export function writeZstd(bytes: Uint8Array): Uint8Array {
  return native.zstdCompressSync?.(bytes) ?? loaded().compress(bytes);
}

/**
 * Reads a zstd frame, of which the size of the content is known or not.
 *
 * @param limit most bytes that it may become
 * @throws Error with the reason when the bytes are damaged or become too many, or before `loadZstd`
 * @see RFC 8878, section 3.1.1
 */
export function readZstd(bytes: Uint8Array, limit: number): Uint8Array {
  const known = contentSize(bytes);
  if (known !== undefined && known > limit) throw new Error(`it becomes more than ${limit} bytes`);
  if (native.zstdDecompressSync !== undefined) return native.zstdDecompressSync(bytes, { maxOutputLength: limit });
  const codec = loaded();
  for (let size = Math.min(limit, Math.max(1 << 16, known ?? bytes.length * 8)); ; size = Math.min(limit, size * 4)) {
    try {
      return codec.decompress(bytes, size);
    } catch (error) {
      // it does not tell a buffer that is too small from damaged bytes
      if (size === limit || known !== undefined) throw error;
    }
  }
}

/** The size that the frame's head tells, or undefined. */
function contentSize(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 6 || view.getUint32(0, true) !== magic) throw new Error('it does not begin as a zstd frame');
  const descriptor = bytes[4]!;
  const isSingle = (descriptor & 32) !== 0;
  const width = [isSingle ? 1 : 0, 2, 4, 8][descriptor >>> 6]!;
  const at = 5 + (isSingle ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]!;
  if (at + width > bytes.length) throw new Error('the zstd frame is cut off');
  if (width === 0) return undefined;
  if (width === 1) return bytes[at]!;
  if (width === 2) return view.getUint16(at, true) + 256;
  return width === 4 ? view.getUint32(at, true) : view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}

function loaded(): Codec {
  if (wasm === undefined) throw new Error('zstd is not loaded');
  return wasm;
}
