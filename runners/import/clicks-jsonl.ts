import { basename } from 'node:path';
import type { ClickEvent } from '../../schemas/generated/click-event.js';
import { isoTime, refuseTime } from './civil-time.js';
import { importLines, type LineFormat, type LineParser } from './import-lines.js';
import type { Imported, ImportOptions } from './importer.js';

/**
 * Reads one JSON object per line as events. `userId`, `itemId`, `eventType` and `timestamp` (epoch milliseconds, or ISO
 * 8601 with zone) are required, `eventId` is `<file>:<line>` where absent, the rest has the schema's defaults; ids and
 * category may be numbers. Fields that the schema lacks are ignored and counted in the summary. Errors: HR_INPUT_FILE.
 *
 * @param input path of the file, or `-` for standard input
 */
export function clicksJsonl(input: string, options: ImportOptions = {}): AsyncIterable<Imported> {
  const file = input === '-' ? 'stdin' : basename(input);
  const prepare = (): LineFormat => {
    const ignored = new Map<string, number>();
    return { parse: clickLine(file, (name) => countField(ignored, name)), ignored };
  };
  return importLines(input, prepare, options);
}

const maxIgnoredNames = 1_000;

function countField(ignored: Map<string, number>, name: string): void {
  const key = name.length > 100 ? `${name.slice(0, 100)}…` : name;
  const counted = ignored.has(key) || ignored.size < maxIgnoredNames ? key : '(other fields)';
  ignored.set(counted, (ignored.get(counted) ?? 0) + 1);
}

const eventTypes: readonly ClickEvent['eventType'][] = ['IMPRESSION', 'CLICK', 'LIKE', 'SHARE', 'SKIP', 'WATCH'];

const known: ReadonlySet<string> = new Set([
  'eventId', 'userId', 'itemId', 'creatorId', 'category', 'eventType', 'watchMs', 'durationMs', 'timestamp', 'surface', 'position', 'agent', 'decisionId',
]);

/** Parses the lines of one file; `file` stands in the event ids, `onIgnored` hears of every field that is not known. */
export function clickLine(file: string, onIgnored: (name: string) => void): LineParser {
  return (text, line) => {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      return `not JSON: ${(cause as Error).message.slice(0, 200)}`;
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'not a JSON object';
    const row = value as Record<string, unknown>;
    try {
      const event: ClickEvent = {
        eventId: stringField(row, 'eventId', `${file}:${line}`, true),
        userId: stringField(row, 'userId', undefined, true),
        itemId: stringField(row, 'itemId', undefined, true),
        creatorId: stringField(row, 'creatorId', ''),
        category: stringField(row, 'category', ''),
        eventType: eventTypeField(row),
        watchMs: intField(row, 'watchMs', 0),
        durationMs: intField(row, 'durationMs', 0),
        timestamp: timeField(row),
        surface: stringField(row, 'surface', ''),
        position: intField(row, 'position', -0x80000000),
        agent: nullableField(row, 'agent'),
        decisionId: nullableField(row, 'decisionId'),
      };
      for (const name of Object.keys(row)) if (!known.has(name)) onIgnored(name);
      return event;
    } catch (cause) {
      if (cause instanceof FieldRefused) return cause.message;
      throw cause;
    }
  };
}

class FieldRefused extends Error {}

const numbersAsText: ReadonlySet<string> = new Set(['eventId', 'userId', 'itemId', 'creatorId', 'category', 'decisionId']);

/** A field of the row itself; null counts as absent. */
function own(row: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(row, name) ? (row[name] ?? undefined) : undefined;
}

function stringField(row: Record<string, unknown>, name: string, absent: string | undefined, filled = false): string {
  const value = own(row, name);
  if (value === undefined) {
    if (absent === undefined) throw new FieldRefused(`${name} is missing`);
    return absent;
  }
  if (typeof value === 'number' && numbersAsText.has(name)) {
    if (!Number.isSafeInteger(value)) throw new FieldRefused(`${name} is a number that is not exact; write it as a string`);
    return String(value);
  }
  if (typeof value !== 'string') throw new FieldRefused(`${name} is not a string`);
  if (filled && value === '') throw new FieldRefused(`${name} is empty`);
  // half of a surrogate pair has no UTF-8
  if (/\p{Surrogate}/u.test(value)) throw new FieldRefused(`${name} is not valid Unicode`);
  return value;
}

function nullableField(row: Record<string, unknown>, name: string): string | null {
  return own(row, name) === undefined ? null : stringField(row, name, undefined);
}

function intField(row: Record<string, unknown>, name: string, least: number): number {
  const value = own(row, name) ?? 0;
  if (typeof value !== 'number' || !Number.isInteger(value)) throw new FieldRefused(`${name} is not an integer`);
  if (value < least || value > 0x7fffffff) throw new FieldRefused(`${name} ${value} is not in ${least} … 2147483647`);
  return value + 0; // -0 is 0
}

function eventTypeField(row: Record<string, unknown>): ClickEvent['eventType'] {
  const value = own(row, 'eventType');
  if (value === undefined) throw new FieldRefused('eventType is missing');
  const found = eventTypes.find((t) => t === value);
  if (found === undefined) throw new FieldRefused(`eventType is not one of ${eventTypes.join(', ')}`);
  return found;
}

function timeField(row: Record<string, unknown>): number {
  const value = own(row, 'timestamp');
  if (value === undefined) throw new FieldRefused('timestamp is missing');
  const time = typeof value === 'string' ? isoTime(value) : value;
  if (time === undefined) throw new FieldRefused('timestamp is not ISO 8601 with a zone, such as 2026-01-05T10:00:00Z');
  if (typeof time !== 'number') throw new FieldRefused('timestamp is neither a number nor a string');
  // a date in ISO form cannot be in the wrong unit
  const why = typeof value === 'string' && time >= 0 && time < 1e10 ? undefined : refuseTime(time);
  if (why !== undefined) throw new FieldRefused(why);
  return time + 0;
}
