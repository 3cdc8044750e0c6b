import { open, type Database, type RootDatabase } from 'lmdb';
import { HeadraceError } from '../../dataflow/errors.js';
import { checkDirectory } from './data-directory.js';
import { reusable, spaceLeft } from './disk-space.js';
import { describeHolder, isAlive, thisProcess, type LockHolder } from './lock-holder.js';

/** A sub-database with bytes as keys and values. */
export type Table = Database<Uint8Array, Uint8Array>;

/** One LMDB environment in a data directory: topics, state, schemas and epochs of all its pipelines. */
export interface Environment {
  readonly dataDir: string;
  readonly mode: 'write' | 'read';
  /** (topic id, partition, base offset) to a stored block. */
  readonly blocks: Table;
  /** The same keys to the count and time bounds of the block. */
  readonly index: Table;
  /** Everything small: names, topics, partitions, epochs, positions, journals, schemas. */
  readonly meta: Table;
  /** (step id, key) to value. */
  readonly state: Table;
  /**
   * Runs `write` in one transaction: all of its changes become visible and durable when this returns, or none does.
   * Errors: HR_DISK_FULL (call it again when there is space), HR_STATE_LOCKED when another process has taken the
   * directory over, HR_DATA_DIR when it is open for reading only or cannot be written; whatever `write` throws.
   *
   * @param size bytes that `write` will write at most, to be sure of the space beforehand
   */
  transact<T>(write: () => T, size?: number): T;
  /** A buffer of at least `size` bytes for a value that is put at once; the next call may give the same one. */
  scratch(size: number): ArrayBuffer;
  /** Lets the next read see the newest commit of any thread or process. */
  refresh(): void;
  /** Waits for writes on their way, gives the lock back and closes. May be called twice. */
  close(): Promise<void>;
}

/** How to open an environment. */
export interface EnvironmentOptions {
  readonly dataDir: string;
  /** One process writes, any number of processes and worker threads read. */
  readonly mode: 'write' | 'read';
  /** The pipeline, for the message that another process gets. */
  readonly owner?: string | undefined;
  /** Epoch ms, for the same message. @default Date.now */
  readonly now?: () => number;
}

const formatVersion = 1;
const formatKey = Buffer.from('format');
const lockKey = Buffer.from('lock');
// address space, not memory: with room from the start LMDB need never map the file a second time
const mapSize = 2 ** 40;
const fullCodes = new Set<unknown>([28 /* ENOSPC */, 122 /* EDQUOT */, -30792 /* MDB_MAP_FULL */]);
const nearlyFull = 64 * 2 ** 20;
const spaceToOpen = 2 ** 20;
const spaceToCommit = 128 * 1_024;

/**
 * Opens the environment in `dataDir`, and creates it in mode 'write'.
 *
 * A writer holds a lock: a record in the environment itself, read and written in one transaction. It is void when its process is
 * gone (or its pid has been taken by another one). A holder on another host cannot be looked at: it is taken to be gone, since a
 * container that restarts has a new host name, and if it is not, its next commit is refused.
 *
 * Errors: HR_DATA_DIR when the directory cannot be used, HR_STATE_LOCKED when another writer is alive.
 */
export function openEnvironment(options: EnvironmentOptions): Environment {
  const { dataDir, mode, owner, now = Date.now } = options;
  checkDirectory(dataDir, mode);
  if (mode === 'write' && spaceLeft(dataDir) < spaceToOpen) throw diskFull(dataDir);
  if (mode === 'write') refuseSecondWriter(dataDir);
  const root = openRoot(dataDir, mode);
  let lock: Uint8Array | undefined;
  let tables: Record<'blocks' | 'index' | 'meta' | 'state', Table>;
  try {
    tables = { blocks: openTable(root, 'blocks'), index: openTable(root, 'index'), meta: openTable(root, 'meta'), state: openTable(root, 'state', readingInPool) };
    const { meta } = tables;
    if (mode === 'write') {
      const holder: LockHolder = { ...thisProcess(), started: new Date(now()).toISOString(), owner };
      root.transactionSync(() => {
        checkFormat(meta.get(formatKey), dataDir, mode);
        const held = meta.get(lockKey);
        if (held !== undefined && isAlive(parseHolder(held))) throw lockedError(held, dataDir);
        lock = Buffer.from(JSON.stringify(holder));
        meta.putSync(lockKey, lock);
        meta.putSync(formatKey, Buffer.from(String(formatVersion)));
      });
    } else {
      checkFormat(meta.get(formatKey), dataDir, mode);
    }
  } catch (error) {
    // nothing is under way, so this closes at once
    void root.close();
    throw dirError(error, dataDir);
  }

  let scratch = new ArrayBuffer(0);
  let closing: Promise<void> | undefined;
  const { meta } = tables;
  const holdsLock = (): boolean => lock !== undefined && Buffer.compare(meta.get(lockKey) ?? Buffer.alloc(0), lock) === 0;
  // asked beforehand, because lmdb 3.5 can overrun a buffer of its own when it reports a full disk (sprintf in mdb_page_flush)
  const hasSpace = (size: number): boolean => {
    const left = spaceLeft(dataDir);
    return left >= size || left + reusable(Object.values(tables)) >= size;
  };
  return {
    dataDir,
    mode,
    ...tables,
    transact(write, size = 0) {
      if (mode === 'read') throw new HeadraceError('HR_DATA_DIR', `${dataDir} is open for reading only.`);
      if (!hasSpace(size + spaceToCommit)) throw diskFull(dataDir);
      try {
        return root.transactionSync(() => {
          if (!holdsLock()) throw lockedError(meta.get(lockKey), dataDir);
          return write();
        });
      } catch (error) {
        throw writeError(error, dataDir);
      }
    },
    scratch(size) {
      if (size > scratch.byteLength) scratch = new ArrayBuffer(Math.max(size, scratch.byteLength * 2, 1 << 16));
      return scratch;
    },
    refresh() {
      root.resetReadTxn();
    },
    close() {
      closing ??= (async () => {
        try {
          // on a full disk the record stays; it is void as soon as this process ends
          if (mode === 'write' && hasSpace(spaceToCommit)) root.transactionSync(() => void (holdsLock() && meta.removeSync(lockKey)));
        } catch (error) {
          throw dirError(error, dataDir);
        } finally {
          await root.close();
        }
      })();
      return closing;
    },
  };
}

/** Who holds the writer lock, or undefined; the process may be gone (see `isAlive`). */
export function lockHolderOf(env: Pick<Environment, 'meta'>): LockHolder | undefined {
  const held = env.meta.get(lockKey);
  return held === undefined ? undefined : parseHolder(held);
}

/** Asks as a reader first: a writer that is stopped within a commit would let this one wait at its first transaction, for as long as it stands. */
function refuseSecondWriter(dataDir: string): void {
  let env: Environment;
  try {
    env = openEnvironment({ dataDir, mode: 'read' });
  } catch {
    // No data yet, or none that can be read: opening it for writing tells.
    return;
  }
  try {
    const held = env.meta.get(lockKey);
    if (held !== undefined && isAlive(parseHolder(held))) throw lockedError(held, dataDir);
  } finally {
    // nothing is under way, so this closes at once
    void env.close();
  }
}

function openRoot(dataDir: string, mode: 'write' | 'read'): RootDatabase<Uint8Array, Uint8Array> {
  const options = {
    path: dataDir,
    noSubdir: false,
    readOnly: mode === 'read',
    // commit, then return: no flush on another thread, and the meta page is written after its data
    overlappingSync: false,
    maxDbs: 8,
    encoding: 'binary',
    keyEncoding: 'binary',
  } as const;
  try {
    return open<Uint8Array, Uint8Array>({ ...options, mapSize });
  } catch (error) {
    // ENOMEM: an address space limit; the library's own map grows step by step
    if ((error as { code?: unknown }).code !== 12) throw dirError(error, dataDir);
  }
  try {
    return open<Uint8Array, Uint8Array>(options);
  } catch (error) {
    throw dirError(error, dataDir);
  }
}

function openTable(root: RootDatabase<Uint8Array, Uint8Array>, name: string, reading: object = { keyEncoding: 'binary' }): Table {
  const table = root.openDB<Uint8Array, Uint8Array>(name, { encoding: 'binary', ...reading }) as Table | undefined;
  if (table === undefined) throw new Error('another process is still creating it');
  return table;
}

/** Keys and values of ranges as slices of Node's buffer pool: lmdb makes an ArrayBuffer for each one, which costs more than to read it, and again when it is collected. */
const readingInPool = {
  keyEncoder: {
    writeKey(key: Uint8Array, target: Uint8Array, start: number): number {
      target.set(key, start);
      return start + key.length;
    },
    readKey: (source: Uint8Array, start: number, end: number): Uint8Array => pooledCopy(source, start, end - start),
  },
  encoder: {
    encode: (value: Uint8Array): Uint8Array => value,
    decode: (source: Uint8Array, length: number): Uint8Array => pooledCopy(source, 0, length),
  },
};

/** Bytes up to which a loop copies faster than a view of the source can be made. */
const shortCopy = 64;

function pooledCopy(source: Uint8Array, start: number, length: number): Uint8Array {
  const copy = Buffer.allocUnsafe(length);
  if (length > shortCopy) copy.set(new Uint8Array(source.buffer, source.byteOffset + start, length));
  else for (let i = 0; i < length; i++) copy[i] = source[start + i]!;
  return copy;
}

function checkFormat(stored: Uint8Array | undefined, dataDir: string, mode: 'write' | 'read'): void {
  if (stored === undefined && mode === 'write') return;
  if (stored === undefined) throw new Error('another process is still creating it');
  const found = Buffer.from(stored).toString();
  if (found !== String(formatVersion)) {
    throw new HeadraceError('HR_DATA_DIR', `${dataDir} has format version ${found}, and this Headrace reads and writes version ${formatVersion}.`, {
      remedy: 'Use the Headrace that wrote it, or give another directory with --data-dir.',
    });
  }
}

function lockedError(stored: Uint8Array | undefined, dataDir: string): HeadraceError {
  const detail = stored === undefined ? `The lock on ${dataDir} was taken away from this process.` : describeHolder(parseHolder(stored), dataDir);
  return new HeadraceError('HR_STATE_LOCKED', detail, { remedy: 'Stop it, or give this one its own directory with --data-dir.' });
}

function parseHolder(stored: Uint8Array): LockHolder {
  return JSON.parse(Buffer.from(stored).toString()) as LockHolder;
}

function writeError(error: unknown, dataDir: string): Error {
  if (error instanceof HeadraceError) return error;
  if (!(error instanceof Error)) return new Error(String(error));
  const { code } = error as { code?: unknown };
  if (isFull(error, dataDir)) return diskFull(dataDir, error);
  // LMDB's own errors have numbers as codes; the rest are bugs of ours and stay as they are
  return typeof code === 'number' ? new HeadraceError('HR_DATA_DIR', `${dataDir} cannot be written: ${reason(error)}.`, { cause: error }) : error;
}

function dirError(error: unknown, dataDir: string): HeadraceError {
  if (error instanceof HeadraceError) return error;
  if (isFull(error, dataDir)) return diskFull(dataDir, error);
  return new HeadraceError('HR_DATA_DIR', `${dataDir} cannot be opened: ${reason(error)}.`, { cause: error });
}

/** Whether LMDB failed for want of space. The write that hits the end of the disk is cut short, which it reports as EIO. */
function isFull(error: unknown, dataDir: string): boolean {
  const { code } = error as { code?: unknown };
  if (code !== 5 /* EIO */) return fullCodes.has(code);
  return spaceLeft(dataDir) < nearlyFull;
}

function diskFull(dataDir: string, cause?: unknown): HeadraceError {
  return new HeadraceError('HR_DISK_FULL', `There is no space left for ${dataDir}; nothing was written.`, { cause });
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
