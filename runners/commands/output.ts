import type { Writable } from 'node:stream';
import { jsonLines } from '../terminal/json-lines.js';

/** Where the results of a command go: JSON lines under --json, text otherwise. */
export interface Output {
  /** Writes a result and waits while the reader is behind. False when the reader has gone (`| head`): stop then. */
  print(value: unknown, text: () => string): Promise<boolean>;
  /** Waits until everything is handed over. */
  close(): Promise<void>;
}

/** Results on a stream. A reader that closes the pipe early is no error. */
export function createOutput(stream: Writable, json: boolean): Output {
  const lines = jsonLines(stream);
  let gone = false;
  stream.on('error', () => (gone = true));
  return {
    async print(value, text) {
      if (json) return lines.write(value);
      if (gone) return false;
      if (!stream.write(`${text()}\n`) && !gone) {
        await new Promise<void>((resolve) => {
          for (const event of ['drain', 'close', 'error']) stream.once(event, () => resolve());
        });
      }
      return !gone && !stream.destroyed;
    },
    close: () => lines.close(),
  };
}
