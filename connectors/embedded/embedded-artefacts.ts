import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { HeadraceError } from '../../dataflow/errors.js';
import type { ArtefactStore } from '../../dataflow/ports/artefact-store.js';
import { artefactDigest } from './artefact-digest.js';

/** Nobody writes a file for so long: what is older was left by a process that was killed. */
const leftBehindMs = 3_600_000;

/**
 * Artefacts as files of a data directory, named after their hashes. A file gets its name when all of it is on the disk, so no half of one can be read; halves that killed processes have left are removed by the first
 * one that is stored after an hour.
 *
 * @param now epoch milliseconds
 */
export function embeddedArtefacts(dataDir: string, now: () => number = Date.now): ArtefactStore {
  const folder = join(dataDir, 'artefacts');
  let swept: Promise<void> | undefined;
  return {
    async put(bytes) {
      const digest = await artefactDigest(bytes);
      const file = join(folder, digest);
      if ((await readFile(file).catch(missing)) !== undefined) return digest;
      const partial = `${file}.${randomUUID()}.partial`;
      try {
        await mkdir(folder, { recursive: true });
        await (swept ??= removeHalves(folder, now() - leftBehindMs));
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

/** Removes what was begun before a time (epoch milliseconds). */
async function removeHalves(folder: string, before: number): Promise<void> {
  for (const name of (await readdir(folder).catch(missing)) ?? []) {
    if (!name.endsWith('.partial')) continue;
    const file = join(folder, name);
    const begun = (await stat(file).catch(missing))?.mtimeMs ?? before;
    if (begun < before) await rm(file, { force: true });
  }
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
