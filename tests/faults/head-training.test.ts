/*
 * head-training: no half-written model can be read, and after kill -9 of the trainer at any instant the weights are those of an undisturbed run. HEADRACE_FAULTS=long kills a hundred times.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openEmbedded } from '../../connectors/embedded/embedded-runtime.js';
import { splitmix } from '../../dataflow/splitmix.js';
import { openTopicEncoder } from '../../dataflow/topic-encoder.js';
import { decodeHead } from '../../learning/head-state.js';
import { openModelRegistry } from '../../learning/model-registry.js';
import { loggedDecisions } from '../../pipelines/logged-decisions.js';
import { loggedDecisionWorld } from '../../runners/simulate/logged-decision-world.js';
import { softmax } from '../../serving/explore/softmax.js';
import { hasOnnx } from '../connectors/onnx-here.js';
import { differences } from './differences.js';
import { disturbedRun } from './disturbed-run.js';
import { startCommand, startRun } from './start-run.js';

const pipeline = 'head-training';
const isLong = process.env['HEADRACE_FAULTS'] === 'long';
const home = mkdtempSync(join(tmpdir(), 'headrace-head-'));
const [input, calm] = [join(home, 'input'), join(home, 'calm')];
let calmMs = 0;

async function plantLoggedDecisions(dataDir: string): Promise<void> {
  const { log, registry, close } = openEmbedded({ dataDir, mode: 'write' });
  const rows = await openTopicEncoder(loggedDecisions, { log, registry, partitions: 3 });
  const world = loggedDecisionWorld({ decisions: 7_200, seed: 3, users: 300, items: 80, rate: 0.5, drift: 0.5, start: Date.UTC(2026, 0, 5, 12), policy: softmax({ temperature: 0.1, slots: 3 }), pmf: 'scheme' });
  for (const decision of world) {
    rows.add(decision);
    if (rows.count >= 300) await log.append(rows.take());
  }
  await log.append(rows.take());
  await close();
}

/** Every version, its artefact read and decoded: what is registered can be served. */
async function readAll(dataDir: string, model: string, decode: (bytes: Uint8Array) => unknown): Promise<number> {
  const runtime = openEmbedded({ dataDir, mode: 'read' });
  try {
    const models = await openModelRegistry({ ...runtime, clock: { now: () => 0 } });
    const versions = models.list(model);
    for (const version of versions) decode(await models.artefact(version));
    expect(versions.map((v) => v.version)).toEqual(versions.map((_, i) => i + 1));
    expect(versions.filter((v) => v.stage === 'champion').length).toBeLessThanOrEqual(1);
    return versions.length;
  } finally {
    await runtime.close();
  }
}

afterAll(() => rmSync(home, { recursive: true, force: true }));

describe.skipIf(!hasOnnx)('the trainer', () => {
  beforeAll(async () => {
    await plantLoggedDecisions(input);
    cpSync(input, calm, { recursive: true });
    const started = performance.now();
    const ended = await startRun({ dataDir: calm, pipeline, stepRows: 100, commitMs: 1 }).ended;
    calmMs = performance.now() - started;
    expect(ended.code, ended.stderr).toBe(0);
  }, 120_000);

  test('killed with SIGKILL again and again: the same intervals, versions and weights, and nothing half-written', { timeout: 3_000_000 }, async () => {
    const versions = await readAll(calm, 'ranking-head', decodeHead);
    expect(versions).toBeGreaterThanOrEqual(3);
    for (let run = 0, left = isLong ? 100 : 5; left > 0; run++) {
      const random = splitmix(5);
      random.seed(run, 0);
      const dataDir = join(home, `killed-${run}`);
      cpSync(input, dataDir, { recursive: true });
      const form = { dataDir, pipeline, workers: 1 + (run % 2), stepRows: 50 + random.below(400), commitMs: 1 };
      const counted = await disturbedRun(form, { random, kills: Math.min(left, 10), startMs: 600, workMs: calmMs });
      left -= counted.kills;
      const { found, records } = await differences(pipeline, calm, dataDir);
      // where outcomes entered is the clock's, what they were is not
      expect(found.filter((what) => !what.startsWith('topic head.outcomes')), `run ${run}`).toEqual([]);
      expect(records).toBeGreaterThan(10);
      expect(await readAll(dataDir, 'ranking-head', decodeHead)).toBe(versions);
      rmSync(dataDir, { recursive: true });
    }
  });

  test('a training over the same history, and a replay, end at the same bytes', { timeout: 120_000 }, async () => {
    const replayed = await startCommand(['replay', pipeline, '--compare', '--json', '--data-dir', calm]).ended;
    expect(replayed.stdout).toContain('"equal":true');
    const again = await startCommand(['train', 'head', '--dry-run', '--json', '--data-dir', calm]).ended;
    const { artefact } = JSON.parse(again.stdout.trim().split('\n').at(-1)!) as { artefact: string };
    const listed = await startCommand(['models', 'list', 'ranking-head', '--json', '--data-dir', calm]).ended;
    const champion = listed.stdout.trim().split('\n').map((line) => JSON.parse(line) as { stage: string; artefact: string }).find((v) => v.stage === 'champion');
    expect(artefact).toBe(champion!.artefact);
  });
});

test('a writer of the registry that is killed leaves whole versions only, and the next one goes on', { timeout: 1_200_000 }, async () => {
  const dataDir = join(home, 'registry');
  const artefacts = join(dataDir, 'artefacts');
  mkdirSync(artefacts, { recursive: true });
  const random = splitmix(8);
  let before = 0;
  for (let kill = 0; kill < (isLong ? 100 : 6); kill++) {
    const child = spawn(process.execPath, [resolve(import.meta.dirname, '../fixtures/register-models.mjs'), dataDir], { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, NODE_OPTIONS: '' } });
    const closed = once(child, 'close');
    // while it starts, at some change of a file that it writes, or any time
    const kind = (['start', 'write', 'write', 'any', 'any'] as const)[random.below(5)]!;
    if (kind === 'start') await delay(random.below(400));
    else await once(child.stdout!, 'data');
    if (kind === 'any') await delay(random.below(400));
    if (kind === 'write') await changesOf([artefacts, join(dataDir, 'data.mdb')], 1 + random.below(40));
    child.kill('SIGKILL');
    await closed;
    const now = await readAll(dataDir, 'm', (bytes) => expect(Buffer.alloc(bytes.length, bytes[0]).equals(bytes)).toBe(true)).catch((error: { readonly code?: string }) => {
      // it was killed while it made the directory, and nothing was there before
      if (before === 0 && error.code === 'HR_DATA_DIR') return 0;
      throw error;
    });
    expect(now).toBeGreaterThanOrEqual(before);
    before = now;
  }
  expect(before).toBeGreaterThan(0);
  const halves = readdirSync(artefacts).filter((name) => name.endsWith('.partial'));
  if (isLong) expect(halves.length, 'kills in the middle of an artefact').toBeGreaterThan(0);
});

/** Resolves at the n-th change of a file in these places. */
function changesOf(places: readonly string[], n: number): Promise<void> {
  return new Promise((resolve) => {
    let left = n;
    const watchers = places.map((place) =>
      watch(place, () => {
        left -= 1;
        if (left > 0) return;
        for (const watcher of watchers) watcher.close();
        resolve();
      }),
    );
  });
}
