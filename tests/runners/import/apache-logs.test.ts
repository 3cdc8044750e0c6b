import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { apacheLogLine, apacheLogs } from '../../../runners/import/apache-logs.js';
import type { ImportSummary } from '../../../runners/import/importer.js';
import { collect } from './collect.js';

const parse = apacheLogLine('access.log');
const line = (time: string, request: string, rest = ' "-" "Firefox"'): string => `10.0.0.1 - - [${time}] "${request}" 200 123${rest}`;
const time = '17/May/2015:10:05:03 +0000';

test('a line of the combined format', () => {
  expect(parse('83.149.9.216 - frank [17/May/2015:10:05:03 +0200] "GET /blog/tags?q=1 HTTP/1.1" 200 203023 "http://a.example/" "Mozilla/5.0 (X11)"', 7)).toEqual({
    eventId: 'access.log:7',
    userId: '83.149.9.216 Mozilla/5.0 (X11)',
    itemId: '/blog/tags?q=1',
    creatorId: '',
    category: 'blog',
    eventType: 'CLICK',
    watchMs: 0,
    durationMs: 0,
    timestamp: Date.UTC(2015, 4, 17, 8, 5, 3),
    surface: 'web',
    position: 0,
    agent: 'Mozilla/5.0 (X11)',
    decisionId: null,
  });
});

test('the common format has no agent', () => {
  expect(parse(line(time, 'GET / HTTP/1.0', ''), 1)).toMatchObject({ userId: '10.0.0.1 -', agent: null, category: 'root', itemId: '/' });
});

test('an agent of - is kept', () => {
  expect(parse(line(time, 'GET / HTTP/1.0', ' "-" "-"'), 1)).toMatchObject({ userId: '10.0.0.1 -', agent: '-' });
});

test('escaped quotes and backslashes in any field', () => {
  expect(parse(line(time, 'GET /a\\"b HTTP/1.1', ' "say \\"hi\\"" "Agent \\"x\\" \\\\ y\\\\"'), 1)).toMatchObject({ itemId: '/a"b', agent: 'Agent "x" \\ y\\' });
});

test.each([
  ['GET /?page=2 HTTP/1.1', 'root'],
  ['GET //x HTTP/1.1', 'root'],
  ['GET /favicon.ico HTTP/1.1', 'favicon.ico'],
  ['GET http://other.example/a/b HTTP/1.1', 'a'],
  ['OPTIONS * HTTP/1.0', 'root'],
  ['GET /a b/c', 'a b'],
])('category of %s', (request, category) => expect(parse(line(time, request), 1)).toMatchObject({ category }));

test('fields after the agent are left out', () => {
  expect(parse(line(time, 'GET / HTTP/1.1', ' "-" "Firefox" "203.0.113.9" 0.003'), 1)).toMatchObject({ agent: 'Firefox' });
});

test.each([
  ['GET / HTTP/1.1', '31/Feb/2015:10:05:03 +0000', '', /there is no time/],
  ['GET / HTTP/1.1', '17/Mai/2015:10:05:03 +0000', '', /there is no time/],
  ['GET / HTTP/1.1', '17/May/2015:24:05:03 +0000', '', /there is no time/],
  ['GET / HTTP/1.1', '17/May/2015 10:05:03', '', /is not dd/],
  ['GET / HTTP/1.1', '17/May/2115:10:05:03 +0000', '', /2100/],
  ['GET / HTTP/1.1', '17/May/1915:10:05:03 +0000', '', /negative/],
  ['-', time, '', /no method and path/],
  ['\\x16\\x03\\x01', time, '', /no method and path/],
  ['GET / HTTP/1.1', time, ' "-"', /cut off/],
  ['GET / HTTP/1.1', time, ' "-" "Firefox', /cut off/],
  ['GET / HTTP/1.1', time, ' "-" "Firefox\\"', /cut off/],
  ['GET / HTTP/1.1', time, ' "-" "Firefox"x', /cut off/],
  ['GET / HTTP/1.1', time, '4x', /status and size/],
])('refused: %s [%s]%s', (request, when, rest, why) => expect(parse(line(when, request, rest), 1)).toMatch(why));

test('every proper prefix of a line is refused, or is the common format', () => {
  const whole = line(time, 'GET /a HTTP/1.1');
  const common = line(time, 'GET /a HTTP/1.1', '');
  for (let n = 1; n < whole.length; n++) {
    const outcome = parse(whole.slice(0, n), 1);
    if (!common.startsWith(whole.slice(0, n).trimEnd()) || n < common.length - 3) expect(typeof outcome).toBe('string');
  }
});

test('a megabyte of quotes, blanks or brackets is refused in linear time', () => {
  for (const c of ['"', '\\', ' ', '[', ' [', '] "', '\\"']) {
    const many = c.repeat((1 << 20) / c.length);
    expect(typeof parse(many, 1)).toBe('string');
    expect(typeof parse(line(time, `GET ${many}`), 1)).not.toBe('undefined');
    expect(typeof parse(line(time, 'GET / HTTP/1.1', many), 1)).not.toBe('undefined');
  }
});

const log = '../shared/data/apache-logs/apache_logs';
describe.runIf(existsSync(log))('a real log', () => {
  test('9,999 events in time order, and the one line that is cut off', async () => {
    let summary: ImportSummary | undefined;
    const read: number[] = [];
    const { events, refused } = await collect(apacheLogs(log, { report: (s) => (summary = s), progress: (lines) => read.push(lines) }));
    expect(read.at(-1)).toBe(10_000);
    expect(read.length).toBeGreaterThan(5);
    expect(events.length).toBe(9_999);
    expect(refused.map((r) => [r.line, r.reason])).toEqual([[8899, expect.stringContaining('cut off')]]);
    expect(summary).toEqual({ lines: 10_000, events: 9_999, refused: 1, skipped: 0, ignoredFields: new Map() });
    for (let i = 1; i < events.length; i++) {
      const [a, b] = [events[i - 1]!, events[i]!];
      expect(a.timestamp < b.timestamp || (a.timestamp === b.timestamp && number(a.eventId) < number(b.eventId))).toBe(true);
    }
    expect(new Set(events.map((e) => e.eventId)).size).toBe(9_999);
  });
});

function number(eventId: string): number {
  return Number(eventId.split(':')[1]);
}
