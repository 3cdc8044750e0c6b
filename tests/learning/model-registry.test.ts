import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
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

describe('pruning', () => {
  /** Versions 1 to `count`, each champion once but for every third one, which stays a candidate or was rejected. */
  const withVersions = async (count: number) => {
    const set = setUp();
    const models = await set.open();
    for (let v = 1; v <= count; v++) {
      await models.register('head', { artefact: bytes(v === 4 ? 'same as 8' : v === 8 ? 'same as 8' : `head ${v}`), ...(v % 6 === 0 ? { verdict: verdict(true) } : {}) });
      if (v % 3 !== 0) await models.promote('head', v, 'champion');
    }
    return { ...set, models };
  };

  test('keeps the newest, the champions to go back to, and all that serves or is on its way', async () => {
    const { models, open, artefacts } = await withVersions(14);
    const keep = { versions: 3, champions: 2 };
    const chosen = models.prunable('head', keep).map((v) => v.version);
    // 14 serves; 12 to 14 are the newest, 13 and 11 were champion before; 3 and 9 are candidates
    expect(chosen).toEqual([1, 2, 4, 5, 6, 7, 8, 10]);
    expect((await models.prune('head', keep)).map((v) => v.version)).toEqual(chosen);
    for (const { version, artefact, isPruned } of models.list('head')) {
      expect(isPruned).toBe(chosen.includes(version));
      if (isPruned) await expect(artefacts.get(artefact)).rejects.toThrow(expect.objectContaining({ code: 'HR_MODEL_CORRUPT' }));
      else await artefacts.get(artefact);
    }
    await expect(models.promote('head', 7, 'champion')).rejects.toThrow('its artefact was deleted');
    expect(await models.prune('head', keep)).toEqual([]);
    expect((await open()).list('head')).toEqual(models.list('head'));
    expect(await models.rollback('head', 'x')).toMatchObject({ version: 13 });
  });

  test('leaves bytes that another version has, and finishes what a process that died had told', async () => {
    const { models, open, artefacts } = await withVersions(8);
    await models.prune('head', { versions: 1, champions: 1 });
    // 4 is gone by its events, but its bytes are those of 8, which serves
    expect(models.get('head', 4).isPruned).toBe(true);
    expect(Buffer.from(await artefacts.get(models.get('head', 8).artefact)).toString()).toBe('same as 8');
    const left = await artefacts.put(bytes('head 1'));
    await (await open()).prune('head', { versions: 1, champions: 1 });
    await expect(artefacts.get(left)).rejects.toThrow();
  });

  test('refuses numbers that are none', async () => {
    const { models } = await withVersions(1);
    for (const keep of [{ versions: -1 }, { champions: 0.5 }]) expect(() => models.prunable('head', keep)).toThrow(expect.objectContaining({ code: 'HR_MODEL' }));
  });
});
