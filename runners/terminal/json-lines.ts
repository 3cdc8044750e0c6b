import type { Writable } from 'node:stream';

export interface JsonLines {
  /**
   * Writes a value as one line and waits while the reader is behind. False when the reader has gone (`| head`): stop then.
   * Other errors of the stream are thrown.
   */
  write(value: unknown): Promise<boolean>;
  /** Waits until everything is handed over and lets go of the stream, which stays open. */
  close(): Promise<void>;
}

/** Writes JSON values, one a line. A reader that closes the pipe early (EPIPE) is no error. */
export function jsonLines(stream: Writable = process.stdout): JsonLines {
  let gone = false;
  let failure: Error | undefined;
  let wake: (() => void) | undefined;
  const onError = (error: NodeJS.ErrnoException): void => {
    if (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED') gone = true;
    else failure = error;
    wake?.();
  };
  const onDrain = (): void => wake?.();
  const onClose = (): void => {
    gone = true;
    wake?.();
  };
  stream.on('error', onError);
  stream.on('drain', onDrain);
  stream.on('close', onClose);

  const settle = (): boolean => {
    if (failure !== undefined) throw failure;
    return !gone && !stream.destroyed;
  };
  return {
    async write(value) {
      if (!settle()) return false;
      if (!stream.write(`${JSON.stringify(value)}\n`)) {
        while (settle() && stream.writableNeedDrain) await new Promise<void>((resolve) => (wake = resolve));
      }
      return settle();
    },
    async close() {
      if (settle()) await new Promise<void>((resolve) => stream.write('', () => resolve()));
      stream.off('drain', onDrain);
      stream.off('close', onClose);
      // the error listener stays: a late EPIPE would end the process
      if (failure !== undefined) throw failure;
    },
  };
}
