/*
 * The two real logs through the whole of Headrace: imported and run by the command, then every look-up against a scan of the events.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { openEmbedded } from '../connectors/embedded/embedded-runtime.js';
import { topicRecords } from '../runners/testing/topic-records.js';
import { checkAgainstSql } from './check-against-sql.js';
import { checkCommand, checkLookups, checkTop, labelledEvents } from './check-click-features.js';
import type { PlacedClick } from './click-feature-scan.js';
import { hasChdb } from './connectors/clickhouse/with-chdb.js';
import { temporaryDirectory } from './connectors/embedded/temporary-directory.js';
import { startCommand } from './faults/start-run.js';

const data = resolve(import.meta.dirname, '../../shared/data');
const present = (path: string): boolean => {
  const there = existsSync(path);
  if (!there && process.env['CI']) throw new Error(`${path} is missing`);
  if (!there) console.warn(`SKIPPED: ${path} is not here`);
  return there;
};

/** Imports a log with the command and runs click-features over it. */
async function run(format: string, path: string): Promise<{ dataDir: string; summary: Record<string, unknown>; events: PlacedClick[] }> {
  const dataDir = temporaryDirectory();
  const imported = await startCommand(['import', format, path, '--json', '--data-dir', dataDir]).ended;
  expect(imported.code, imported.stderr).toBe(0);
  const ran = await startCommand(['run', 'click-features', '--bounded', '--json', '--data-dir', dataDir]).ended;
  expect(ran.code, ran.stderr).toBe(0);
  return { dataDir, summary: JSON.parse(imported.stdout) as Record<string, unknown>, events: await labelledEvents(dataDir) };
}

const replayIsEqual = async (dataDir: string): Promise<void> => {
  const replayed = await startCommand(['replay', 'click-features', '--compare', '--json', '--data-dir', dataDir]).ended;
  expect(replayed).toMatchObject({ code: 0, stdout: expect.stringContaining('"equal":true') as unknown });
};

test.skipIf(!present(join(data, 'apache-logs')))('apache-logs', async () => {
  const { dataDir, summary, events } = await run('apache-logs', join(data, 'apache-logs/apache_logs'));
  expect(summary).toMatchObject({ lines: 10_000, events: 9_999, refused: 1 });
  expect(events).toHaveLength(9_999);
  const replayed = replayIsEqual(dataDir);
  // Crawlers say so, and only they were left out.
  expect(events.filter((e) => /bot|crawl|spider|slurp/i.test(e.agent ?? '') && !e.bot)).toEqual([]);
  expect(events.some((e) => e.bot)).toBe(true);
  const runtime = openEmbedded({ dataDir, mode: 'read' });
  expect((await topicRecords(runtime.log, runtime.registry, 'clicks.dlq')).map((r) => r.headers['hr-code'])).toEqual(['HR_INPUT_LINE']);
  await runtime.close();

  expect(await checkLookups(dataDir, events, { seed: 1, count: 600 })).toBeGreaterThan(250);
  const end = events.reduce((most, e) => Math.max(most, e.timestamp), 0);
  await checkTop(dataDir, events, 'item', 'clicks_24h', end);
  await checkTop(dataDir, events, 'user', 'clicks_7d', end - 3_600_000, 3);
  const person = events.find((e) => !e.bot && e.timestamp > end - 36_000_000)!;
  await checkCommand(dataDir, events, 'user', person.userId, 'clicks_24h', (e) => e.eventType === 'CLICK', end);
  await checkCommand(dataDir, events, 'item', person.itemId, 'clicks_7d', (e) => e.eventType === 'CLICK', end - 100_000);
  if (hasChdb) await checkAgainstSql(dataDir, { seed: 3 });
  await replayed;
});

test.skipIf(!present(join(data, 'movielens-small')))('movielens-small', async () => {
  const { dataDir, summary, events } = await run('movielens', join(data, 'movielens-small'));
  expect(summary).toMatchObject({ lines: 100_837, events: 100_836, refused: 0, skipped: 1 });
  const replayed = replayIsEqual(dataDir);
  expect(await checkLookups(dataDir, events, { seed: 2, count: 400 })).toBeGreaterThan(150);
  const busy = events[50_000]!.timestamp;
  await checkTop(dataDir, events, 'user', 'likes_7d', busy);
  const liker = events.find((e) => e.eventType === 'LIKE' && !e.bot)!;
  await checkCommand(dataDir, events, 'user', liker.userId, `likes_24h{${liker.category}}`, (e) => e.eventType === 'LIKE' && e.category === liker.category, liker.timestamp + 600_000);
  await checkCommand(dataDir, events, 'item', liker.itemId, 'share_rate_7d', () => true, liker.timestamp + 600_000);
  if (hasChdb) await checkAgainstSql(dataDir, { seed: 4, sample: '20%' });
  await replayed;
});
