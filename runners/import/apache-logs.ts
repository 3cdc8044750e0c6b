import { basename } from 'node:path';
import type { ClickEvent } from '../../schemas/generated/click-event.js';
import { civilTime, refuseTime } from './civil-time.js';
import { importLines, type LineParser } from './import-lines.js';
import type { Imported, ImportOptions } from './importer.js';

/**
 * Reads an Apache access log in combined or common log format as clicks: the user is address and agent, the item the path
 * as requested, the category its first segment or `root`. Fields after the agent, as nginx adds them, are left out.
 * Source: httpd.apache.org/docs/2.4/logs.html. Errors: HR_INPUT_FILE.
 *
 * @param input path of the log, or `-` for standard input
 */
export function apacheLogs(input: string, options: ImportOptions = {}): AsyncIterable<Imported> {
  return importLines(input, () => ({ parse: apacheLogLine(input === '-' ? 'stdin' : basename(input)) }), options);
}

/** Parses the lines of one log; `file` stands in the event ids. */
export function apacheLogLine(file: string): LineParser {
  return (line, number) => {
    const address = line.slice(0, Math.max(line.indexOf(' '), 0));
    if (address === '') return 'no client address';
    const open = line.indexOf(' [', address.length + 1);
    const close = line.indexOf('] "', open);
    if (open < 0 || close < 0) return 'no [time] followed by a "request"';
    const timestamp = apacheTime(line.slice(open + 2, close));
    if (typeof timestamp === 'string') return timestamp;

    const requestEnd = closingQuote(line, close + 3);
    if (requestEnd < 0) return 'request has no closing quote';
    const request = /^[!#$%&'*+.^_`|~\w-]+ (\S.*?)(?: HTTP\/\d(?:\.\d)?)?$/.exec(line.slice(close + 3, requestEnd));
    if (request === null) return 'request has no method and path';
    const itemId = unescape(request[1]!);

    const rest = line.slice(requestEnd + 1);
    const status = /^ \d{3} (?:\d+|-)(?=\s|$)/.exec(rest);
    if (status === null) return 'no status and size after the request';
    const agent = agentOf(rest.slice(status[0].length).trimEnd());
    if (agent === undefined) return 'referer and agent are cut off or not quoted';

    return {
      eventId: `${file}:${number}`,
      userId: `${address} ${agent ?? '-'}`,
      itemId,
      creatorId: '',
      category: firstSegment(itemId),
      eventType: 'CLICK',
      watchMs: 0,
      durationMs: 0,
      timestamp,
      surface: 'web',
      position: 0,
      agent,
      decisionId: null,
    } satisfies ClickEvent;
  };
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Epoch milliseconds of `17/May/2015:10:05:03 +0000`, or why it is none. */
function apacheTime(text: string): number | string {
  const m = /^(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)([0-5]\d)$/.exec(text);
  if (m === null) return `time [${text.slice(0, 40)}] is not dd/Mon/yyyy:hh:mm:ss +zzzz`;
  const offset = (Number(m[8]) * 60 + Number(m[9])) * (m[7] === '-' ? -1 : 1);
  const time = civilTime(+m[3]!, months.indexOf(m[2]!) + 1, +m[1]!, +m[4]!, +m[5]!, +m[6]!, 0, offset);
  return time === undefined ? `there is no time [${text}]` : (refuseTime(time) ?? time);
}

/** Position of the quote that ends a field which starts at `from`, or -1; `\"` does not end it. */
function closingQuote(line: string, from: number): number {
  for (let at = from; at < line.length; at++) {
    const c = line.charCodeAt(at);
    if (c === 0x5c) at++;
    else if (c === 0x22) return at;
  }
  return -1;
}

/** The agent after ` "referer" "agent"`; null in common format, undefined when malformed. */
function agentOf(rest: string): string | null | undefined {
  if (rest === '') return null;
  if (!rest.startsWith(' "')) return undefined;
  const referer = closingQuote(rest, 2);
  if (referer < 0 || !rest.startsWith('" "', referer)) return undefined;
  const end = closingQuote(rest, referer + 3);
  if (end < 0 || (end + 1 < rest.length && rest[end + 1] !== ' ')) return undefined;
  return unescape(rest.slice(referer + 3, end));
}

function unescape(field: string): string {
  return field.includes('\\') ? field.replace(/\\(["\\])/g, '$1') : field;
}

function firstSegment(path: string): string {
  const segment = /^(?:[a-z][a-z+.-]*:\/\/[^/?#]*)?\/([^/?#]+)/i.exec(path);
  return segment?.[1] ?? 'root';
}
