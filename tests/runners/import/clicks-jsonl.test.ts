import { expect, test } from 'vitest';
import { clicksJsonl } from '../../../runners/import/clicks-jsonl.js';
import type { ImportSummary } from '../../../runners/import/importer.js';
import { collect, stdinOf } from './collect.js';

const good = { userId: 'u1', itemId: 'i1', eventType: 'CLICK', timestamp: 1_767_571_200_000 };
const jsonl = (...rows: unknown[]): string => rows.map((r) => (typeof r === 'string' ? r : JSON.stringify(r))).join('\n');

async function read(text: string | Uint8Array): Promise<Awaited<ReturnType<typeof collect>> & { summary: ImportSummary }> {
  let summary: ImportSummary | undefined;
  const got = await collect(clicksJsonl('-', { stdin: stdinOf(text, 1 << 16), report: (s) => (summary = s) }));
  return { ...got, summary: summary! };
}

test('the least that an event needs; the rest has its defaults', async () => {
  const { events } = await read(jsonl(good));
  expect(events).toEqual([
    {
      eventId: 'stdin:1', userId: 'u1', itemId: 'i1', creatorId: '', category: '', eventType: 'CLICK', watchMs: 0, durationMs: 0,
      timestamp: 1_767_571_200_000, surface: '', position: 0, agent: null, decisionId: null,
    },
  ]);
});

test('numbers as ids and category, null as absent, ISO times, CRLF, blank lines and a byte order mark', async () => {
  const { events, refused, summary } = await read(
    `\ufeff${JSON.stringify({ ...good, eventId: 7, userId: 1, itemId: 2, creatorId: 3, category: 4, agent: null, position: -1, timestamp: '2026-01-05T01:00:00.5+01:00' })}\r\n\r\n  \n`,
  );
  expect(refused).toEqual([]);
  expect(events[0]).toMatchObject({ eventId: '7', userId: '1', itemId: '2', creatorId: '3', category: '4', agent: null, position: -1, timestamp: Date.UTC(2026, 0, 5, 0, 0, 0, 500) });
  expect(summary).toMatchObject({ lines: 3, events: 1, refused: 0, skipped: 2 });
});

test('unknown fields are ignored and counted', async () => {
  const { events, summary } = await read(jsonl({ ...good, a: 1, b: 2 }, { ...good, a: 1 }, '{"__proto__":{"agent":"x"},"userId":"u","itemId":"i","eventType":"LIKE","timestamp":0}'));
  expect(events.length).toBe(3);
  expect(events.every((e) => e.agent === null)).toBe(true);
  expect([...summary.ignoredFields]).toEqual([['a', 2], ['b', 1], ['__proto__', 1]]);
});

test('the names of ignored fields that are kept are bounded', async () => {
  const rows = Array.from({ length: 3_000 }, (_, i) => ({ ...good, [`x${i}`]: 1 }));
  const { summary } = await read(jsonl(...rows));
  expect(summary.ignoredFields.size).toBe(1_001);
  expect(summary.ignoredFields.get('(other fields)')).toBe(2_000);
});

test.each<[unknown, RegExp]>([
  ['{"userId":', /not JSON/],
  ['[1]', /not a JSON object/],
  ['null', /not a JSON object/],
  ['"x"', /not a JSON object/],
  [{ ...good, userId: undefined }, /userId is missing/],
  [{ ...good, userId: null }, /userId is missing/],
  [{ ...good, userId: '' }, /userId is empty/],
  [{ ...good, userId: {} }, /userId is not a string/],
  [{ ...good, userId: 2 ** 60 }, /not exact/],
  [{ ...good, userId: 1.5 }, /not exact/],
  ['{"userId":"\\ud800","itemId":"i","eventType":"LIKE","timestamp":0}', /not valid Unicode/],
  [{ ...good, itemId: undefined }, /itemId is missing/],
  [{ ...good, eventType: 'click' }, /eventType is not one of/],
  [{ ...good, eventType: undefined }, /eventType is missing/],
  [{ ...good, eventType: 1 }, /eventType is not one of/],
  [{ ...good, timestamp: undefined }, /timestamp is missing/],
  [{ ...good, timestamp: 1_767_571_200 }, /looks like seconds, milliseconds are expected/],
  [{ ...good, timestamp: 1_767_571_200_000_000 }, /looks like microseconds/],
  [{ ...good, timestamp: -1 }, /negative/],
  [{ ...good, timestamp: 5e12 }, /2100/],
  [{ ...good, timestamp: '5/1/2026' }, /ISO 8601/],
  [{ ...good, timestamp: '2026-02-30T00:00:00Z' }, /ISO 8601/],
  [{ ...good, timestamp: '2200-02-20T00:00:00Z' }, /2100/],
  [{ ...good, timestamp: true }, /neither/],
  [{ ...good, watchMs: '5' }, /watchMs is not an integer/],
  [{ ...good, watchMs: -5 }, /watchMs -5 is not in/],
  [{ ...good, durationMs: 2 ** 31 }, /durationMs/],
  [{ ...good, position: 1.5 }, /position is not an integer/],
  [{ ...good, agent: 5 }, /agent is not a string/],
  ['['.repeat(1_000_000), /not JSON/],
  [`{"userId":"${'x'.repeat(1 << 20)}"}`, /over 1 MiB/],
])('refused: %#', async (row, why) => {
  const { events, refused } = await read(jsonl(good, row, good));
  expect(events.length).toBe(2);
  expect(refused.length).toBe(1);
  expect(refused[0]!.line).toBe(2);
  expect(refused[0]!.reason).toMatch(why);
});

test('a line that is not UTF-8 is refused with its bytes', async () => {
  const bytes = Buffer.concat([Buffer.from(jsonl(good) + '\n'), Buffer.from([0x7b, 0xff, 0xfe, 0x7d])]);
  const { events, refused } = await read(bytes);
  expect(events.length).toBe(1);
  expect(refused).toEqual([{ line: 2, bytes: Uint8Array.of(0x7b, 0xff, 0xfe, 0x7d), reason: 'line is not valid UTF-8' }]);
});
