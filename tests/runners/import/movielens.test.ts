import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { movielens } from '../../../runners/import/movielens.js';
import type { ImportSummary } from '../../../runners/import/importer.js';
import { collect } from './collect.js';

let directory: string;
beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), 'movielens-'))));
afterEach(() => rm(directory, { recursive: true }));

async function write(ratings: string, movies: string): Promise<void> {
  await writeFile(join(directory, 'ratings.csv'), `userId,movieId,rating,timestamp\n${ratings}`);
  await writeFile(join(directory, 'movies.csv'), `movieId,title,genres\n${movies}`);
}

test('ratings become likes, clicks and skips in time order', async () => {
  await write('1,10,4.0,1000\n1,11,3.5,900\n2,12,2.5,900\n2,99,3.0,2000\n', '10,Plain (1999),Comedy|Drama\n11,"Quoted, ""The"" (2000)",Horror\n12,No Genre,(no genres listed)\n');
  const { events, refused } = await collect(movielens(directory));
  expect(refused).toEqual([]);
  expect(events.map((e) => [e.eventId, e.userId, e.itemId, e.category, e.eventType, e.timestamp])).toEqual([
    ['r1-11', 'u1', 'm11', 'Horror', 'CLICK', 900_000],
    ['r2-12', 'u2', 'm12', '(no genres listed)', 'SKIP', 900_000],
    ['r1-10', 'u1', 'm10', 'Comedy', 'LIKE', 1_000_000],
    ['r2-99', 'u2', 'm99', '', 'CLICK', 2_000_000],
  ]);
});

test('bad lines of both files are refused', async () => {
  await write('1,10,4.0,1000\n1,10,5.5,1000\n1,10,4.0\n1,x,4.0,1\n1,10,4.0,-5\n1,10,4.0,99999999999\n', '10,"Open,Comedy\n11,OK,Drama\n');
  let summary: ImportSummary | undefined;
  const { events, refused } = await collect(movielens(directory, { report: (s) => (summary = s) }));
  expect(events.map((e) => e.category)).toEqual(['']);
  expect(refused.map((r) => [r.line, r.reason.slice(0, 10)])).toEqual([[2, 'movies.csv'], [3, 'rating 5.5'], [4, '3 fields w'], [5, 'userId or '], [6, 'timestamp '], [7, 'timestamp ']]);
  expect(summary).toMatchObject({ events: 1, refused: 6, skipped: 1 });
});

test('missing files are named', async () => {
  await expect(collect(movielens(directory))).rejects.toMatchObject({ code: 'HR_INPUT_FILE', message: expect.stringMatching(/ratings\.csv and .*movies\.csv are missing/) });
  await write('', '');
  await rm(join(directory, 'movies.csv'));
  await expect(collect(movielens(directory))).rejects.toMatchObject({ code: 'HR_INPUT_FILE', message: expect.stringMatching(/movies\.csv is missing/) });
});

test('another header is not guessed at', async () => {
  await write('', '');
  await writeFile(join(directory, 'ratings.csv'), '1,10,4.0,1000\n');
  await expect(collect(movielens(directory))).rejects.toMatchObject({ code: 'HR_INPUT_FILE' });
});

const real = '../shared/data/movielens-small';
describe.runIf(existsSync(real))('the small data set', () => {
  test('all 100,836 ratings', async () => {
    const { events, refused } = await collect(movielens(real, { sortLimit: 30_000 }));
    expect(refused).toEqual([]);
    expect(events.length).toBe(100_836);
    const count = (type: string): number => events.filter((e) => e.eventType === type).length;
    expect([count('LIKE'), count('CLICK'), count('SKIP')]).toEqual([48_580, 33_183, 19_073]);
    expect(events.every((e) => e.category !== '')).toBe(true);
    expect(events.every((e, i) => i === 0 || events[i - 1]!.timestamp <= e.timestamp)).toBe(true);
  });
});
