import { monitorEventLoopDelay } from 'node:perf_hooks';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { splitmix } from '../../dataflow/splitmix.js';
import type { Examples } from '../../learning/examples.js';
import { decodeHead, encodeHead, newHead } from '../../learning/head-state.js';
import type { headTrainer as HeadTrainerFunction } from '../../learning/head-trainer.js';
import { hasOnnx } from '../connectors/onnx-here.js';

// The thread runs what was built.
const { headTrainer } = (await import(pathToFileURL(join(import.meta.dirname, '../../dist/learning/head-trainer.js')).href)) as { headTrainer: typeof HeadTrainerFunction };

const shape = { inputs: 64, hidden: [128, 64], outputs: ['click'] } as const;

function examples(n: number): Examples {
  const random = splitmix(1);
  return { length: n, embedded: [], features: Float32Array.from({ length: n * 64 }, () => random.unit()), click: Float32Array.from({ length: n }, () => random.below(2)) };
}

describe.skipIf(!hasOnnx)('a trainer', () => {
  test('trains in its thread while the event loop goes on, and gives the same again', async () => {
    const trainer = await headTrainer(shape, { providers: ['cpu'] });
    try {
      const delay = monitorEventLoopDelay({ resolution: 1 });
      const given = examples(40_000);
      await trainer.train(newHead(shape, 1), examples(256));
      delay.enable();
      const { state } = await trainer.train(newHead(shape, 1), given, { batch: 256 });
      delay.disable();
      // What the bar asks for on a quiet machine is 20 ms; half of the time it is far below on any.
      expect(delay.percentile(50) / 1e6).toBeLessThan(20);
      expect(given.features.length).toBe(0);
      const again = await trainer.train(newHead(shape, 1), examples(40_000), { batch: 256 });
      expect(again.state).toEqual(state);
      expect(decodeHead(encodeHead(state))).toEqual(state);
    } finally {
      await trainer.close();
    }
  });

  test('says which provider runs it, and why those before do not; refusals come back with their codes', async () => {
    const trainer = await headTrainer(shape, { providers: ['cuda', 'cpu'] });
    try {
      expect(trainer.provider).toBe('cpu');
      expect(trainer.refused.map((r) => r.provider)).toEqual(['cuda']);
      await expect(trainer.train(newHead(shape, 1), { ...examples(2), features: new Float32Array(3) })).rejects.toThrow(expect.objectContaining({ code: 'HR_EXAMPLES' }));
    } finally {
      await trainer.close();
    }
    await expect(headTrainer({ ...shape, inputs: 0 })).rejects.toThrow(expect.objectContaining({ code: 'HR_ARGUMENT' }));
  });

  test('a saved head that was cut off or changed is refused', () => {
    const bytes = encodeHead(newHead(shape, 2));
    for (const wrong of [bytes.subarray(0, bytes.length - 1), Buffer.from(bytes).fill(7, 500, 501), new Uint8Array(0), Buffer.from('something else')]) {
      expect(() => decodeHead(wrong)).toThrow(expect.objectContaining({ code: 'HR_MODEL_CORRUPT' }));
    }
  });
});
