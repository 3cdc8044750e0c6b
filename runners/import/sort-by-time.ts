import { open, mkdtemp, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HeadraceError } from '../../dataflow/errors.js';
import type { ClickEvent } from '../../schemas/generated/click-event.js';
import type { Imported } from './importer.js';

export interface SortOptions {
  /** Most events held in memory; beyond it sorted runs go to one temporary file. @default 200,000 */
  readonly limit?: number | undefined;
  /** @default the system's */
  readonly temporaryDirectory?: string | undefined;
}

/**
 * Delivers events in order of their timestamp; equal timestamps keep the order of the input. Takes batches, since an
 * asynchronous step for each event would cost more than reading it. Refused lines pass through at once. The
 * temporary file is removed at the end. Errors: HR_DISK_FULL and HR_DATA_DIR when it cannot be written.
 */
export async function* sortByTime(source: AsyncIterable<readonly Imported[]>, options: SortOptions = {}): AsyncGenerator<Imported> {
  const limit = options.limit ?? 200_000;
  if (!(limit >= 1)) throw new HeadraceError('HR_ARGUMENT', `A sort limit of ${limit} events cannot be used; give 1 or more.`);
  const runs = runFile(options.temporaryDirectory ?? tmpdir());
  let events: ClickEvent[] = [];
  let ordered = true;
  try {
    for await (const batch of source) {
      for (const imported of batch) {
        if ('refused' in imported) {
          yield imported;
          continue;
        }
        const { event } = imported;
        if (events.length > 0 && event.timestamp < events[events.length - 1]!.timestamp) ordered = false;
        events.push(event);
        if (events.length >= limit) {
          await runs.add(ordered ? events : sorted(events));
          events = [];
          ordered = true;
        }
      }
    }
    if (!ordered) events = sorted(events);
    const rest = { next: () => Promise.resolve(events.splice(0)) };
    const pieces = runs.count === 0 ? [events] : merge([...runs.readers(), rest]);
    for await (const piece of pieces) for (const event of piece) yield { event };
  } finally {
    await runs.remove();
  }
}

function sorted(events: ClickEvent[]): ClickEvent[] {
  return events.sort((a, b) => a.timestamp - b.timestamp); // stable since ES2019
}

/** Hands out a sorted run piece by piece; an empty piece is its end. */
interface RunReader {
  next(): Promise<readonly ClickEvent[]>;
}

interface Head {
  readonly run: number;
  readonly reader: RunReader;
  piece: readonly ClickEvent[];
  at: number;
}

/** K-way merge over a binary heap; among equal timestamps the earlier run wins, which keeps the order of the input. */
async function* merge(readers: readonly RunReader[]): AsyncGenerator<readonly ClickEvent[]> {
  const heap: Head[] = [];
  for (const [run, reader] of readers.entries()) {
    const piece = await reader.next();
    if (piece.length > 0) heap.push({ run, reader, piece, at: 0 });
  }
  const before = (a: Head, b: Head): boolean => {
    const d = a.piece[a.at]!.timestamp - b.piece[b.at]!.timestamp;
    return d < 0 || (d === 0 && a.run < b.run);
  };
  const sink = (from: number): void => {
    for (let i = from; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) if (child < heap.length && before(heap[child]!, heap[least]!)) least = child;
      if (least === i) return;
      [heap[i], heap[least]] = [heap[least]!, heap[i]!];
      i = least;
    }
  };
  for (let i = heap.length >> 1; i >= 0; i--) sink(i);
  let merged: ClickEvent[] = [];
  while (heap.length > 0) {
    const top = heap[0]!;
    merged.push(top.piece[top.at++]!);
    if (merged.length === pieceEvents) {
      yield merged;
      merged = [];
    }
    if (top.at === top.piece.length) {
      top.piece = await top.reader.next();
      top.at = 0;
      if (top.piece.length === 0) {
        const last = heap.pop()!;
        if (heap.length > 0) heap[0] = last;
      }
    }
    sink(0);
  }
  yield merged;
}

interface RunFile {
  readonly count: number;
  add(events: readonly ClickEvent[]): Promise<void>;
  readers(): RunReader[];
  remove(): Promise<void>;
}

const pieceEvents = 1_000;

/** Sorted runs as JSON arrays of up to 1,000 events, one after the other in one file that is made on first use. */
function runFile(parent: string): RunFile {
  const runs: { readonly position: number; readonly length: number }[][] = [];
  let directory: string | undefined;
  let file: FileHandle | undefined;
  let end = 0;
  return {
    get count() {
      return runs.length;
    },
    async add(events) {
      try {
        directory ??= await mkdtemp(join(parent, 'headrace-sort-'));
        file ??= await open(join(directory, 'runs'), 'w+', 0o600);
        const pieces = [];
        for (let i = 0; i < events.length; i += pieceEvents) {
          const bytes = Buffer.from(JSON.stringify(events.slice(i, i + pieceEvents)));
          for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done, bytes.length - done, end + done)).bytesWritten;
          pieces.push({ position: end, length: bytes.length });
          end += bytes.length;
        }
        runs.push(pieces);
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOSPC')
          throw new HeadraceError('HR_DISK_FULL', `No space in ${parent} to sort the input by time.`, { cause, remedy: 'Free some space, or set TMPDIR to a larger disk.' });
        throw new HeadraceError('HR_DATA_DIR', `A temporary file in ${parent} cannot be written.`, { cause, remedy: 'Set TMPDIR to a directory that can be written.' });
      }
    },
    readers: () =>
      runs.map((pieces) => {
        let at = 0;
        return {
          async next() {
            const piece = pieces[at++];
            if (piece === undefined) return [];
            const bytes = Buffer.allocUnsafe(piece.length);
            for (let done = 0; done < piece.length; ) {
              const { bytesRead } = await file!.read(bytes, done, piece.length - done, piece.position + done);
              if (bytesRead === 0) throw new HeadraceError('HR_DATA_DIR', `The temporary file in ${parent} was cut while it was read.`);
              done += bytesRead;
            }
            return JSON.parse(bytes.toString('utf8')) as ClickEvent[];
          },
        };
      }),
    async remove() {
      await file?.close();
      if (directory !== undefined) await rm(directory, { recursive: true, force: true });
    },
  };
}
