import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadraceError } from '../../dataflow/errors.js';
import type { ArtefactStore } from '../../dataflow/ports/artefact-store.js';
import { artefactDigest } from './artefact-digest.js';

/**
 * Artefacts as files of a data directory, named after their hashes. A file gets its name when all of it is on the disk, so no half of one can be read.
 */
export function embeddedArtefacts(dataDir: string): ArtefactStore {
  const folder = join(dataDir, 'artefacts');
  return {
    async put(bytes) {
      const digest = await artefactDigest(bytes);
      const file = join(folder, digest);
      if ((await readFile(file).catch(missing)) !== undefined) return digest;
      const partial = `${file}.${randomUUID()}.partial`;
      try {
        await mkdir(folder, { recursive: true });
        await writeDurably(partial, bytes);
        await rename(partial, file);
        await syncFolder(folder);
      } catch (cause) {
        await rm(partial, { force: true });
        const isFull = (cause as NodeJS.ErrnoException).code === 'ENOSPC';
        throw new HeadraceError(isFull ? 'HR_DISK_FULL' : 'HR_DATA_DIR', `The artefact of ${bytes.length} bytes cannot be stored in ${folder}: ${(cause as Error).message}`, { cause });
      }
      return digest;
    },
    async get(digest) {
      const bytes = /^[0-9a-f]{64}$/.test(digest) ? await readFile(join(folder, digest)).catch(missing) : undefined;
      if (bytes === undefined) throw new HeadraceError('HR_MODEL_CORRUPT', `There is no artefact ${digest} in ${folder}.`);
      if ((await artefactDigest(bytes)) !== digest) throw new HeadraceError('HR_MODEL_CORRUPT', `The artefact ${digest} in ${folder} has other bytes than were stored.`);
      return bytes;
    },
    async delete(digest) {
      if (/^[0-9a-f]{64}$/.test(digest)) await rm(join(folder, digest), { force: true });
    },
  };
}

/** undefined for a file that is not there. */
function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

async function writeDurably(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, 'wx');
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
