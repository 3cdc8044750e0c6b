import { createHash, type Hash } from 'node:crypto';
import { closeSync, fstatSync, fsyncSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { HeadraceError } from '../../dataflow/errors.js';
import type { EpochTimes } from '../../dataflow/ports/log-client.js';
import type { StateForm } from '../engine/job-state.js';
import type { PlaceInLog } from './place-in-log.js';

/*
 * A savepoint, little-endian:
 *    8 bytes "HRSAVE" and u16 format
 *    for each entry of state: u8 1 when its step or task is another one than before, then u32 size and name of the step, u32 task; u8 2, u32 size, key, u32 size, value
 *    u8 0, then the manifest as JSON, u32 its size, SHA-256 of all before
 * The manifest comes last, so that state is written as it is read, however much there is.
 */
const magic = 'HRSAVE';
/** Raised when what is stored changes: of the file, or of state. */
export const savepointFormat = 1;
const digestBytes = 32;
const chunkBytes = 1 << 20;

/** What a savepoint says of itself. */
export interface SavepointManifest {
  readonly format: number;
  /** SHA-256 of pipeline name, state and positions: two savepoints of one id hold the same. */
  readonly id: string;
  readonly pipeline: string;
  /** Digest of the forms of state. */
  readonly pipelineDigest: string;
  readonly forms: Readonly<Record<string, StateForm>>;
  readonly epoch: number;
  readonly times?: EpochTimes | undefined;
  /** Tasks that the state belongs to: the partitions of the inputs. */
  readonly tasks: number;
  readonly positions: readonly PlaceInLog[];
  readonly entries: number;
  readonly bytes: number;
  /** Epoch ms. */
  readonly takenAt: number;
  /** Version of Headrace. */
  readonly version: string;
}

/** An entry of state. */
export interface SavedEntry {
  readonly task: number;
  readonly step: string;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Writes entries of state, then the manifest. The file is there as a whole or not at all. Synchronous, so that all entries are of one moment. */
export function writeSavepoint(path: string, entries: Iterable<SavedEntry>): { finish(manifest: (written: { id: string; entries: number; bytes: number }) => SavepointManifest): SavepointManifest; discard(): void } {
  const part = `${path}.${process.pid}.part`;
  const file = open(part, 'wx');
  const all = createHash('sha256');
  const content = createHash('sha256');
  const buffer = Buffer.alloc(chunkBytes);
  let filled = 0;
  let count = 0;
  let size = 0;
  const flush = () => {
    writeSync(file, buffer, 0, filled);
    filled = 0;
  };
  const put = (bytes: Uint8Array, ...hashes: Hash[]) => {
    for (const hash of [all, ...hashes]) hash.update(bytes);
    if (filled + bytes.length > buffer.length) flush();
    if (bytes.length > buffer.length) writeSync(file, bytes);
    else {
      buffer.set(bytes, filled);
      filled += bytes.length;
    }
  };
  const discard = () => {
    closeSync(file);
    rmSync(part, { force: true });
  };
  try {
    const head = Buffer.alloc(8);
    head.write(magic);
    head.writeUInt16LE(savepointFormat, 6);
    put(head);
    let before: string | undefined;
    for (const { task, step, key, value } of entries) {
      const place = `${task} ${step}`;
      if (place !== before) put(Buffer.concat([Buffer.of(1), sized(Buffer.from(step)), u32(task)]), content);
      before = place;
      put(Buffer.concat([Buffer.of(2), sized(key), u32(value.length)]), content);
      put(value, content);
      count += 1;
      size += key.length + value.length;
    }
    put(Buffer.of(0));
  } catch (error) {
    discard();
    throw error;
  }
  return {
    discard,
    finish(manifestOf) {
      try {
        const manifest = manifestOf({ id: content.digest('hex'), entries: count, bytes: size });
        const text = Buffer.from(JSON.stringify(manifest));
        put(text);
        put(u32(text.length));
        flush();
        writeSync(file, all.digest());
        fsyncSync(file);
        closeSync(file);
        renameSync(part, path);
        return manifest;
      } catch (error) {
        discard();
        throw error;
      }
    },
  };
}

/** An open savepoint whose checksum is right. */
export interface Savepoint {
  readonly manifest: SavepointManifest;
  entries(): Iterable<SavedEntry>;
  close(): void;
}

/** Opens a savepoint. @throws HR_SAVEPOINT it is none, is of another format, or was changed; HR_INPUT_FILE it cannot be read */
export function openSavepoint(path: string): Savepoint {
  const file = open(path, 'r');
  const damaged = (what: string) => new HeadraceError('HR_SAVEPOINT', `${path} ${what}.`);
  try {
    const { size } = fstatSync(file);
    const reader = fileReader(file, 0, size);
    const head = size < 8 ? Buffer.alloc(8) : reader.take(8);
    if (head.toString('latin1', 0, magic.length) !== magic) throw damaged('is no savepoint');
    const format = head.readUInt16LE(6);
    if (format !== savepointFormat) throw damaged(`has the format ${format}, and this Headrace reads ${savepointFormat}: use the version that wrote it`);
    if (size < 8 + 1 + 4 + digestBytes) throw damaged('is cut off');
    const hash = createHash('sha256').update(head);
    for (let left = size - 8 - digestBytes; left > 0; ) {
      const bytes = reader.take(Math.min(left, chunkBytes));
      hash.update(bytes);
      left -= bytes.length;
    }
    if (!hash.digest().equals(reader.take(digestBytes))) throw damaged('was changed or cut off: its checksum is another one');
    const length = fileReader(file, size - digestBytes - 4, size).take(4).readUInt32LE(0);
    const at = size - digestBytes - 4 - length;
    const manifest = JSON.parse(fileReader(file, at, size).take(length).toString()) as SavepointManifest;
    return {
      manifest,
      *entries() {
        const from = fileReader(file, 8, at);
        const bytes = () => Uint8Array.from(from.take(from.take(4).readUInt32LE(0)));
        let step = '';
        let task = 0;
        for (let kind = from.take(1)[0]!; kind !== 0; kind = from.take(1)[0]!) {
          if (kind === 1) {
            step = Buffer.from(bytes()).toString();
            task = from.take(4).readUInt32LE(0);
          } else yield { task, step, key: bytes(), value: bytes() };
        }
      },
      close: () => closeSync(file),
    };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/** Reads a file piece by piece; what it gives is valid until the next call. */
function fileReader(file: number, from: number, to: number): { take(n: number): Buffer } {
  let buffer = Buffer.alloc(Math.min(chunkBytes, Math.max(1, to - from)));
  let start = 0;
  let end = 0;
  let at = from;
  return {
    take(n) {
      if (end - start < n) {
        const rest = buffer.subarray(start, end);
        const larger = n > buffer.length ? Buffer.alloc(n) : buffer;
        larger.set(rest, 0);
        buffer = larger;
        end = rest.length;
        start = 0;
        while (end < n) {
          const read = readSync(file, buffer, end, Math.min(buffer.length - end, to - at), at);
          if (read === 0) throw new HeadraceError('HR_SAVEPOINT', 'The savepoint ends too early.');
          at += read;
          end += read;
        }
      }
      start += n;
      return buffer.subarray(start - n, start);
    },
  };
}

function open(path: string, flags: 'r' | 'wx'): number {
  try {
    return openSync(path, flags);
  } catch (cause) {
    const reading = flags === 'r';
    throw new HeadraceError(reading ? 'HR_INPUT_FILE' : 'HR_SAVEPOINT', `${path} cannot be ${reading ? 'read' : 'written'}: ${(cause as Error).message}.`, { cause, ...(reading ? {} : { remedy: 'Give another file; the folder has to be there.' }) });
  }
}

function sized(bytes: Uint8Array): Buffer {
  return Buffer.concat([u32(bytes.length), bytes]);
}

function u32(n: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(n);
  return bytes;
}
