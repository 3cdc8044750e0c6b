import { formatDuration, formatNumber, formatShort } from './number-format.js';
import { cutToWidth, printable } from './text-width.js';

/** What a progress line is written to: standard error, or a recorder in tests. */
export interface ProgressStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export interface ProgressOptions {
  readonly label: string;
  /** What is counted. @default 'events' */
  readonly unit?: string;
  /** Count at the end, where it is known: gives percent and time left. */
  readonly total?: number | undefined;
  /** @default process.stderr */
  readonly stream?: ProgressStream;
  /** Milliseconds, monotonic. @default performance.now */
  readonly clock?: () => number;
}

export interface Progress {
  /** Tells how much is done in all, not since the last call. Cheap enough for every batch. */
  update(count: number): void;
  /** Changes the label, the total, or both. */
  describe(change: { readonly label?: string; readonly total?: number }): void;
  /** Removes the line and, if given, writes a summary in its place. Updates after it do nothing. */
  done(summary?: string): void;
}

const showAfter = 1_000;
const redrawEvery = 100;
const rateSpan = 10_000;

/**
 * A progress line: label, percent or count, rate and time left. Nothing is shown in the first second. On a terminal the
 * line is redrawn in place; elsewhere there is a line every 5 s, after the first minute every 60 s. Standard output is
 * never touched.
 */
export function progress(options: ProgressOptions): Progress {
  const stream = options.stream ?? process.stderr;
  const clock = options.clock ?? (() => performance.now());
  const unit = options.unit ?? 'events';
  const started = clock();
  const samples: { readonly time: number; readonly count: number }[] = [{ time: started, count: 0 }];
  let { label, total } = options;
  let nextLine = started + (stream.isTTY ? showAfter : 5_000);
  let drawn = false;
  let ended = false;

  const line = (now: number, count: number): string => {
    while (samples.length > 2 && samples[1]!.time <= now - rateSpan) samples.shift();
    const from = samples[0]!;
    const rate = now > from.time ? ((count - from.count) * 1000) / (now - from.time) : 0;
    if (now - samples[samples.length - 1]!.time >= rateSpan / 10) samples.push({ time: now, count });
    const parts = [printable(label)];
    if (total !== undefined && total > 0) {
      const share = Math.min(count / total, 1);
      parts.push(`${Math.floor(share * 100)} %`, `${formatShort(count)} of ${formatShort(total)} ${unit}`);
    } else parts.push(`${formatNumber(count)} ${unit}`);
    parts.push(`${formatShort(rate)}/s`);
    if (total !== undefined && rate > 0 && total > count) parts.push(`${formatDuration(Math.ceil((total - count) / rate) * 1000)} left`);
    return parts.join('  ');
  };

  return {
    update(count) {
      if (ended) return;
      const now = clock();
      if (now < nextLine) return;
      if (stream.isTTY) {
        stream.write(`\r\x1b[K${cutToWidth(line(now, count), (stream.columns ?? 80) - 1)}`);
        drawn = true;
        nextLine = now + redrawEvery;
      } else {
        stream.write(`${line(now, count)}\n`);
        nextLine = now + (now - started < 60_000 ? 5_000 : 60_000);
      }
    },
    describe(change) {
      label = change.label ?? label;
      total = change.total ?? total;
    },
    done(summary) {
      if (ended) return;
      ended = true;
      if (drawn) stream.write('\r\x1b[K');
      if (summary !== undefined) stream.write(`${summary}\n`);
    },
  };
}
