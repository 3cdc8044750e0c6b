import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ClickEvent } from '../../../schemas/generated/click-event.js';
import type { Imported } from '../../../runners/import/importer.js';
import { sortByTime } from '../../../runners/import/sort-by-time.js';
import { collect } from './collect.js';

let temporaryDirectory: string;
beforeEach(async () => void (temporaryDirectory = await mkdtemp(join(tmpdir(), 'sort-'))));
afterEach(() => rm(temporaryDirectory, { recursive: true }));

function event(timestamp: number, n: number): ClickEvent {
  return {
    eventId: `e${n}`, userId: 'ü"1\n', itemId: 'i', creatorId: '', category: '', eventType: 'CLICK', watchMs: 0, durationMs: 0, timestamp,
    surface: '', position: 0, agent: null, decisionId: null,
  };
}

async function* source(times: readonly number[]): AsyncGenerator<readonly Imported[]> {
  const all: Imported[] = times.map((t, n) => (n % 5 === 4 ? { refused: { line: n, bytes: new Uint8Array(1), reason: '' } } : { event: event(t, n) }));
  for (let at = 0; at < all.length; at += 7) yield all.slice(at, at + 7);
}

test('any input, any limit: as a stable sort in memory, and no file is left', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 }), fc.integer({ min: 1, max: 70 }), async (times, limit) => {
      const { events, refused } = await collect(sortByTime(source(times), { limit, temporaryDirectory }));
      const expected = times.map((t, n) => event(t, n)).filter((_, n) => n % 5 !== 4).sort((a, b) => a.timestamp - b.timestamp);
      expect(events).toEqual(expected);
      expect(refused.length).toBe(times.length - expected.length);
      expect(await readdir(temporaryDirectory)).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

test('runs of several pieces', async () => {
  const times = Array.from({ length: 12_000 }, (_, i) => (i * 7919) % 5000);
  const { events } = await collect(sortByTime(source(times), { limit: 3_500, temporaryDirectory }));
  const expected = times.map((t, n) => event(t, n)).filter((_, n) => n % 5 !== 4).sort((a, b) => a.timestamp - b.timestamp);
  expect(events).toEqual(expected);
});

test('a consumer that stops early leaves no file', async () => {
  let seen = 0;
  for await (const _ of sortByTime(source(Array.from({ length: 100 }, (_, i) => -i)), { limit: 10, temporaryDirectory })) if (++seen > 50) break;
  expect(await readdir(temporaryDirectory)).toEqual([]);
});

test('a temporary directory that is not there', async () => {
  await expect(collect(sortByTime(source([1, 2, 3]), { limit: 1, temporaryDirectory: join(temporaryDirectory, 'no') }))).rejects.toMatchObject({ code: 'HR_DATA_DIR' });
});
