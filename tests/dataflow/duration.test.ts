import { expect, test } from 'vitest';
import { durationMs, formatMs, type Duration } from '../../dataflow/duration.js';

test('durations in milliseconds', () => {
  const all: readonly (readonly [Duration, number])[] = [['500ms', 500], ['30s', 30_000], ['5m', 300_000], ['1h', 3_600_000], ['7d', 604_800_000], ['0s', 0], ['1.5s', 1_500], ['0.1s', 100], [250, 250], [0, 0]];
  for (const [text, ms] of all) expect(durationMs(text, 'x')).toBe(ms);
});

test('what is no duration, no whole number of milliseconds or too short is refused by name', () => {
  for (const bad of ['', '5', 's', '5 m', '5min', '1e3s', '5M', Number.NaN, Number.POSITIVE_INFINITY, 0.5, '0.0001s', '-1s', -1, undefined, null]) {
    expect(() => durationMs(bad as Duration, 'window "w": every')).toThrow(expect.objectContaining({ code: 'HR_DURATION', message: expect.stringContaining('window "w": every') }));
  }
  expect(() => durationMs('4s', 'x', 5_000)).toThrow(/at least 5s/);
  expect(durationMs('-1s', 'x', Number.NEGATIVE_INFINITY)).toBe(-1_000);
});

test('milliseconds in the largest unit that divides them', () => {
  expect([0, 1, 1_000, 90_000, 300_000, 3_600_000, 86_400_000, 604_800_000, 1_001].map(formatMs)).toEqual(['0ms', '1ms', '1s', '90s', '5m', '1h', '1d', '7d', '1001ms']);
});
