/*
 * Asynchronous calls under kill -9: every input has exactly one outcome, no attempt is made twice or above the limit, windows behind the calls miss nothing, and a replay
 * repeats all of it without a call.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openEmbedded } from '../../connectors/embedded/embedded-runtime.js';
import { splitmix } from '../../dataflow/splitmix.js';
import { topicRecords } from '../../runners/testing/topic-records.js';
import { disturbedRun } from './disturbed-run.js';
import { plantClicks } from './plant-clicks.js';
import { itemCalls, startCommand } from './start-run.js';

const long = process.env['HEADRACE_FAULTS'] === 'long';
const events = long ? 10_000 : 2_500;
const attempts = 3;

const home = mkdtempSync(join(tmpdir(), 'headrace-calls-'));
const input = join(home, 'input');

beforeAll(() => plantClicks(input, { events, seed: 11 }));
afterAll(() => rmSync(home, { recursive: true, force: true }));

test.each([
  { workers: 1, kills: long ? 100 : 8 },
  { workers: 2, kills: long ? 50 : 4 },
])('calls with delays, failures and time-outs, killed $kills times, workers $workers', async ({ workers, kills }) => {
  const dataDir = join(home, `killed-${workers}`);
  const calls = join(home, `calls-${workers}`);
  cpSync(input, dataDir, { recursive: true });
  writeFileSync(calls, '');
  process.env['HEADRACE_TEST_CALLS'] = calls;
  const random = splitmix(17);
  random.seed(workers, 0);
  const counted = await disturbedRun({ dataDir, pipeline: itemCalls, workers, stepRows: 100, commitMs: 20 }, { random, kills, startMs: 400, workMs: 1_500 });
  expect(counted.kills).toBe(kills);

  const made = new Map<string, number[]>();
  for (const line of readFileSync(calls, 'utf8').split('\n').slice(0, -1)) {
    const [key, attempt] = line.split(' ') as [string, string];
    made.set(key, [...(made.get(key) ?? []), Number(attempt)]);
  }
  for (const [key, numbers] of made) {
    expect(new Set(numbers).size, `${key}: ${numbers.join()}`).toBe(numbers.length);
    expect(Math.max(...numbers), key).toBeLessThanOrEqual(attempts);
  }

  const { log, registry, close } = openEmbedded({ dataDir, mode: 'read' });
  const ids = (await topicRecords(log, registry, 'clicks')).map((r) => (r.value as { eventId: string }).eventId).sort();
  const answers = (await topicRecords(log, registry, 'answers')).map((r) => r.value as { eventId: string; step: string; outcome: string; attempts: number });
  const windows = (await topicRecords(log, registry, 'answers-per-minute')).map((r) => r.value as { key: string; n: bigint });
  await close();
  expect(ids.length).toBe(events);
  for (const step of ['ordered', 'unordered']) {
    const mine = answers.filter((a) => a.step === step);
    expect(mine.map((a) => a.eventId).sort()).toEqual(ids);
    expect(mine.filter((a) => a.outcome === 'done').length).toBeGreaterThan(events * 0.9);
    expect(Math.max(...mine.map((a) => a.attempts))).toBeLessThanOrEqual(attempts);
    // As without the step: late clicks are late in front of the window, not because of it.
    expect(windows.filter((w) => w.key === step).reduce((sum, w) => sum + Number(w.n), 0)).toBeGreaterThan(events * 0.8);
  }
  const totals = ['ordered', 'unordered'].map((step) => windows.filter((w) => w.key === step).reduce((sum, w) => sum + Number(w.n), 0));
  expect(totals[0]).toBe(totals[1]);

  const before = readFileSync(calls, 'utf8').length;
  const replayed = await startCommand(['replay', itemCalls, '--compare', '--json', '--data-dir', dataDir]).ended;
  expect(replayed.stdout + replayed.stderr).toContain('"equal":true');
  expect(readFileSync(calls, 'utf8').length).toBe(before);
}, long ? 1_800_000 : 180_000);
