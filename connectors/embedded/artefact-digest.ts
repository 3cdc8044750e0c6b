import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Bytes that are hashed in one turn of the event loop: some milliseconds. */
const pieceBytes = 4 << 20;

/** SHA-256 of an artefact as hexadecimal digits. A large one is hashed piece by piece, so that the event loop goes on: a base of a million users is a quarter of a gigabyte. */
export async function artefactDigest(bytes: Uint8Array): Promise<string> {
  const hash = createHash('sha256');
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    if (at > 0) await nextTurn();
    hash.update(bytes.subarray(at, at + pieceBytes));
  }
  return hash.digest('hex');
}
