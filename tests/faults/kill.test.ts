/*
 * kill -9 at any instant: whatever was going on, in the end every output is record by record what one undisturbed run gives.
 * HEADRACE_FAULTS=long (npm run test:faults) kills a hundred times each.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openEmbedded } from '../../connectors/embedded/embedded-runtime.js';
import { splitmix } from '../../dataflow/splitmix.js';
import { differences } from './differences.js';
import { disturbedRun } from './disturbed-run.js';
import { plantClicks } from './plant-clicks.js';
import { itemActivity, itemMarket, startCommand, startRun } from './start-run.js';

const long = process.env['HEADRACE_FAULTS'] === 'long';
const killsEach = long ? 100 : 12;
/** Kills until one copy of the input is left to end; then the next copy begins. */
const killsPerRun = 12;

const home = mkdtempSync(join(tmpdir(), 'headrace-kill-'));
const input = join(home, 'input');

beforeAll(() => plantClicks(input, { events: 8_000, seed: 7 }));
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** Epochs that a pipeline has committed. */
async function epochs(dataDir: string, pipeline: string): Promise<number> {
  const { log, close } = openEmbedded({ dataDir, mode: 'read' });
  const committed = await log.committed(pipeline);
  await close();
  return committed?.epoch ?? 0;
}

describe.each([
  { name: 'click-features', pipeline: 'click-features' },
  { name: 'item-activity', pipeline: itemActivity },
  { name: 'item-market', pipeline: itemMarket },
])('$name', ({ name, pipeline }) => {
  const oracle = join(home, `${name}-undisturbed`);
  let undisturbedMs = 0;

  beforeAll(async () => {
    cpSync(input, oracle, { recursive: true });
    const started = performance.now();
    const ended = await startRun({ dataDir: oracle, pipeline, stepRows: 50, commitMs: 1 }).ended;
    undisturbedMs = performance.now() - started;
    expect(ended.stderr).toBe('');
    expect(ended.code).toBe(0);
    // Else there would be nothing to hit.
    expect(await epochs(oracle, name)).toBeGreaterThan(20);
  });

  test.each([
    { workers: 1, kills: killsEach },
    { workers: 2, kills: Math.ceil(killsEach / 2) },
  ])(`killed with SIGKILL again and again, workers $workers`, async ({ workers, kills }) => {
    const total = { kills: 0, starts: 0, whileWriting: 0, early: 0, runs: 0 };
    for (let run = 0; total.kills < kills; run++) {
      const random = splitmix(1 + workers);
      random.seed(run, 0);
      const dataDir = join(home, `${name}-${workers}-${run}`);
      cpSync(input, dataDir, { recursive: true });
      const counted = await disturbedRun({ dataDir, pipeline, workers, stepRows: 20 + random.below(150), commitMs: random.below(3) === 0 ? 1 : 20 }, { random, kills: Math.min(killsPerRun, kills - total.kills), startMs: 400, workMs: undisturbedMs });
      for (const key of ['kills', 'starts', 'whileWriting', 'early'] as const) total[key] += counted[key];
      total.runs += 1;
      const { records, found } = await differences(name, oracle, dataDir);
      expect(found, `run ${run}`).toEqual([]);
      expect(records).toBeGreaterThan(3_000);
      if (run === 0) await expectReplayed(pipeline, dataDir);
      rmSync(dataDir, { recursive: true });
    }
    if (long) console.log(`${name}, workers ${workers}: ${JSON.stringify(total)}`);
    expect(total.kills).toBeGreaterThanOrEqual(kills);
  }, long ? 1_800_000 : 120_000);

  test('more input after the end, and killed again', async () => {
    const [calm, killed] = [join(home, `${name}-calm`), join(home, `${name}-more`)];
    for (const dataDir of [calm, killed]) {
      cpSync(oracle, dataDir, { recursive: true });
      // Its first hour is as late as the last one before.
      await plantClicks(dataDir, { events: 2_000, seed: 8, startHour: 2 });
    }
    expect((await startRun({ dataDir: calm, pipeline }).ended).code).toBe(0);
    await disturbedRun({ dataDir: killed, pipeline, stepRows: 30, commitMs: 1 }, { random: splitmix(5), kills: 5, startMs: 400, workMs: undisturbedMs / 3 });
    await expectEqual(name, pipeline, calm, killed);
  });

  test('live runs that are stopped or killed, then a bounded one', async () => {
    const dataDir = join(home, `${name}-live`);
    cpSync(input, dataDir, { recursive: true });
    const random = splitmix(9);
    for (const signal of ['SIGTERM', 'SIGKILL', 'SIGTERM'] as const) {
      const { child, ended } = startCommand(['run', pipeline, '--commit-ms', '10', '--data-dir', dataDir]);
      await delay(400 + random.below(600));
      child.kill(signal);
      // A signal that comes before the run has begun ends the process there and then.
      expect([0, 130, 143, null]).toContain((await ended).code);
    }
    expect((await startRun({ dataDir, pipeline }).ended).code).toBe(0);
    // Partitions without records hold back what is live, and not what is bounded: other records are late. A replay meets them where they were.
    await expectReplayed(pipeline, dataDir);
  });
});

/** Both have the same outputs, and a replay gives those of `actual` again. */
async function expectEqual(name: string, pipeline: string, expected: string, actual: string): Promise<void> {
  expect((await differences(name, expected, actual)).found).toEqual([]);
  await expectReplayed(pipeline, actual);
}

/** A replay gives byte for byte what was emitted. */
async function expectReplayed(pipeline: string, dataDir: string): Promise<void> {
  const replayed = await startCommand(['replay', pipeline, '--compare', '--json', '--data-dir', dataDir]).ended;
  expect(replayed.stdout).toContain('"equal":true');
  expect(replayed.code).toBe(0);
}
