import { isUtf8 } from 'node:buffer';
import type { ClickEvent } from '../../schemas/generated/click-event.js';
import type { Imported, ImportOptions, RefusedLine } from './importer.js';
import { maxLineBytes, readLines, type Line } from './read-lines.js';
import { sortByTime } from './sort-by-time.js';

/** What a format makes of one line: an event, a reason to refuse it, or null to skip it (a header). */
export type LineParser = (text: string, line: number) => ClickEvent | string | null;

/** What a format needs before the first line. */
export interface LineFormat {
  readonly parse: LineParser;
  /** Filled by the parser: fields that no event has, with their number. */
  readonly ignored?: ReadonlyMap<string, number>;
  /** Lines refused in other files of the same input. */
  readonly refused?: readonly RefusedLine[];
}

/**
 * The part that the line formats share: reads the lines, refuses what is too long or not UTF-8, sorts the events by time
 * and reports the totals. Errors: HR_INPUT_FILE, HR_DISK_FULL, HR_DATA_DIR, and those of `prepare`.
 */
export function importLines(input: string, prepare: () => LineFormat | Promise<LineFormat>, options: ImportOptions): AsyncIterable<Imported> {
  return sortByTime(parsedLines(input, prepare, options), { limit: options.sortLimit, temporaryDirectory: options.temporaryDirectory });
}

async function* parsedLines(input: string, prepare: () => LineFormat | Promise<LineFormat>, options: ImportOptions): AsyncGenerator<readonly Imported[]> {
  const { parse, ignored, refused = [] } = await prepare();
  const totals = { lines: refused.length, events: 0, refused: refused.length, skipped: 0 };
  yield refused.map((r) => ({ refused: r }));
  for await (const lines of readLines(input, options.stdin)) {
    const batch: Imported[] = [];
    for (const line of lines) {
      const outcome = readLine(line, parse);
      if (outcome === null) totals.skipped++;
      else if (typeof outcome === 'string') {
        totals.refused++;
        batch.push({ refused: { line: line.number, bytes: Uint8Array.from(line.bytes), reason: outcome } });
      } else {
        totals.events++;
        batch.push({ event: outcome });
      }
    }
    totals.lines += lines.length;
    yield batch;
    options.progress?.(totals.lines);
  }
  options.report?.({ ...totals, ignoredFields: new Map(ignored) });
}

function readLine(line: Line, parse: LineParser): ClickEvent | string | null {
  if (line.size > maxLineBytes) return `line of ${line.size} bytes is over 1 MiB; the bytes kept are its first MiB`;
  if (!isUtf8(line.bytes)) return 'line is not valid UTF-8';
  const text = line.bytes.toString('utf8');
  return text.trim() === '' ? null : parse(text, line.number);
}
