import { expect, test } from 'vitest';
import { maxLineBytes, readLines } from '../../../runners/import/read-lines.js';
import { stdinOf } from './collect.js';

async function lines(text: string | Uint8Array, size: number): Promise<[number, string, number][]> {
  const out: [number, string, number][] = [];
  for await (const piece of readLines('-', stdinOf(text, size))) for (const l of piece) out.push([l.number, l.bytes.toString(), l.size]);
  return out;
}

test.each([1, 2, 3, 5, 100])('LF and CRLF, a byte order mark and a last line without end, in chunks of %i bytes', async (size) => {
  expect(await lines('\ufeffone\r\ntwo\n\nfünf', size)).toEqual([
    [1, 'one', 3],
    [2, 'two', 3],
    [3, '', 0],
    [4, 'fünf', 5],
  ]);
});

test('an empty input has no lines', async () => {
  expect(await lines('', 10)).toEqual([]);
});

test('a line over the bound is cut, its size is told, and the next line is whole', async () => {
  const long = Buffer.alloc(maxLineBytes + 1000, 'x');
  const [first, second] = await lines(Buffer.concat([long, Buffer.from('\nnext\n')]), 65_536);
  expect(first![1].length).toBe(maxLineBytes);
  expect(first![2]).toBe(maxLineBytes + 1000);
  expect(second).toEqual([2, 'next', 4]);
});

test('a file that is missing or a directory is refused with its name', async () => {
  await expect(lines_('/nowhere/clicks.jsonl')).rejects.toMatchObject({ code: 'HR_INPUT_FILE', message: '/nowhere/clicks.jsonl does not exist.' });
  await expect(lines_(import.meta.dirname)).rejects.toMatchObject({ code: 'HR_INPUT_FILE', message: expect.stringContaining('EISDIR') });
});

async function lines_(path: string): Promise<void> {
  for await (const piece of readLines(path)) void piece;
}
