/*
 * A process that stands still for seconds and goes on, and importers that are killed or get half a file.
 */
import { cpSync, truncateSync, writeFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openEmbedded } from '../../connectors/embedded/embedded-runtime.js';
import { compareTopics } from '../../runners/compare-topics.js';
import { clickWorld } from '../../runners/simulate/click-world.js';
import { topicRecords } from '../../runners/testing/topic-records.js';
import { temporaryDirectory } from '../connectors/embedded/temporary-directory.js';
import { differences } from './differences.js';
import { plantClicks } from './plant-clicks.js';
import { itemActivity, startCommand, startRun } from './start-run.js';

const stopMs = process.env['HEADRACE_FAULTS'] === 'long' ? 70_000 : 2_500;

test('SIGSTOP in the middle of a run, SIGCONT seconds later', async () => {
  const home = temporaryDirectory();
  const [oracle, stopped] = [join(home, 'oracle'), join(home, 'stopped')];
  await plantClicks(oracle, { events: 4_000, seed: 3 });
  cpSync(oracle, stopped, { recursive: true });
  expect((await startRun({ dataDir: oracle, pipeline: itemActivity, stepRows: 50, commitMs: 1 }).ended).code).toBe(0);

  const { child, ended } = startRun({ dataDir: stopped, pipeline: itemActivity, stepRows: 50, commitMs: 1 });
  await nthWrite(stopped, 8, ended);
  child.kill('SIGSTOP');
  await delay(stopMs);
  // It still holds the lock: another writer is refused, a reader is not.
  const second = await startRun({ dataDir: stopped, pipeline: itemActivity }).ended;
  expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining('HR_STATE_LOCKED') as unknown });
  expect(child.exitCode).toBeNull();
  child.kill('SIGCONT');
  expect(await ended).toMatchObject({ code: 0, stderr: '' });
  expect((await differences('item-activity', oracle, stopped)).found).toEqual([]);
}, 120_000 + stopMs);

/** The events of a world as JSON lines. */
const lines = (events: number) => Array.from(clickWorld({ events, seed: 5, users: 500 }), (event) => `${JSON.stringify(event)}\n`).join('');

test('a killed import keeps whole blocks of the events in order, and a second one is told what is there', async () => {
  const home = temporaryDirectory();
  const file = join(home, 'clicks.jsonl');
  writeFileSync(file, lines(100_000));
  const [whole, killed] = [join(home, 'whole'), join(home, 'killed')];
  expect((await startCommand(['import', 'clicks', file, '--partitions', '1', '--data-dir', whole]).ended).code).toBe(0);

  // A data file to watch.
  await openEmbedded({ dataDir: killed, mode: 'write' }).close();
  const { child, ended } = startCommand(['import', 'clicks', file, '--partitions', '1', '--data-dir', killed]);
  await topicHasRecords(killed, ended);
  child.kill('SIGKILL');
  await ended;
  const kept = await inRuntime(killed, async ({ log }) => (await log.bounds('clicks', 0)).end);
  expect(kept).toBeGreaterThan(0);
  expect(kept).toBeLessThanOrEqual(100_000);
  // All of a block or none of it.
  expect(kept === 100_000 || kept % 32_768 === 0).toBe(true);
  const prefix = await inRuntime(whole, (a) => inRuntime(killed, (b) => compareTopics('clicks', a.log, b.log, { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY })));
  expect(prefix.differences).toBe(100_000 - kept);

  const again = await startCommand(['import', 'clicks', file, '--data-dir', killed]).ended;
  expect(again.code).toBe(0);
  expect(again.stderr).toContain(`already has ${kept.toLocaleString('en-US')} records`);
  expect(await inRuntime(killed, async ({ log }) => (await log.bounds('clicks', 0)).end)).toBe(kept + 100_000);
});

test('half a line at the end of a cut-off file goes to the dead letters; the lines before it are imported', async () => {
  const home = temporaryDirectory();
  const file = join(home, 'clicks.jsonl');
  const text = lines(1_000);
  writeFileSync(file, text);
  truncateSync(file, text.length - 40);
  const dataDir = join(home, 'data');
  const { code, stdout, stderr } = await startCommand(['import', 'clicks', file, '--json', '--data-dir', dataDir]).ended;
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ lines: 1_000, events: 999, refused: 1 });
  expect(stderr).toContain('Line 1000');
  const [letter] = await inRuntime(dataDir, ({ log, registry }) => topicRecords(log, registry, 'clicks.dlq'));
  expect(Buffer.from(letter!.value as Uint8Array).toString()).toBe(text.slice(text.lastIndexOf('\n', text.length - 2) + 1, -40));
});

/** Resolves at the n-th write to the data file. */
function nthWrite(dataDir: string, n: number, ended: Promise<unknown>): Promise<unknown> {
  let writes = 0;
  return Promise.race([
    ended,
    new Promise<void>((resolve) => {
      const watcher = watch(join(dataDir, 'data.mdb'), () => {
        writes += 1;
        if (writes < n) return;
        watcher.close();
        resolve();
      });
    }),
  ]);
}

/** Resolves when the topic clicks has its first records, looked at after each write. */
async function topicHasRecords(dataDir: string, ended: Promise<unknown>): Promise<void> {
  let over = false;
  void ended.then(() => (over = true));
  while (!over) {
    await nthWrite(dataDir, 1, ended);
    if ((await inRuntime(dataDir, async ({ log }) => ((await log.topics()).some((t) => t.name === 'clicks') ? (await log.bounds('clicks', 0)).end : 0))) > 0) return;
  }
}

async function inRuntime<R>(dataDir: string, use: (runtime: ReturnType<typeof openEmbedded>) => Promise<R>): Promise<R> {
  const runtime = openEmbedded({ dataDir, mode: 'read' });
  try {
    return await use(runtime);
  } finally {
    await runtime.close();
  }
}
