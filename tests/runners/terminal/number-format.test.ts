import { expect, test } from 'vitest';
import { formatBytes, formatDuration, formatNumber, formatShort } from '../../../runners/terminal/number-format.js';

test.each([
  [0, '0'],
  [1_234_567, '1,234,567'],
  [0.12345, '0.123'],
  [NaN, 'NaN'],
])('number %d', (n, text) => expect(formatNumber(n)).toBe(text));

test.each([
  [0, '0'],
  [950, '950'],
  [999.96, '1 k'],
  [1_200_000, '1.2 M'],
  [12_345, '12.3 k'],
  [999_999, '1 M'],
  [-1_500, '-1.5 k'],
  [2.5e18, '2500 P'],
])('short %d', (n, text) => expect(formatShort(n)).toBe(text));

test.each([
  [512, '512 B'],
  [3_565_158, '3.4 MiB'],
  [1024 ** 3, '1 GiB'],
  [1023.99, '1 KiB'],
])('bytes %d', (n, text) => expect(formatBytes(n)).toBe(text));

test.each([
  [0, '0ms'],
  [85.4, '85ms'],
  [999.6, '1s'],
  [4_230, '4.2s'],
  [59_960, '1m 00s'],
  [65_000, '1m 05s'],
  [7_380_000, '2h 03m'],
  [86_399_000, '1d 00h'],
  [273_600_000, '3d 04h'],
  [-1_500, '-1.5s'],
  [Infinity, 'Infinity'],
])('duration %d', (ms, text) => expect(formatDuration(ms)).toBe(text));
