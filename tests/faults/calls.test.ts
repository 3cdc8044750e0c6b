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
import { itemCalls, startCommand, startRun } from './start-run.js';

const long = process.env['HEADRACE_FAULTS'] === 'long';
const events = long ? 14_000 : 1_500;
const attempts = 3;

const home = mkdtempSync(join(tmpdir(), 'headrace-calls-'));
const input = join(home, 'input');

const oracle = join(home, 'undisturbed');

beforeAll(async () => {
  await plantClicks(input, { events, seed: 11 });
  cpSync(input, oracle, { recursive: true });
  process.env['HEADRACE_TEST_CALLS'] = join(home, 'calls');
  const ended = await startRun({ dataDir: oracle, pipeline: itemCalls }).ended;
  expect(ended.code, ended.stderr).toBe(0);
}, long ? 900_000 : 120_000);
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** What the job has written. */
async function written(dataDir: string) {
  const { log, registry, close } = openEmbedded({ dataDir, mode: 'read' });
  const answers = (await topicRecords(log, registry, 'answers')).map((r) => r.value as { eventId: string; step: string; outcome: string; attempts: number });
  const windows = (await topicRecords(log, registry, 'answers-per-minute')).map((r) => r.value as { key: string; n: number });
  await close();
  return {
    asked: (step: string) => answers.filter((a) => a.step === step),
    counted: (step: string) => windows.filter((w) => w.key === step).reduce((sum, w) => sum + Number(w.n), 0),
  };
}

test.each([
  { workers: 1, kills: long ? 100 : 5 },
  { workers: 2, kills: long ? 50 : 3 },
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

  const [calm, killed] = [await written(oracle), await written(dataDir)];
  for (const step of ['ordered', 'unordered']) {
    const asked = killed.asked(step);
    expect(asked.length).toBeGreaterThan(events / 2);
    expect(asked.map((a) => a.eventId).sort()).toEqual(calm.asked(step).map((a) => a.eventId).sort());
    expect(asked.filter((a) => a.outcome === 'done').length).toBeGreaterThan(asked.length / 2);
    expect(Math.max(...asked.map((a) => a.attempts))).toBeLessThanOrEqual(attempts);
    // Clicks that were late before the call may be late behind it; which of them depends on how far the other tasks are.
    const counted = killed.counted(step);
    expect(counted).toBeLessThanOrEqual(asked.length);
    expect(counted).toBeGreaterThan(asked.length * 0.9);
  }
  const before = readFileSync(calls, 'utf8').length;
  const replayed = await startCommand(['replay', itemCalls, '--compare', '--json', '--data-dir', dataDir]).ended;
  expect(replayed.stdout + replayed.stderr).toContain('"equal":true');
  expect(readFileSync(calls, 'utf8').length).toBe(before);
}, long ? 1_800_000 : 180_000);
