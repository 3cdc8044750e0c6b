import { expect, test } from 'vitest';
import { table } from '../../../runners/terminal/table.js';
import { cutToWidth, printable, textWidth } from '../../../runners/terminal/text-width.js';

test('columns are aligned, numbers at the right', () => {
  expect(table(['item', 'clicks', 'ctr'], [['i1', 1_234, '2.1 %'], ['item-22', 7, null]])).toBe(
    ['item     clicks  ctr', '───────  ──────  ─────', 'i1        1,234  2.1 %', 'item-22       7', ''].join('\n'),
  );
});

test('alignment can be given, and no rows give the header only', () => {
  expect(table(['a', 'b'], [['x', '10 %']], { align: ['left', 'right'] })).toBe('a     b\n─  ────\nx  10 %\n');
  expect(table(['a'], [])).toBe('a\n─\n');
});

test('wide, combining and control characters keep the columns straight', () => {
  const lines = table(['name', 'n'], [['日本', 1], ['e\u0301te\u0301', 2], ['👩‍👩‍👧', 3], ['a\u001b[31m\nb', 4]]).trimEnd().split('\n');
  expect(new Set(lines.map(textWidth)).size).toBe(1);
  expect(lines.join('\n')).not.toContain('\u001b');
  expect(lines.at(-1)).toContain('a\\u001b[31m\\nb');
});

test('long cells are cut', () => {
  expect(table(['a'], [['abcdefgh']], { maxWidth: 4 })).toBe('a\n────\nabc…\n');
});

test('a row of another length is refused', () => {
  expect(() => table(['a', 'b'], [['x']])).toThrow(expect.objectContaining({ code: 'HR_ARGUMENT' }));
});

test.each([['', 0], ['abc', 3], ['für', 3], ['日本', 4], ['e\u0301', 1], ['👍', 2], ['\u200b', 0], ['한', 2], ['…─', 2]])('width of %j', (text, width) => {
  expect(textWidth(text)).toBe(width);
});

test('cutting counts wide characters', () => {
  expect(cutToWidth('日本語', 5)).toBe('日本…');
  expect(cutToWidth('日本語', 4)).toBe('日…');
  expect(cutToWidth('abc', 3)).toBe('abc');
  expect(cutToWidth('abc', 0)).toBe('');
});

test('printable leaves letters alone', () => expect(printable('ü 日 \r\u202e')).toBe('ü 日 \\u000d\\u202e'));
