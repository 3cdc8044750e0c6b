import { createReadStream } from 'node:fs';
import { HeadraceError } from '../../dataflow/errors.js';

/** A line of a file without its line end. `size` is its length in bytes, of which `bytes` holds at most `maxLineBytes`. */
export interface Line {
  readonly number: number;
  readonly bytes: Buffer;
  readonly size: number;
}

/** Longest line that is read whole. */
export const maxLineBytes = 1 << 20;

const bom = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Reads a file, or standard input for `-`, as lines ended by LF or CRLF; a byte order mark is dropped. Yields the lines of
 * one chunk at a time; their bytes are views that stay valid. Memory is bounded by chunk and `maxLineBytes`.
 * Errors: HR_INPUT_FILE.
 */
export async function* readLines(input: string, stdin: AsyncIterable<Uint8Array> = process.stdin): AsyncGenerator<readonly Line[]> {
  const chunks: AsyncIterable<Uint8Array> = input === '-' ? stdin : createReadStream(input, { highWaterMark: 1 << 18 });
  let number = 0;
  let size = 0; // bytes of the line that began in an earlier chunk
  let head: Buffer[] = [];
  let held = 0;

  const hold = (part: Buffer): void => {
    const kept = part.subarray(0, maxLineBytes - held);
    if (kept.length > 0) head.push(kept);
    held += kept.length;
    size += part.length;
  };
  const finish = (part: Buffer): Line => {
    let bytes = part;
    let length = part.length;
    if (size > 0 || part.length > maxLineBytes) {
      hold(part);
      bytes = Buffer.concat(head);
      length = size;
      head = [];
      held = 0;
      size = 0;
    }
    if (length === bytes.length && bytes.at(-1) === 0x0d) bytes = bytes.subarray(0, (length -= 1));
    number++;
    if (number === 1 && bytes.subarray(0, 3).equals(bom)) {
      bytes = bytes.subarray(3);
      length -= 3;
    }
    return { number, bytes, size: length };
  };

  try {
    for await (const piece of chunks) {
      const chunk = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
      const lines: Line[] = [];
      let from = 0;
      for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
        lines.push(finish(chunk.subarray(from, end)));
        from = end + 1;
      }
      // a copy: a line that spans many chunks must not pin them
      if (from < chunk.length) hold(Buffer.from(chunk.subarray(from)));
      if (lines.length > 0) yield lines;
    }
    if (size > 0) yield [finish(Buffer.alloc(0))];
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === undefined || cause instanceof HeadraceError) throw cause;
    const name = input === '-' ? 'Standard input' : input;
    throw new HeadraceError('HR_INPUT_FILE', code === 'ENOENT' ? `${name} does not exist.` : `${name} cannot be read (${code}).`, { cause });
  }
}
