/*
 * A simulated world with late events, on 1 to 8 partitions: every look-up against a scan of the events.
 */
import { expect, test } from 'vitest';
import { checkAgainstSql } from './check-against-sql.js';
import { checkCommand, checkLookups, checkTop, labelledEvents } from './check-click-features.js';
import { hasChdb } from './connectors/clickhouse/with-chdb.js';
import { temporaryDirectory } from './connectors/embedded/temporary-directory.js';
import { startCommand } from './faults/start-run.js';

const worldOf = async (partitions: number, seed: number) => {
  const dataDir = temporaryDirectory();
  const made = await startCommand(['simulate', '--events', '12000', '--users', '600', '--items', '80', '--rate', '0.05', '--seed', String(seed), '--partitions', String(partitions), '--json', '--data-dir', dataDir]).ended;
  expect(made.code, made.stderr).toBe(0);
  const ran = await startCommand(['run', 'click-features', '--bounded', '--json', '--workers', String(1 + (partitions % 3)), '--data-dir', dataDir]).ended;
  expect(ran.code, ran.stderr).toBe(0);
  return { dataDir, truth: JSON.parse(made.stdout) as { lateEvents: number; end: number }, events: await labelledEvents(dataDir) };
};

test.each([1, 2, 3, 5, 8])('%i partitions', async (partitions) => {
  const { dataDir, truth, events } = await worldOf(partitions, partitions);
  expect(events).toHaveLength(12_000);
  expect(new Set(events.map((e) => e.partition)).size).toBe(partitions);
  expect(truth.lateEvents).toBeGreaterThan(0);
  expect(events.some((e) => e.bot)).toBe(true);
  expect(await checkLookups(dataDir, events, { seed: partitions, count: 240 })).toBeGreaterThan(100);
  await checkTop(dataDir, events, 'item', 'ctr_24h', truth.end, 5);
  await checkTop(dataDir, events, 'creator', 'share_rate_7d', truth.end - 86_400_000);
  if (partitions !== 3) return;
  if (hasChdb) await checkAgainstSql(dataDir, { seed: 5 });
  const person = events.find((e) => e.eventType === 'CLICK' && !e.bot)!;
  await checkCommand(dataDir, events, 'user', person.userId, 'skip_rate_7d', () => true, truth.end);
  await checkCommand(dataDir, events, 'creator', person.creatorId, 'completion_24h', (e) => e.eventType === 'WATCH', person.timestamp + 7_200_000);
  await checkCommand(dataDir, events, 'item', person.itemId, 'ctr_1h', (e) => e.eventType === 'CLICK' || e.eventType === 'IMPRESSION', person.timestamp + 400_000);
});
