/*
 * Features as they were served against their events: what is planted is found, and nothing else. HEADRACE_FAULTS=long tries thirty sound logs instead of one.
 */
import { describe, expect, test } from 'vitest';
import { HeadraceError } from '../../dataflow/errors.js';
import { driftFindings } from '../../learning/drift/drift-findings.js';
import { featureConsistency } from '../../learning/skew/feature-consistency.js';
import { skewFindings } from '../../learning/skew/find-skew.js';
import { servedFeatures, type ServedFeaturesOptions, servedValues } from '../../learning/skew/served-features.js';
import { itemFeatures, userFeatures } from '../../pipelines/click-feature-sets.js';
import { featureSkew } from '../../pipelines/feature-skew.js';
import { servedClickFeatures } from '../../pipelines/served-click-features.js';
import { runPipeline, type RunPipelineOptions } from '../../runners/testing/index.js';
import { decision } from '../fixtures/decision-records.js';
import { type PlantedSkew, servedLog } from '../fixtures/served-log.js';

const served = { ...servedClickFeatures, share: 0.5 };
const job = featureSkew(served);

async function found(log: ReturnType<typeof servedLog>, options: RunPipelineOptions = {}) {
  const run = await runPipeline(job, { ...options, inputs: { 'labelled-clicks': log.clicks, decisions: log.decisions } });
  expect(run.warnings).toEqual([]);
  return { run, findings: run.values(driftFindings), lines: run.values(featureConsistency) };
}

const logOf = (seed: number, skew: PlantedSkew = {}) => servedLog({ seed, events: 5_000, hours: 3, every: 3, skew });
const sums = (lines: readonly { readonly feature: string; readonly compared: number; readonly mismatch: number }[]) => lines.reduce((sum, { compared, mismatch }) => ({ compared: sum.compared + compared, mismatch: sum.mismatch + mismatch }), { compared: 0, mismatch: 0 });

describe('feature-skew', () => {
  test('accuses none of the features of a sound log', { timeout: 600_000 }, async () => {
    const seeds = process.env['HEADRACE_FAULTS'] === 'long' ? 30 : 1;
    let [intervals, accused, compared, differing] = [0, 0, 0, 0];
    for (let seed = 1; seed <= seeds; seed++) {
      const { findings, lines } = await found(logOf(seed));
      accused += findings.length;
      intervals += lines.length;
      const { compared: n, mismatch } = sums(lines);
      compared += n;
      differing += mismatch;
      expect(lines.filter(({ missing, extra, stale }) => missing + extra + stale > 0)).toEqual([]);
    }
    console.info(`${accused} findings in ${intervals} lines of ${seeds} logs; ${differing} of ${compared} values differ`);
    expect(accused).toBe(0);
    expect(compared).toBeGreaterThan(3_000 * seeds);
    expect(differing / compared).toBeLessThan(0.01);
  });

  test('finds the feature with another window, the one from a cache and the one that is missing, and no other', async () => {
    const { findings, lines, run } = await found(logOf(3, { otherWindow: true, cachedMs: 7_200_000, missing: 0.1 }));
    const kinds = new Set(findings.map(({ kind, subject }) => `${kind} ${subject}`));
    expect([...kinds].sort()).toEqual(['FEATURE_MISSING user_skip_rate_7d', 'FEATURE_SKEWED item_ctr_24h', 'FEATURE_SKEWED user_clicks_24h']);
    expect(findings.every(({ model, value, limit }) => model === 'ranking-head' && value > limit)).toBe(true);
    const missing = lines.filter(({ feature }) => feature === 'user_skip_rate_7d').reduce((sum, line) => ({ missing: sum.missing + line.missing, all: sum.all + line.served }), { missing: 0, all: 0 });
    expect(missing.missing / missing.all).toBeGreaterThan(0.06);
    expect(missing.missing / missing.all).toBeLessThan(0.14);
    expect(run.metric('headrace_feature_mismatch_ratio', 'ranking-head/item/item_ctr_24h')).toBeGreaterThan(0.3);
    expect(run.metric('headrace_feature_smape', 'ranking-head/item/item_share_rate_7d')).toBeLessThan(0.01);
    expect(run.metric('headrace_feature_missing_ratio', 'ranking-head/user/user_clicks_24h')).toBe(0);
  });

  test('finds look-ups that know nothing of the last minutes, and does not compare their values', async () => {
    const { findings, lines, run } = await found(logOf(4, { oldItemsMs: 20 * 60_000 }));
    expect(new Set(findings.map(({ kind, subject }) => `${kind} ${subject}`))).toEqual(new Set(['FEATURE_STALE item']));
    const items = lines.filter(({ set }) => set === 'item');
    expect(items.every(({ feature, stale, served: n, ageP50 }) => feature === '' && stale === n && Math.abs(ageP50! - 20 * 60_000) < 20_000)).toBe(true);
    expect(run.metric('headrace_feature_age_ms', 'ranking-head/item')).toBeGreaterThan(19 * 60_000);
    expect(run.metric('headrace_feature_age_ms', 'ranking-head/user')).toBeLessThan(5_000);
  });

  test('says the same however the run is cut', async () => {
    const log = servedLog({ seed: 5, events: 2_000, hours: 2, every: 5, skew: { otherWindow: true } });
    const whole = await found(log);
    const cut = await found(log, { stepRows: 64, commitMs: 0, restarts: { seed: 1, share: 0.1 } });
    expect(cut.lines).toEqual(whole.lines);
    expect(cut.findings).toEqual(whole.findings);
  });
});

test('a share is told when it lies above its limit by more than chance explains', () => {
  const line = { model: 'm', set: 'user', feature: 'f', start: 0, end: 1, served: 1_000, compared: 1_000, mismatch: 0, missing: 0, extra: 0, stale: 0, smape: 0, ageP50: null, ageP90: null, ageP99: null };
  const kinds = (change: Partial<typeof line>) => skewFindings(served, { ...line, ...change }).map(({ kind }) => kind);
  expect(kinds({})).toEqual([]);
  expect(kinds({ mismatch: 33 })).toEqual([]);
  expect(kinds({ mismatch: 34 })).toEqual(['FEATURE_SKEWED']);
  expect(kinds({ compared: 99, mismatch: 99 })).toEqual([]);
  expect(kinds({ smape: 0.05 })).toEqual(['FEATURE_SKEWED']);
  expect(kinds({ missing: 30 })).toEqual(['FEATURE_MISSING']);
  expect(kinds({ extra: 60 })).toEqual(['FEATURE_SKEWED']);
});

describe('servedFeatures', () => {
  const options: ServedFeaturesOptions = { model: 'm', layout: { context: ['a'], candidate: ['score', 'ctr'] }, sets: [{ set: userFeatures, of: 'user', features: { a: 'clicks_24h{Comedy}' } }, { set: itemFeatures, of: 'item', features: { ctr: 'ctr_24h' } }] };

  test.each<[string, Partial<ServedFeaturesOptions>, string]>([
    ['a feature that the set does not have', { sets: [{ set: userFeatures, of: 'user', features: { a: 'clicks_2h' } }] }, 'HR_FEATURE'],
    ['a name that is not logged', { sets: [{ set: userFeatures, of: 'user', features: { ctr: 'clicks_24h' } }] }, 'HR_ARGUMENT'],
    ['a share of nothing', { share: 0 }, 'HR_ARGUMENT'],
    ['a limit of all', { limits: { mismatch: 1 } }, 'HR_ARGUMENT'],
  ])('refuses %s', (_, change, code) => {
    expect(() => servedFeatures({ ...options, ...change })).toThrow(expect.objectContaining({ code }) as HeadraceError);
  });

  test('reads what a decision has logged: of its user, and of each item that it shows', () => {
    const plan = servedFeatures(options);
    const made = { ...decision('d', 5_000, 3), context: { a: 3 }, featureTimes: { user: 4_900 } };
    const shown = { ...made, candidates: made.candidates.map((c, i) => ({ ...c, itemId: i === 2 ? 'a' : c.itemId, features: [1, i === 1 ? Number.NaN : 0.5] })) };
    expect(servedValues(plan, plan.sets[0]!, shown)).toEqual([{ entity: 'u-d', time: 5_000, newest: 4_900, values: [3] }]);
    expect(servedValues(plan, plan.sets[1]!, shown)).toEqual([{ entity: 'a', time: 5_000, newest: null, values: [0.5] }, { entity: 'b', time: 5_000, newest: null, values: [null] }]);
    expect(servedValues(plan, plan.sets[0]!, { ...shown, context: {} })[0]!.values).toEqual([null]);
    expect(() => servedValues(plan, plan.sets[1]!, made)).toThrow(expect.objectContaining({ code: 'HR_EXAMPLES' }) as HeadraceError);
    expect(servedValues({ ...plan, since: 6_000 }, plan.sets[0]!, shown)).toEqual([]);
  });
});
