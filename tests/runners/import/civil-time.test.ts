import { expect, test } from 'vitest';
import { civilTime, isoTime, refuseTime } from '../../../runners/import/civil-time.js';

test.each([
  ['2026-01-05T10:00:00Z', Date.UTC(2026, 0, 5, 10)],
  ['2026-01-05T10:00Z', Date.UTC(2026, 0, 5, 10)],
  ['2026-01-05T10:00:00.1+01:00', Date.UTC(2026, 0, 5, 9, 0, 0, 100)],
  ['2026-01-05T10:00:00.256789-0530', Date.UTC(2026, 0, 5, 15, 30, 0, 256)],
  ['2024-02-29T23:59:59.999Z', Date.UTC(2024, 1, 29, 23, 59, 59, 999)],
])('%s', (text, ms) => expect(isoTime(text)).toBe(ms));

test.each(['2026-02-29T00:00:00Z', '2100-02-29T00:00:00Z', '2026-01-05T24:00:00Z', '2026-01-05T10:00:60Z', '2026-13-01T00:00:00Z', '2026-00-01T00:00:00Z', '2026-01-00T00:00:00Z', '2026-01-05T10:00:00', '2026-01-05', '2026-01-05T10:00:00+19:00', '2026-01-05T10:00:00+01:60', ' 2026-01-05T10:00:00Z', ''])(
  '%j is no time',
  (text) => expect(isoTime(text)).toBeUndefined(),
);

test('a fraction of milliseconds is exact for every millisecond', () => {
  for (let ms = 0; ms < 1000; ms++) expect(isoTime(`2026-01-05T00:00:00.${String(ms).padStart(3, '0')}Z`)! % 1000).toBe(ms);
});

test('dates agree with the calendar of the platform', () => {
  for (let day = 0; day < 366 * 5; day++) {
    const d = new Date(Date.UTC(2023, 0, 1 + day));
    expect(civilTime(d.getUTCFullYear(), d.getUTCMonth() + 1, d.getUTCDate(), 0, 0, 0, 0, 0)).toBe(d.getTime());
  }
});

test.each([
  [0, undefined],
  [99_999_999, undefined],
  [1e8, /seconds, milliseconds/],
  [1_767_571_200, /seconds, milliseconds/],
  [1_767_571_200.25, /seconds, milliseconds/],
  [1e10, undefined],
  [1_767_571_200_000, undefined],
  [1_767_571_200_000.5, /not an integer/],
  [Date.UTC(2100, 0, 1), /2100/],
  [1e14, /2100/],
  [1_767_571_200_000_000, /microseconds, milliseconds/],
  [1.7e18, /nanoseconds/],
  [Infinity, /nanoseconds/],
  [-1, /negative/],
  [NaN, /not a number/],
])('timestamp %d', (ms, why) => {
  if (why === undefined) expect(refuseTime(ms)).toBeUndefined();
  else expect(refuseTime(ms)).toMatch(why);
});
