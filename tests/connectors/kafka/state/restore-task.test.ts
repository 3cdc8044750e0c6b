import { expect, test } from 'vitest';
import { changelogBlock } from '../../../../connectors/kafka/state/changelog.js';
import type { KafkaClient } from '../../../../connectors/kafka/kafka-client.js';
import { restoreTask } from '../../../../connectors/kafka/state/restore-task.js';
import type { CopyChange } from '../../../../connectors/kafka/state/state-copy.js';
import type { StateWrite } from '../../../../dataflow/ports/log-client.js';
import { memoryCopy } from '../../../simulation/memory-copy.js';

const at = { pipeline: 'p', task: 0 };
const keyOf = (i: number) => Buffer.from(`k${String(i).padStart(6, '0')}`);
const writesOf = (epoch: number, from: number, to: number): StateWrite[] => Array.from({ length: to - from }, (_, i) => ({ step: 's', key: keyOf(from + i), value: Buffer.from(`${epoch}`) }));

/** Restores from a changelog of these epochs, one block each. Gives what was applied at once, and what else the process did meanwhile. */
async function restore(epochs: readonly (readonly StateWrite[])[]) {
  const blocks = epochs.map((writes, i) => ({ ...changelogBlock(i + 1, writes, 0)! }));
  let turns = 0;
  const client = {
    clock: { now: () => 0, wait: async () => void turns++ },
    reader: {
      bounds: async () => ({ start: 0, end: blocks.length }),
      async *all() {
        for (const [i, block] of blocks.entries()) yield { ...block, baseOffset: 10 * i };
      },
    },
  } as unknown as KafkaClient;
  const copy = memoryCopy(new Map(), 'd', 'i', 1);
  const applied: { readonly writes: number; readonly bytes: number; readonly turn: number; readonly epoch: number }[] = [];
  const apply = (changes: readonly CopyChange[]): void => {
    for (const { writes, point } of changes) {
      const sizes = Array.from(writes, ({ key, value }) => key.length + (value?.length ?? 0));
      applied.push({ writes: sizes.length, bytes: sizes.reduce((a, b) => a + b, 0), turn: turns, epoch: point.epoch });
    }
    copy.apply(changes);
  };
  await restoreTask(client, at, { ...copy, apply }, { epoch: epochs.length, changelogFrom: 0 }, 'owner');
  copy.hold([0]);
  return { copy, applied, found: [...copy.state.of(0).range('p', 's', new Uint8Array(0))].map(({ key, value }) => `${Buffer.from(key).toString()}=${Buffer.from(value).toString()}`) };
}

test('a long epoch is applied in slices, and other work comes between any two of them', async () => {
  const { applied, found, copy } = await restore([writesOf(1, 0, 10_000), [{ step: 's', key: keyOf(3), value: null }]]);
  expect(found).toHaveLength(9_999);
  expect(applied.length).toBeGreaterThan(4);
  for (const { writes } of applied) expect(writes).toBeLessThanOrEqual(2_048);
  expect(applied.map(({ turn }) => turn)).toEqual(applied.map((_, i) => i));
  // until all is there the copy says that it has nothing
  expect(applied.map(({ epoch }) => epoch)).toEqual(applied.map((_, i) => (i === applied.length - 1 ? 2 : 0)));
  expect(copy.point(0)?.epoch).toBe(2);
});

test('slices are bounded by size as well', async () => {
  const { applied, found } = await restore([Array.from({ length: 40 }, (_, i) => ({ step: 's', key: keyOf(i), value: Buffer.alloc(50_000, i) }))]);
  expect(found).toHaveLength(40);
  for (const { bytes } of applied) expect(bytes).toBeLessThan(400_000);
});

test('many short epochs are applied together, the later ones over the earlier ones', async () => {
  const { applied, found } = await restore(Array.from({ length: 500 }, (_, epoch) => writesOf(epoch + 1, epoch % 7, (epoch % 7) + 3)));
  expect(applied.length).toBeLessThanOrEqual(2);
  expect(found).toEqual(Array.from({ length: 9 }, (_, key) => `${keyOf(key).toString()}=${Math.max(...Array.from({ length: 500 }, (_, epoch) => (key >= epoch % 7 && key < (epoch % 7) + 3 ? epoch + 1 : 0)))}`));
});
