/*
 * A head over embeddings: it names its base, is warmed when there is a new one, and is held where its base cannot be had.
 */
import { describe, expect, test } from 'vitest';
import { interactionsOf } from '../../learning/base/interactions.js';
import { basePlan } from '../../learning/base/base-plan.js';
import { type OpenTowers, trainBase } from '../../learning/base/train-base.js';
import { openTowerSessions } from '../../learning/base/tower-sessions.js';
import { decodeHead } from '../../learning/head-state.js';
import { models } from '../../learning/models.js';
import { openModelRegistry } from '../../learning/model-registry.js';
import { trainingIntervals } from '../../learning/training-intervals.js';
import { memoryRuntime, runPipeline, type MemoryRuntime, type RunPipelineOptions } from '../../runners/testing/index.js';
import { hasOnnx } from '../connectors/onnx-here.js';
import { decisionsOf, headTrainingJob, smallPlan } from './head-training-job.js';

const hour = 3_600_000;
const day = decisionsOf(6);
const start = Math.floor(day[0]!.time / hour) * hour;
const part = (from: number, to: number) => day.filter(({ time }) => time >= start + from * hour && time < start + to * hour);
const plan = smallPlan({ base: { model: 'towers', width: 8, warmedOn: '3h' } });
const open: OpenTowers = (shape, { temperature, clipNorm }) => openTowerSessions(shape, { providers: ['cpu'], temperature, clipNorm });

/** Trains a base on some hours and makes it champion. */
async function newBase(runtime: MemoryRuntime, hours: number): Promise<string> {
  const registry = await openModelRegistry({ ...runtime, clock: { now: () => start + hours * hour } });
  const champion = registry.champion('towers');
  const { bytes } = await trainBase(basePlan({ model: 'towers', width: 8, judged: 0, training: { epochs: 3 } }), open, part(0, hours).flatMap(interactionsOf));
  const { version, artefact } = await registry.register('towers', { artefact: bytes, parent: champion?.version ?? null });
  await registry.promote('towers', version, 'champion');
  return artefact;
}

/** Two hours without a base, two with the first, two with a second. */
async function story(options: RunPipelineOptions = {}) {
  const runtime = memoryRuntime();
  const run = async (from: number, to: number) => runPipeline(headTrainingJob(plan), { ...options, runtime, inputs: { 'logged-decisions': part(from, to) } });
  await run(0, 2);
  const first = await newBase(runtime, 1);
  await run(2, 4);
  const second = await newBase(runtime, 3);
  const last = await run(4, 6);
  return { runtime, first, second, intervals: last.values(trainingIntervals), events: last.values(models) };
}

describe.skipIf(!hasOnnx)('a head on a base', () => {
  const calm = hasOnnx ? story() : undefined;

  test('waits for a base; names the one that it was trained on; is warmed on the next one and judged against the champion on the one before', async () => {
    const { runtime, first, second, intervals } = await calm!;
    expect(intervals.map(({ verdict, rows }) => [verdict, rows]).slice(0, 2)).toEqual([['HELD', 'CARRIED'], ['HELD', 'CARRIED']]);
    expect(intervals[0]!.reason).toContain('towers has no champion yet');
    const registry = await openModelRegistry({ ...runtime, clock: { now: () => 0 } });
    const heads = await Promise.all(registry.list('head').map(async (version) => ({ version, state: decodeHead(await registry.artefact(version)) })));
    const [before, after] = [heads.filter(({ version }) => version.metrics['base'] === 1), heads.filter(({ version }) => version.metrics['base'] === 2)];
    expect([before.length > 0, after.length > 0]).toEqual([true, true]);
    for (const { state } of before) expect(state.base).toBe(first);
    for (const { state } of after) expect(state.base).toBe(second);
    expect(heads[0]!.state.shape.inputs).toBe(2 * 8 + plan.features);
    // The first on the new base goes on from the newest on the old one, with a new optimiser, and learns again what that base has not.
    const warmed = after[0]!;
    expect(warmed.version.parent).toBe(before.at(-1)!.version.version);
    expect(warmed.state.step).toBeLessThan(before.at(-1)!.state.step + warmed.version.metrics['learned']!);
    const ordinary = intervals[5]!;
    expect(intervals[4]!.learned - intervals[4]!.replayed).toBeGreaterThan(1.3 * (ordinary.learned - ordinary.replayed));
    // whoever scored the hour did so with the base that it names
    expect(intervals.slice(3).every(({ auc }) => auc !== null && auc > 0.5)).toBe(true);
  });

  test('is the same bytes whatever the restarts and cuts', async () => {
    const [disturbed, quiet] = [await story({ stepRows: 100, commitMs: 0, restarts: { seed: 1, share: 0.2 } }), await calm!];
    expect(disturbed.intervals).toEqual(quiet.intervals);
    expect(disturbed.events.map(({ artefact }) => artefact)).toEqual(quiet.events.map(({ artefact }) => artefact));
  });

  test('is held by a base that is gone, and the champion stays', async () => {
    const code = 'HR_MODEL_CORRUPT';
    const runtime = memoryRuntime();
    const lost = new Set<string>();
    const shaky: MemoryRuntime = { ...runtime, artefacts: { ...runtime.artefacts, get: async (digest) => runtime.artefacts.get(lost.has(digest) ? 'nothing' : digest) } };
    const run = async (from: number, to: number) => runPipeline(headTrainingJob(plan), { runtime: shaky, inputs: { 'logged-decisions': part(from, to) } });
    const base = await newBase(shaky, 1);
    await run(0, 3);
    const champion = (await openModelRegistry({ ...runtime, clock: { now: () => 0 } })).champion('head');
    expect(champion).toBeDefined();
    lost.add(base);
    const intervals = (await run(3, 4)).values(trainingIntervals);
    expect(intervals.at(-1)).toMatchObject({ verdict: 'HELD', rows: 'CARRIED', reason: expect.stringContaining(`champion: ${code}: version ${champion!.version}: The bytes of base ${base.slice(0, 12)} are missing.`) });
    expect((await openModelRegistry({ ...runtime, clock: { now: () => 0 } })).champion('head')).toEqual(champion);
  });

  test('of another plan is held: without a base, or with embeddings of another width', async () => {
    const runtime = memoryRuntime();
    await newBase(runtime, 1);
    await runPipeline(headTrainingJob(plan), { runtime, inputs: { 'logged-decisions': part(0, 3) } });
    const { openHead, basesOf } = await import('../../learning/open-head.js');
    const registry = await openModelRegistry({ ...runtime, clock: { now: () => 0 } });
    const champion = registry.champion('head')!;
    const kept = { version: champion.version, bytes: await registry.artefact(champion), negatives: 1 };
    const bases = basesOf({});
    expect(openHead(kept, { ...plan, base: undefined }, bases)).toEqual({ problem: expect.stringMatching(/^HR_MODEL: version \d+ was trained on base [0-9a-f]{12}; the plan has none$/) });
    expect(openHead(kept, plan, bases)).toEqual({ problem: expect.stringMatching(/^HR_MODEL_CORRUPT: version \d+: The bytes of base [0-9a-f]{12} are missing\.$/) });
    expect(openHead(kept, smallPlan({ base: { model: 'towers', width: 16 } }), bases)).toEqual({ problem: expect.stringContaining('HR_MODEL: version') });
  });
});
