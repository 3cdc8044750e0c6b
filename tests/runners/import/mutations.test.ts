import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { apacheLogs } from '../../../runners/import/apache-logs.js';
import { clicksJsonl } from '../../../runners/import/clicks-jsonl.js';
import type { Importer, ImportSummary } from '../../../runners/import/importer.js';
import { movielens } from '../../../runners/import/movielens.js';
import { splitmix } from '../../../dataflow/splitmix.js';
import { collect } from './collect.js';

const data = '../shared/data';
const sample = (path: string, fallback: string[], n: number): Buffer[] =>
  (existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, n) : fallback).map((line) => Buffer.from(line));

const apache = sample(`${data}/apache-logs/apache_logs`, ['1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET /a\\"b HTTP/1.1" 200 5 "-" "Mozilla/5.0 (compatible)"'], 500);
const ratings = sample(`${data}/movielens-small/ratings.csv`, ['userId,movieId,rating,timestamp', '1,1,4.0,964982703'], 500);
const movies = sample(`${data}/movielens-small/movies.csv`, ['movieId,title,genres', '1,"Story, A (1995)",Comedy|Drama'], 500);
const clicks = Array.from({ length: 200 }, (_, i) =>
  Buffer.from(JSON.stringify({ eventId: i, userId: `ü${i}`, itemId: 'i', eventType: 'WATCH', watchMs: i, timestamp: 1_767_571_200_000 + i, agent: 'a"\\b', extra: [1, { a: null }] })),
);

const random = splitmix(20260105);

/** One line with a few bytes overwritten, removed, doubled, or taken from another line; never a new line end. */
function mutate(lines: readonly Buffer[]): Buffer {
  const bytes = [...lines[random.below(lines.length)]!];
  for (let edits = random.below(4); edits > 0; edits--) {
    const at = random.below(bytes.length + 1);
    const kind = random.below(6);
    if (kind === 0) bytes[at] = random.below(256);
    else if (kind === 1) bytes.splice(at, 1 + random.below(8));
    else if (kind === 2) bytes.splice(at, 0, ...bytes.slice(at, at + random.below(40)));
    else if (kind === 3) bytes.splice(at, 0, ...lines[random.below(lines.length)]!.subarray(random.below(30)));
    else if (kind === 4) bytes.length = at;
    else bytes.splice(at, 0, [0x22, 0x5c, 0x2c, 0x5b, 0x7b, 0x00, 0xff, 0x30][random.below(8)]!);
  }
  return Buffer.from(bytes.map((b) => (b === 10 ? 32 : b)));
}

function mutated(lines: readonly Buffer[], n: number, head: readonly Buffer[] = []): Buffer {
  const out = [...head];
  for (let i = 0; i < n; i++) out.push(mutate(lines));
  return Buffer.concat(out.flatMap((line) => [line, Buffer.from('\n')]));
}

async function check(importer: Importer, input: string, lines: number): Promise<void> {
  let summary: ImportSummary | undefined;
  const { events, refused } = await collect(importer(input, { sortLimit: 1_000, report: (s) => (summary = s) }));
  expect(summary).toMatchObject({ events: events.length, refused: refused.length });
  expect(summary!.events + summary!.refused + summary!.skipped).toBe(summary!.lines);
  expect(summary!.lines).toBe(lines);
  expect(events.length).toBeGreaterThan(lines / 10);
  expect(refused.length).toBeGreaterThan(lines / 100);
  for (const r of refused) expect(r.reason.length).toBeGreaterThan(0);
  for (const [i, e] of events.entries()) {
    expect(Number.isSafeInteger(e.timestamp) && e.timestamp >= 0).toBe(true);
    expect(e.userId.length > 0 && e.itemId.length > 0).toBe(true);
    expect(i === 0 || events[i - 1]!.timestamp <= e.timestamp).toBe(true);
  }
}

test('mutated lines are events or refused, and the counts add up', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mutations-'));
  try {
    const n = 5_000;
    await writeFile(join(directory, 'access.log'), mutated(apache, n));
    await check(apacheLogs, join(directory, 'access.log'), n);
    await writeFile(join(directory, 'clicks.jsonl'), mutated(clicks, n));
    await check(clicksJsonl, join(directory, 'clicks.jsonl'), n);
    await writeFile(join(directory, 'ratings.csv'), mutated(ratings.slice(1), n, [ratings[0]!]));
    await writeFile(join(directory, 'movies.csv'), Buffer.concat(movies.slice(0, 2).flatMap((line) => [line, Buffer.from('\n')])));
    await check(movielens, directory, n + 1);
    await writeFile(join(directory, 'movies.csv'), mutated(movies.slice(1), n, [movies[0]!]));
    const { events, refused } = await collect(movielens(directory));
    expect(events.length).toBeGreaterThan(n / 10);
    expect(refused.some((r) => r.reason.startsWith('movies.csv'))).toBe(true);
  } finally {
    await rm(directory, { recursive: true });
  }
});
