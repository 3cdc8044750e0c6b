/*
 * propensity-log: the same log of decisions whatever the steps, commits and workers, and after kill -9 at any instant. HEADRACE_FAULTS=long kills a hundred times.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openEmbedded } from '../../connectors/embedded/embedded-runtime.js';
import { splitmix } from '../../dataflow/splitmix.js';
import { topicRecords } from '../../runners/testing/topic-records.js';
import type { LoggedDecision } from '../../schemas/generated/logged-decision.js';
import type { UnattributedOutcome } from '../../schemas/generated/unattributed-outcome.js';
import { differences } from './differences.js';
import { disturbedRun } from './disturbed-run.js';
import { plantDecisions } from './plant-decisions.js';
import { startCommand, startRun } from './start-run.js';

const pipeline = 'propensity-log';
const kills = process.env['HEADRACE_FAULTS'] === 'long' ? 100 : 8;
const home = mkdtempSync(join(tmpdir(), 'headrace-propensity-'));
const [input, calm] = [join(home, 'input'), join(home, 'calm')];
let calmMs = 0;

beforeAll(async () => {
  await plantDecisions(input, { decisions: 1_200, seed: 3 });
  cpSync(input, calm, { recursive: true });
  const started = performance.now();
  const ended = await startRun({ dataDir: calm, pipeline, stepRows: 30, commitMs: 1 }).ended;
  calmMs = performance.now() - started;
  expect(ended.code, ended.stderr).toBe(0);
}, 60_000);
afterAll(() => rmSync(home, { recursive: true, force: true }));

test('the log has every decision once, and outcomes of every kind', async () => {
  const { log, registry, close } = openEmbedded({ dataDir: calm, mode: 'read' });
  const rows = (await topicRecords(log, registry, 'logged-decisions')).map(({ value }) => value as LoggedDecision);
  const refused = (await topicRecords(log, registry, 'unattributed-outcomes')).map(({ value }) => (value as UnattributedOutcome).reason);
  const letters = await topicRecords(log, registry, 'outcomes.dlq');
  await close();
  expect(rows.length).toBe(1_200 - Math.floor(1_200 / 41));
  expect(new Set(rows.map(({ decisionId }) => decisionId)).size).toBe(rows.length);
  expect(rows.filter(({ outcomeMissing }) => !outcomeMissing).length).toBeGreaterThan(200);
  expect(new Set(refused)).toEqual(new Set(['LATE', 'UNKNOWN_DECISION', 'DUPLICATE']));
  expect(letters.length).toBe(21);
});

test.each([
  { stepRows: 1, commitMs: 1, workers: 3 },
  { stepRows: 50_000, commitMs: 10_000, workers: 1 },
])('in steps of $stepRows, with $workers workers: the same', async (form) => {
  const dataDir = join(home, `form-${form.stepRows}`);
  cpSync(input, dataDir, { recursive: true });
  const ended = await startRun({ dataDir, pipeline, ...form }).ended;
  expect(ended.code, ended.stderr).toBe(0);
  expect((await differences(pipeline, calm, dataDir)).found).toEqual([]);
}, 60_000);

test('killed with SIGKILL again and again: the same, and a replay gives every byte again', async () => {
  for (let run = 0, left = kills; left > 0; run++) {
    const random = splitmix(2);
    random.seed(run, 0);
    const dataDir = join(home, `killed-${run}`);
    cpSync(input, dataDir, { recursive: true });
    const each = Math.min(left, 10);
    const counted = await disturbedRun({ dataDir, pipeline, workers: 1 + (run % 2), stepRows: 10 + random.below(60), commitMs: 1 }, { random, kills: each, startMs: 400, workMs: calmMs });
    left -= counted.kills;
    const { records, found } = await differences(pipeline, calm, dataDir);
    expect(found, `run ${run}`).toEqual([]);
    expect(records).toBeGreaterThan(2_000);
    const replayed = await startCommand(['replay', pipeline, '--compare', '--json', '--data-dir', dataDir]).ended;
    expect(replayed.stdout).toContain('"equal":true');
    rmSync(dataDir, { recursive: true });
  }
}, 1_800_000);
