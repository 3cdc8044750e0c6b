import { describe, expect, test } from 'vitest';
import { pipeline } from '../../dataflow/pipeline.js';
import { normal } from '../../dataflow/normal.js';
import { splitmix } from '../../dataflow/splitmix.js';
import { adwin } from '../../learning/drift/adwin.js';
import { driftFindings } from '../../learning/drift/drift-findings.js';
import { noPageHinkley, pageHinkley } from '../../learning/drift/page-hinkley.js';
import { watchDrift } from '../../learning/drift/watch-drift.js';
import { trainingIntervals } from '../../learning/training-intervals.js';
import { keyBy } from '../../operators/key-by.js';
import { process } from '../../operators/process.js';
import { to } from '../../operators/to.js';
import { runPipeline } from '../../runners/testing/index.js';
import type { TrainingInterval } from '../../schemas/generated/training-interval.js';

const hour = 3_600_000;
const start = Date.UTC(2026, 0, 5);

function normals(seed: number): () => number {
  const random = splitmix(seed);
  return () => normal(random.unit);
}

/** How many values pass until a rise is found; Infinity: never. */
function riseAt(values: readonly number[]): number {
  let state = noPageHinkley;
  for (const [i, value] of values.entries()) {
    const next = pageHinkley(state, value, { tolerance: 0.005, threshold: 0.1 });
    if (next.isRisen) return i;
    state = next.state;
  }
  return Number.POSITIVE_INFINITY;
}

describe('Page-Hinkley', () => {
  test('finds a rise within a day, and does not often find one where there is none', () => {
    let [found, wrong] = [0, 0];
    for (let seed = 0; seed < 200; seed++) {
      const normal = normals(seed);
      if (riseAt(Array.from({ length: 24 * 14 }, () => 0.85 + 0.01 * normal())) < Number.POSITIVE_INFINITY) wrong += 1;
      const at = riseAt(Array.from({ length: 24 * 7 }, (_, i) => (i < 72 ? 0.85 : 0.89) + 0.01 * normal()));
      if (at >= 72 && at < 72 + 24) found += 1;
    }
    expect(wrong).toBeLessThanOrEqual(10);
    expect(found).toBeGreaterThanOrEqual(190);
  });

  test('does not take a fall for a rise', () => {
    const normal = normals(3);
    expect(riseAt(Array.from({ length: 200 }, (_, i) => (i < 72 ? 0.85 : 0.75) + 0.01 * normal()))).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('adaptive windowing', () => {
  const changeAt = (values: readonly number[]) => {
    let window: readonly number[] = [];
    for (const [i, value] of values.entries()) {
      const next = adwin(window, value);
      if (next.change !== undefined) return { i, ...next.change, left: next.window.length };
      window = next.window;
    }
    return undefined;
  };

  test('forgets what was before a change, and is seldom wrong', () => {
    let [found, wrong] = [0, 0];
    for (let seed = 0; seed < 100; seed++) {
      const normal = normals(100 + seed);
      if (changeAt(Array.from({ length: 24 * 10 }, () => 0.2 + 0.01 * normal())) !== undefined) wrong += 1;
      const change = changeAt(Array.from({ length: 24 * 6 }, (_, i) => (i < 72 ? 0.2 : 0.24) + 0.01 * normal()));
      if (change !== undefined && change.i >= 72 && change.i < 72 + 48 && Math.abs(change.before - 0.2) < 0.01 && Math.abs(change.now - 0.24) < 0.02) found += 1;
    }
    expect(wrong).toBeLessThanOrEqual(3);
    expect(found).toBeGreaterThanOrEqual(95);
  });

  test('keeps a bounded window', () => {
    let window: readonly number[] = [];
    const normal = normals(1);
    for (let i = 0; i < 100; i++) window = adwin(window, 0.5 + 0.01 * normal(), { most: 50 }).window;
    expect(window.length).toBe(50);
  });
});

test('model-drift tells what has changed', async () => {
  const normal = normals(5);
  const interval = (i: number, change: Partial<TrainingInterval> = {}): TrainingInterval => ({
    model: 'head', start: start + i * hour, end: start + (i + 1) * hour, examples: 10_000, clicks: Math.round(2_000 + 60 * normal()), champion: 1, auc: 0.77, entropy: 0.85 + 0.005 * normal(), calibration: 1, candidate: 2,
    candidateAuc: 0.77, candidateEntropy: 0.85, candidateCalibration: 1, learned: 10_000, replayed: 2_000, verdict: 'PASSED', rows: 'LEARNED', movedInputs: {}, reason: '', ...change,
  });
  const intervals = Array.from({ length: 96 }, (_, i) => interval(i, i >= 60 ? { entropy: 0.92, clicks: 2_600 } : i === 20 ? { movedInputs: { age: 0.61 } } : i === 30 ? { verdict: 'HELD', rows: 'DROPPED', reason: 'label rate: too many' } : i === 40 ? { calibration: 1.6 } : {}));
  const job = pipeline('model-drift', ({ from }) => from(trainingIntervals).pipe(keyBy(trainingIntervals.model), process('drift', watchDrift(), { keepsKey: true }), to(driftFindings)));
  for (const stepRows of [1, 1_000]) {
    const run = await runPipeline(job, { inputs: { 'training-intervals': intervals }, stepRows, commitMs: 0 });
    expect(run.warnings).toEqual([]);
    const findings = run.values(driftFindings);
    expect(findings.map((f) => f.kind).slice(0, 3)).toEqual(['INPUT_MOVED', 'LABELS_HELD', 'CALIBRATION_OFF']);
    expect(findings[0]).toMatchObject({ subject: 'age', value: 0.61, time: start + 21 * hour });
    // the window may forget what was before in several steps
    expect([...new Set(findings.slice(3).map((f) => f.kind))].sort()).toEqual(['CLICK_RATE_CHANGED', 'ENTROPY_ROSE']);
    expect(findings.length).toBeLessThan(10);
    expect(findings.slice(3).every((f) => f.time > start + 61 * hour && f.time < start + 96 * hour)).toBe(true);
  }
});
