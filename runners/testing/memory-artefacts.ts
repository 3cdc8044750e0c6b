import { createHash } from 'node:crypto';
import { HeadraceError } from '../../dataflow/errors.js';
import type { ArtefactStore } from '../../dataflow/ports/artefact-store.js';

/** Artefacts in memory. */
export function memoryArtefacts(): ArtefactStore {
  const kept = new Map<string, Uint8Array>();
  return {
    async put(bytes) {
      const digest = createHash('sha256').update(bytes).digest('hex');
      kept.set(digest, new Uint8Array(bytes));
      return digest;
    },
    async get(digest) {
      const bytes = kept.get(digest);
      if (bytes === undefined) throw new HeadraceError('HR_MODEL_CORRUPT', `There is no artefact ${digest}.`);
      return new Uint8Array(bytes);
    },
    async delete(digest) {
      kept.delete(digest);
    },
  };
}
