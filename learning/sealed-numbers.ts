import { createHash } from 'node:crypto';
import { HeadraceError } from '../dataflow/errors.js';

const digestLength = 32;

/** A header and columns of numbers as bytes: a line that says what they are, a line of JSON, the numbers as little-endian float32, and a SHA-256 of all of it. */
export function seal(magic: string, header: unknown, numbers: readonly Float32Array[]): Uint8Array {
  const body = Buffer.concat([Buffer.from(`${magic}\n${JSON.stringify(header)}\n`), ...numbers.map((a) => Buffer.from(a.buffer, a.byteOffset, a.byteLength))]);
  return Buffer.concat([body, digestOf(body)]);
}

/**
 * What `seal` wrote.
 *
 * @param what the bytes are to be, for messages
 * @throws HR_MODEL_CORRUPT they are something else, or not all of it, or were changed
 */
export function unseal<H>(magic: string, what: string, bytes: Uint8Array): { readonly header: H; numbers(...lengths: number[]): Float32Array[] } {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const body = all.subarray(0, Math.max(0, all.length - digestLength));
  const first = Buffer.from(`${magic}\n`);
  if (!body.subarray(0, first.length).equals(first)) throw new HeadraceError('HR_MODEL_CORRUPT', `These bytes are no saved ${what}.`);
  if (!digestOf(body).equals(all.subarray(body.length))) throw new HeadraceError('HR_MODEL_CORRUPT', `The digest of a saved ${what} does not fit its bytes.`);
  const end = body.indexOf('\n', first.length);
  return {
    header: JSON.parse(body.toString('utf8', first.length, end)) as H,
    numbers(...lengths) {
      let at = body.byteOffset + end + 1;
      return lengths.map((length) => new Float32Array(body.buffer.slice(at, (at += 4 * length))));
    },
  };
}

function digestOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
