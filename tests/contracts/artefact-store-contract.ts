import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { ArtefactStore } from '../../dataflow/ports/artefact-store.js';
import { openModelRegistry } from '../../learning/model-registry.js';
import { memoryRuntime } from '../../runners/testing/index.js';

/** Some bytes that are not all alike. */
export const bytesOf = (n: number, seed: number) => Uint8Array.from({ length: n }, (_, i) => (i * 31 + seed + (i >> 8)) & 255);
const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** What every store of artefacts does. @param open a store that is empty, and one on another machine that shares with it what both can share */
export function artefactStoreContract(name: string, open: () => Promise<{ readonly store: ArtefactStore; readonly other: ArtefactStore }>): void {
  describe(`${name} as a store of artefacts`, () => {
    test('gives back what was put, by its hash, whatever its size', async () => {
      const { store, other } = await open();
      for (const bytes of [bytesOf(0, 1), bytesOf(10, 2), bytesOf((512 << 10) + 3, 3)]) {
        const digest = await store.put(bytes);
        expect(digest).toBe(digestOf(bytes));
        expect(await store.put(bytes)).toBe(digest);
        for (const reader of [store, other]) expect(Buffer.compare(await reader.get(digest), bytes)).toBe(0);
      }
    });

    test('keeps what it was given, and what it gives is the caller’s', async () => {
      const { store } = await open();
      const given = Buffer.from(bytesOf(100, 4));
      const digest = await store.put(given);
      given.fill(0);
      Buffer.from((await store.get(digest)).buffer).fill(0);
      expect(Buffer.compare(await store.get(digest), bytesOf(100, 4))).toBe(0);
    });

    test('refuses what was never put, and what is no hash', async () => {
      const { store } = await open();
      for (const wrong of ['f'.repeat(64), '../../etc/passwd', '']) await expect(store.get(wrong)).rejects.toThrow(expect.objectContaining({ code: 'HR_MODEL_CORRUPT' }));
    });

    test('forgets what is deleted, and only that; it can be put again', async () => {
      const { store } = await open();
      const [one, two] = [await store.put(bytesOf(100, 1)), await store.put(bytesOf(100, 2))];
      await store.delete(one);
      await store.delete(one);
      await store.delete('e'.repeat(64));
      await store.delete('../../etc/passwd');
      await expect(store.get(one)).rejects.toThrow(expect.objectContaining({ code: 'HR_MODEL_CORRUPT' }));
      expect(Buffer.compare(await store.get(two), bytesOf(100, 2))).toBe(0);
      await store.put(bytesOf(100, 1));
      expect(Buffer.compare(await store.get(one), bytesOf(100, 1))).toBe(0);
    });

    test('carries a registry: versions, a rollback, and pruning', async () => {
      const { store } = await open();
      let now = 1;
      const models = await openModelRegistry({ ...memoryRuntime(), artefacts: store, clock: { now: () => now++ } });
      for (let v = 1; v <= 6; v++) {
        await models.register('head', { artefact: bytesOf(50, v), parent: v === 1 ? null : v - 1 });
        await models.promote('head', v, 'champion');
      }
      expect((await models.prune('head', { versions: 2, champions: 2 })).map((v) => v.version)).toEqual([1, 2, 3]);
      await expect(models.artefact(models.get('head', 3))).rejects.toThrow(expect.objectContaining({ code: 'HR_MODEL_CORRUPT' }));
      expect(Buffer.compare(await models.artefact(await models.rollback('head', 'x')), bytesOf(50, 5))).toBe(0);
    });
  });
}
