import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openEmbedded } from '../../../connectors/embedded/embedded-runtime.js';
import { openModelRegistry } from '../../../learning/model-registry.js';
import { headrace, workplace } from './headrace-process.js';

async function withModels(): Promise<string> {
  const cwd = workplace();
  const dataDir = join(cwd, '.headrace');
  const runtime = openEmbedded({ dataDir, mode: 'write' });
  const models = await openModelRegistry({ ...runtime, clock: { now: () => Date.UTC(2026, 10, 1) } });
  await models.register('head', { artefact: Buffer.from('one'), metrics: { auc: 0.7, ne: 0.91 }, inputs: { 'logged-decisions/0': 1_700 } });
  await models.register('head', { artefact: Buffer.from('two'), parent: 1, metrics: { auc: 0.72 } });
  await models.register('head', { artefact: Buffer.from('bad'), parent: 1, verdict: { verdict: 'rejected', checks: [{ name: 'slope', value: 0.5, limit: 'from 0.8 to 1.25', verdict: 'rejected', why: '0.500, standard error 0.010' }] } });
  await runtime.close();
  return cwd;
}

test('versions are listed, shown, compared, promoted and rolled back', async () => {
  const cwd = await withModels();
  expect((await headrace(['models', 'list'], { cwd })).stdout.split('\n').slice(2, 5).map((line) => line.split(/ +/).slice(0, 4))).toEqual([['head', '1', 'candidate', '-'], ['head', '2', 'candidate', '1'], ['head', '3', 'rejected', '1']]);
  expect((await headrace(['models', 'promote', 'head', '1', 'champion'], { cwd })).stdout).toContain('head 1: champion, since');
  expect((await headrace(['models', 'promote', 'head', '2', 'canary', '--share', '0.05'], { cwd })).stdout).toContain('canary, 5 % of the traffic');
  expect((await headrace(['models', 'promote', 'head', '2', 'champion', '--reason', 'better'], { cwd })).stdout).toContain('(better)');
  expect((await headrace(['models', 'rollback', 'head', '--reason', 'clicks fell', '--json'], { cwd })).json()).toEqual([expect.objectContaining({ version: 1, stage: 'champion', reason: 'clicks fell' })]);
  expect((await headrace(['models', 'show', 'head', '3'], { cwd })).stdout).toContain('    rejected slope: 0.500, standard error 0.010 (from 0.8 to 1.25)');
  expect((await headrace(['models', 'diff', 'head', '1', '2', '--json'], { cwd })).json()).toEqual([{ model: 'head', from: 1, to: 2, stages: { from: 'champion', to: 'retired' }, sameArtefact: false, metrics: { auc: { from: 0.7, to: 0.72 }, ne: { from: 0.91, to: null } } }]);
  expect((await headrace(['topic', 'read', 'models', '--json'], { cwd })).json().length).toBe(9);
});

test('old artefacts are deleted, and said before with --dry-run', async () => {
  const cwd = await withModels();
  await headrace(['models', 'promote', 'head', '1', 'retired'], { cwd });
  const words = ['models', 'prune', 'head', '--keep', '0', '--champions', '0'];
  expect((await headrace([...words, '--dry-run'], { cwd })).stdout).toBe('would delete the artefacts of 2 versions, 6 bytes: 1, 3\n');
  expect((await headrace([...words, '--json'], { cwd })).json()).toEqual([{ model: 'head', versions: [1, 3], bytes: 6, deleted: true }]);
  expect((await headrace(words, { cwd })).stdout).toBe('nothing to delete\n');
  expect((await headrace(['models', 'show', 'head', '1'], { cwd })).stdout).toContain('its artefact was deleted');
  const kinds = ((await headrace(['topic', 'read', 'models', '--json'], { cwd })).json() as { value: { kind: string; version: number } }[]).map(({ value }) => `${value.kind} ${value.version}`);
  expect(kinds.slice(-2)).toEqual(['PRUNED 1', 'PRUNED 3']);
});

test.each([
  [['models', 'prune', 'heat'], 1, 'There is no model "heat"'],
  [['models', 'show', 'heat', '1'], 1, 'There is no model "heat"; there are head. Did you mean head?'],
  [['models', 'show', 'head', '9'], 1, 'There is no version 9 of head; it has 3.'],
  [['models', 'show', 'head', 'x'], 2, '"x" is no version'],
  [['models', 'promote', 'head', '3', 'champion'], 1, 'The gate rejected it: slope'],
  [['models', 'promote', 'head', '1', 'champ'], 2, '"champ" is no stage'],
  [['models', 'promote', 'head', '1', 'canary'], 1, 'A canary needs its share'],
  [['models', 'rollback', 'head'], 1, 'head has no champion before the present one.'],
  [['models', 'promote', 'head'], 2, 'This is called as headrace models promote MODEL VERSION STAGE'],
  [['models', 'lst'], 2, 'There is no `models lst`'],
])('%j is refused', async (words, code, message) => {
  const ended = await headrace(words, { cwd: await withModels() });
  expect(ended.stderr).toContain(message);
  expect(ended.code).toBe(code);
});
