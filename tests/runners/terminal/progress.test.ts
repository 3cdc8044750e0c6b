import { expect, test } from 'vitest';
import { progress, type ProgressOptions } from '../../../runners/terminal/progress.js';
import { textWidth } from '../../../runners/terminal/text-width.js';

function recorder(isTTY: boolean, options: Partial<ProgressOptions> = {}) {
  const written: string[] = [];
  const time = { now: 5_000 };
  const bar = progress({
    label: 'import',
    stream: { isTTY, columns: 60, write: (text: string) => written.push(text) },
    clock: () => time.now,
    ...options,
  });
  return { bar, time, written };
}

test('nothing is shown in the first second, and nothing to remove at its end', () => {
  const { bar, time, written } = recorder(true);
  for (let i = 0; i < 99; i++) {
    time.now += 10;
    bar.update(i);
  }
  bar.done();
  expect(written).toEqual([]);
});

test('on a terminal the line is redrawn at most ten times a second and removed at the end', () => {
  const { bar, time, written } = recorder(true, { total: 10_000 });
  for (let i = 1; i <= 3_000; i++) {
    time.now += 1;
    bar.update(i);
  }
  expect(written.length).toBeGreaterThan(15);
  expect(written.length).toBeLessThanOrEqual(21);
  expect(written.at(-1)).toBe('\r\x1b[Kimport  30 %  3 k of 10 k events  1 k/s  7s left');
  bar.done('10,000 events in 10s');
  expect(written.slice(-2)).toEqual(['\r\x1b[K', '10,000 events in 10s\n']);
  bar.update(5);
  bar.done('again');
  expect(written.at(-1)).toBe('10,000 events in 10s\n');
});

test('elsewhere a line every 5 s, after a minute every 60 s', () => {
  const { bar, time, written } = recorder(false);
  for (let s = 1; s <= 300; s++) {
    time.now += 1_000;
    bar.update(s * 1_000);
  }
  expect(written.length).toBe(12 + 4);
  expect(written[0]).toBe('import  5,000 events  1 k/s\n');
  expect(written.join('')).not.toContain('\x1b');
});

test('the rate is that of the last ten seconds', () => {
  const { bar, time, written } = recorder(true);
  let count = 0;
  for (let s = 1; s <= 60; s++) {
    time.now += 1_000;
    bar.update((count += s <= 30 ? 1_000 : 100));
  }
  expect(written.at(-1)).toContain('100/s');
});

test('label and total can change; a long line is cut to the terminal', () => {
  const { bar, time, written } = recorder(true);
  time.now += 2_000;
  bar.describe({ label: 'x'.repeat(100), total: 50 });
  bar.update(25);
  expect(textWidth(written[0]!.slice(4))).toBe(59);
  bar.describe({ label: 'short\u001b[2J' });
  time.now += 200;
  bar.update(100);
  expect(written[1]).toContain('short\\u001b[2J  100 %');
});
