import { closeSync, existsSync, mkdirSync, openSync, readSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { HeadraceError } from '../../dataflow/errors.js';

const lmdbMagic = 0xbeefc0de;

/**
 * Creates the directory in mode 'write', and refuses what LMDB could not open (on a file that is not its own it would end the process).
 * Errors: HR_DATA_DIR with the reason.
 */
export function checkDirectory(dataDir: string, mode: 'write' | 'read'): void {
  const file = join(dataDir, 'data.mdb');
  let size: number | undefined;
  try {
    if (mode === 'write') makeDirectory(resolve(dataDir));
    if (existsSync(dataDir) && !statSync(dataDir).isDirectory()) throw new Error('it is a file');
    if (existsSync(file)) {
      size = statSync(file).size;
      // an empty file is one that was never written
      if (size > 0 && !isLmdb(file)) throw new Error(`${file} is not an LMDB file`);
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new HeadraceError('HR_DATA_DIR', `${dataDir} cannot be used: ${code === 'EEXIST' ? 'it is a file' : message}.`, { cause: error });
  }
  if (mode === 'read' && !size) {
    throw new HeadraceError('HR_DATA_DIR', `There is no data in ${dataDir} yet.`, { remedy: 'Import records or run a pipeline first, or name another directory with --data-dir.' });
  }
}

/** Makes a directory and those above it. Node's own `recursive` never ends where none can be made, as in /proc. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  makeDirectory(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // another process may have made it meanwhile
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/** Whether a file begins with an LMDB meta page: its page header has 16 bytes or, in data format 2, 24. */
function isLmdb(file: string): boolean {
  const head = Buffer.alloc(32);
  const fd = openSync(file, 'r');
  try {
    return readSync(fd, head, 0, 32, 0) === 32 && (head.readUInt32LE(16) === lmdbMagic || head.readUInt32LE(24) === lmdbMagic);
  } finally {
    closeSync(fd);
  }
}
