import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openEmbedded } from '../../../connectors/embedded/embedded-runtime.js';
import { hasOnnx } from '../../connectors/onnx-here.js';
import { headrace, workplace } from './headrace-process.js';
import { withDecisions } from './with-decisions.js';

const plan = `import { headPlan } from 'headrace/learning';
export default headPlan({ model: 'mine', layout: { context: ['load'], candidate: ['score', 'taste', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] }, hidden: [16], training: { batch: 64, epochs: 3, learningRate: 0.002 }, gate: { leastClicks: 25 } });
`;

describe.skipIf(!hasOnnx)('headrace train head', () => {
  test('registers what stands at the end of a stretch as a candidate, the same each time', { timeout: 60_000 }, async () => {
    const cwd = await withDecisions(plan);
    const first = (await headrace(['train', 'head', '--plan', 'plan.ts', '--json'], { cwd })).json() as { readonly artefact?: string; readonly stage?: string; readonly verdict?: string }[];
    expect(first.length).toBe(4);
    expect(first.at(-1)).toMatchObject({ model: 'mine', version: 1, stage: 'candidate' });
    const dry = await headrace(['train', 'head', '--plan', 'plan.ts', '--dry-run'], { cwd });
    expect(dry.stdout).toContain(`artefact ${first.at(-1)!.artefact}, registered nowhere`);
    expect((await headrace(['models', 'list', 'mine', '--json'], { cwd })).json().length).toBe(1);
    const part = (await headrace(['train', 'head', '--plan', 'plan.ts', '--from', '2026-01-05T13:00:00Z', '--to', '2026-01-05T14:00:00Z', '--json', '--dry-run'], { cwd })).json() as { readonly start?: number }[];
    expect(part.filter((line) => line.start !== undefined).map((line) => line.start)).toEqual([Date.UTC(2026, 0, 5, 13)]);
    const nothing = await headrace(['train', 'head', '--plan', 'plan.ts', '--to', '2020-01-01'], { cwd });
    expect([nothing.code, nothing.stderr]).toEqual([1, expect.stringContaining('HR_EXAMPLES  There are no examples in that stretch of time.')]);
  });
});

test.each([
  [['train', 'haed'], 2, 'There is no training of "haed"; there are head and base. Did you mean head?'],
  [['train', 'head', '--from', '2026-01-02', '--to', '2026-01-01'], 2, '--from is not before --to.'],
  [['train', 'head', '--plan', 'plan.mjs'], 1, 'HR_ARGUMENT  plan.mjs has no such plan as its default export.'],
  [['train', 'head'], 1, 'HR_TOPIC_MISSING'],
  [['models', 'report', 'head'], 2, 'Say where the report goes'],
  [['models', 'report', 'head', '--html', 'r.html'], 1, 'There are no intervals of head in that time.'],
])('headrace %s is answered with what to do', async (words, code, message) => {
  const cwd = workplace();
  mkdirSync(join(cwd, '.headrace'));
  await openEmbedded({ dataDir: join(cwd, '.headrace'), mode: 'write' }).close();
  writeFileSync(join(cwd, 'plan.mjs'), 'export default 7;\n');
  const ended = await headrace(words, { cwd });
  expect([ended.code, ended.stderr]).toEqual([code, expect.stringContaining(message)]);
});

test('the report shows what candidates are worth as policies, and features as they were served', async () => {
  const { trainingReport } = await import('../../../serving/training-report.js');
  const { reportMarkdown } = await import('../../../serving/report-markdown.js');
  const at = Date.UTC(2026, 0, 5);
  const interval = { model: 'head', start: at, end: at + 3_600_000, examples: 1_000, clicks: 200, champion: 1, auc: 0.7, entropy: 0.9, calibration: 1.02, candidate: 2, candidateAuc: 0.71, candidateEntropy: 0.89, candidateCalibration: 1, learned: 900, replayed: 180, verdict: 'PASSED', rows: 'LEARNED', movedInputs: {}, reason: '' } as const;
  const version = { model: 'head', version: 2, stage: 'champion', share: 0, artefact: 'a'.repeat(64), bytes: 3, isPruned: false, parent: 1, metrics: {}, inputs: {}, registered: at + 3_600_000, staged: at + 3_600_000, reason: '' } as const;
  const check = { name: 'policy value', value: 0.02, limit: '', verdict: 'passed', why: '', interval: { low: -0.01, high: 0.05 } } as const;
  const line = { model: 'head', set: 'user', feature: 'clicks', start: at, end: at + 3_600_000, served: 100, compared: 90, mismatch: 9, missing: 10, extra: 0, stale: 0, smape: 0.03, ageP50: null, ageP90: null, ageP99: null };
  const consistency = [line, { ...line, end: at + 7_200_000, mismatch: 0 }, { ...line, feature: '', ageP50: 4_000, ageP90: 9_000, ageP99: 12_000 }];
  const facts = { model: 'head', intervals: [interval], findings: [] };
  const page = reportMarkdown(trainingReport({ ...facts, versions: [{ ...version, verdict: { verdict: 'passed', checks: [check] } }], consistency }));
  expect(page).toContain('Value as a policy');
  expect(page).toMatch(/clicks *\| *user *\| *180 *\| *5\.00 % *\| *10\.00 % *\| *0\.0300/);
  expect(page).toContain('Freshness of features');
  const plain = reportMarkdown(trainingReport({ ...facts, versions: [{ ...version, verdict: null }] }));
  expect(plain).not.toMatch(/Value as a policy|as they were served|Freshness/);
});

test('the report of a stretch stands alone as a page', async () => {
  const { trainingReport } = await import('../../../serving/training-report.js');
  const { reportPage } = await import('../../../serving/report-page.js');
  const at = Date.UTC(2026, 0, 5);
  const interval = { model: 'head', start: at, end: at + 3_600_000, examples: 1_000, clicks: 200, champion: 1, auc: 0.7, entropy: 0.9, calibration: 1.02, candidate: 2, candidateAuc: 0.71, candidateEntropy: 0.89, candidateCalibration: 1, learned: 900, replayed: 180, verdict: 'REJECTED', rows: 'DROPPED', movedInputs: {}, reason: 'slope: 0.5 <b>; calibration: 1.4' } as const;
  const page = reportPage(trainingReport({ model: 'head', intervals: [interval], versions: [], findings: [{ model: 'head', time: at, kind: 'INPUT_MOVED', subject: 'age', value: 0.5, limit: 0.25, message: 'age has moved' }] }));
  expect(page).toContain('No candidate has passed the gate yet');
  expect(page).toContain('slope: 0.5 &lt;b&gt;; calibration: 1.4');
  expect(page).toContain('age has moved');
  expect(page).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)/);
});
