import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { embeddedArtefacts } from '../../connectors/embedded/embedded-artefacts.js';
import type { GateVerdict } from '../../learning/gate.js';
import { type ModelRegistry, type ModelStage, openModelRegistry } from '../../learning/model-registry.js';
import { memoryRuntime } from '../../runners/testing/index.js';
import { temporaryDirectory } from '../connectors/embedded/temporary-directory.js';

const setUp = () => {
  const { log, registry } = memoryRuntime();
  const dataDir = temporaryDirectory();
  const artefacts = embeddedArtefacts(dataDir);
  let now = 1_000;
  const open = () => openModelRegistry({ log, registry, artefacts, clock: { now: () => now++ } });
  return { open, dataDir, artefacts };
};

const bytes = (text: string) => Buffer.from(text);
const verdict = (rejects: boolean): GateVerdict => ({ verdict: rejects ? 'rejected' : 'passed', checks: [{ name: 'entropy', value: 0.1, limit: 'at most 0.01', verdict: rejects ? 'rejected' : 'passed', why: 'it is worse' }] });

test('a version goes from candidate to champion, retires the one before, and is rolled back', async () => {
  const { open } = setUp();
  const models = await open();
  const first = await models.register('head', { artefact: bytes('one'), metrics: { auc: 0.7 }, verdict: verdict(false), inputs: { 'logged-decisions/0': 17 } });
  expect(first).toMatchObject({ version: 1, stage: 'candidate', parent: null, metrics: { auc: 0.7 }, inputs: { 'logged-decisions/0': 17 }, bytes: 3 });
  await models.promote('head', 1, 'champion');
  await models.register('head', { artefact: bytes('two'), parent: 1 });
  await models.promote('head', 2, 'shadow');
  await models.promote('head', 2, 'canary', { share: 0.2 });
  await models.promote('head', 2, 'champion', { reason: 'better by 2 %' });
  expect(models.list('head').map((v) => v.stage)).toEqual(['retired', 'champion']);
  await models.rollback('head', 'guardrail: click rate');
  expect(models.champion('head')).toMatchObject({ version: 1, reason: 'guardrail: click rate' });
  expect(models.list('head').map((v) => v.stage)).toEqual(['champion', 'retired']);
  expect(Buffer.from(await models.artefact(models.champion('head')!)).toString()).toBe('one');
  const again = await open();
  expect(again.list('head')).toEqual(models.list('head'));
  expect(again.names()).toEqual(['head']);
});

test('what the gate rejects is registered with its reasons and cannot be promoted', async () => {
  const { open } = setUp();
  const models = await open();
  expect(await models.register('head', { artefact: bytes('bad'), verdict: verdict(true) })).toMatchObject({ stage: 'rejected', reason: 'entropy: it is worse' });
  await expect(models.promote('head', 1, 'champion')).rejects.toThrow('The gate rejected it: entropy: it is worse');
  await expect(models.rollback('head', '')).rejects.toThrow(expect.objectContaining({ code: 'HR_MODEL' }));
});

test('a canary gets its share of the keys, always the same ones', async () => {
  const { open } = setUp();
  const models = await open();
  for (const text of ['one', 'two']) await models.register('head', { artefact: bytes(text) });
  expect(models.serving('head', 'u1')).toBeUndefined();
  await models.promote('head', 1, 'champion');
  await models.promote('head', 2, 'canary', { share: 0.1 });
  const served = Array.from({ length: 10_000 }, (_, i) => models.serving('head', `u${i}`)!.version);
  const share = served.filter((v) => v === 2).length / 10_000;
  expect(Math.abs(share - 0.1)).toBeLessThan(4 * Math.sqrt((0.1 * 0.9) / 10_000));
  await models.promote('head', 2, 'canary', { share: 0.3 });
  // Whoever had the canary keeps it when it grows.
  served.forEach((v, i) => v === 2 && expect(models.serving('head', `u${i}`)!.version).toBe(2));
});

test('stages are refused from where they cannot come', async () => {
  const { open } = setUp();
  const models = await open();
  await models.register('head', { artefact: bytes('one') });
  for (const wrong of [() => models.promote('head', 2, 'champion'), () => models.promote('tail', 1, 'champion'), () => models.promote('head', 1, 'canary'), () => models.promote('head', 1, 'canary', { share: 1.5 }), () => models.register('../x', { artefact: bytes('') })]) {
    await expect(wrong()).rejects.toThrow(expect.objectContaining({ code: 'HR_MODEL' }));
  }
  await models.promote('head', 1, 'champion');
  await expect(models.promote('head', 1, 'shadow')).rejects.toThrow('cannot become shadow. From there it can become retired.');
});

test('at most one champion, whatever is asked for; another reader adds up the same', async () => {
  const step = fc.record({ register: fc.boolean(), version: fc.integer({ min: 1, max: 4 }), stage: fc.constantFrom<Exclude<ModelStage, 'candidate'>>('shadow', 'canary', 'champion', 'retired', 'rejected'), back: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
      const { open } = setUp();
      const models: ModelRegistry = await open();
      for (const { register, version, stage, back } of steps) {
        const call = register ? models.register('head', { artefact: bytes(stage) }) : back ? models.rollback('head', '') : models.promote('head', version, stage, { share: 0.5 });
        await call.catch((error: { code?: string }) => expect(error.code).toBe('HR_MODEL'));
        expect(models.list('head').filter((v) => v.stage === 'champion').length).toBeLessThanOrEqual(1);
      }
      expect((await open()).list('head')).toEqual(models.list('head'));
    }),
    { numRuns: 40 },
  );
});

test('an artefact that was changed on the disk is refused; a partial file is none', async () => {
  const { artefacts, dataDir } = setUp();
  const digest = await artefacts.put(bytes('one'));
  expect(await artefacts.put(bytes('one'))).toBe(digest);
  expect(readdirSync(join(dataDir, 'artefacts'))).toEqual([digest]);
  writeFileSync(join(dataDir, 'artefacts', digest), 'two');
  for (const wrong of [digest, 'f'.repeat(64), '../../etc/passwd']) await expect(artefacts.get(wrong)).rejects.toThrow(expect.objectContaining({ code: 'HR_MODEL_CORRUPT' }));
});
