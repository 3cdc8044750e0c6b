import { HeadraceError } from '../../dataflow/errors.js';
import type { ArtefactStore } from '../../dataflow/ports/artefact-store.js';

/** The bytes of a hash, where the copies of this machine have them whole. */
export async function localArtefact(local: Pick<ArtefactStore, 'get'>, digest: string): Promise<Uint8Array | undefined> {
  try {
    return await local.get(digest);
  } catch (error) {
    if (error instanceof HeadraceError && error.code === 'HR_MODEL_CORRUPT') return undefined;
    throw error;
  }
}
