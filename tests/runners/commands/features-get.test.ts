import { join } from 'node:path';
import { expect, test } from 'vitest';
import { featuresCommand } from '../../../runners/commands/features.js';
import { callCommand } from './in-process.js';
import { clickLines, headrace, workplace } from './headrace-process.js';

test('get shows groups below their total, and tells where nothing was counted', async () => {
  const cwd = workplace();
  await headrace(['import', 'clicks', '-'], { cwd, stdin: clickLines(300).replaceAll('"eventType"', '"category":"News","eventType"') });
  expect((await headrace(['run', 'click-features', '--bounded'], { cwd })).code).toBe(0);
  const get = (...words: string[]) => callCommand(featuresCommand, ['get', 'user', ...words, '--data-dir', join(cwd, '.headrace')]);
  const top = await callCommand(featuresCommand, ['top', 'user', '--by', 'events', '--window', '7d', '--limit', '1', '--json', '--data-dir', join(cwd, '.headrace')]);
  const { text } = await get(String(top.json['id']));
  expect(text).toMatch(/^user \S+ at \S+Z\n/);
  const names = text.split('\n').slice(3).map((line) => line.split(' ')[0]!).filter((name) => name !== '');
  const totals = names.map((name) => name.replace(/\{.*/, ''));
  expect(names.some((name) => name.startsWith('clicks_7d{'))).toBe(true);
  expect(totals.filter((name, i) => name !== totals[i - 1])).toEqual([...new Set(totals)]);
  expect((await get('nobody')).text).toMatch(/^user nobody at \S+Z: nothing was counted in 1h, 24h, 7d\n/);
});
