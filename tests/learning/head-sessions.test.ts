import { describe, expect, test } from 'vitest';
import { onnxRuntime } from '../../connectors/onnx/onnx-runtime.js';
import { splitmix } from '../../dataflow/splitmix.js';
import { adamSchedule } from '../../learning/adam-schedule.js';
import type { Examples } from '../../learning/examples.js';
import { trainingModel } from '../../learning/head-graphs.js';
import { type HeadSessions, openHeadSessions } from '../../learning/head-sessions.js';
import { type HeadShape, parameterLayout } from '../../learning/head-shape.js';
import { newHead } from '../../learning/head-state.js';
import { hasOnnx } from '../connectors/onnx-here.js';
import { hasShared, sharedJson } from '../evaluation/shared-files.js';

const withSessions = async <R>(shape: HeadShape, use: (sessions: HeadSessions) => Promise<R>, options: Parameters<typeof openHeadSessions>[1] = {}): Promise<R> => {
  const sessions = await openHeadSessions(shape, { providers: ['cpu'], ...options });
  try {
    return await use(sessions);
  } finally {
    await sessions.close();
  }
};

/** Examples of a rule that a small head can learn. */
function madeUp(n: number, inputs: number, seed: number): Examples {
  const random = splitmix(seed);
  const features = Float32Array.from({ length: n * inputs }, () => 2 * random.unit() - 1);
  return { length: n, embedded: [], features, click: Float32Array.from({ length: n }, (_, i) => (features[i * inputs]! + features[i * inputs + 1]! * features[i * inputs + 2]! > 0.1 ? 1 : 0)) };
}

interface Reference {
  readonly float64: { readonly losses: Readonly<Record<string, number>>; readonly first_gradient_sums: readonly number[]; readonly weights: readonly (readonly number[] | readonly (readonly number[])[])[] };
}

describe.skipIf(!hasOnnx)('a head', () => {
  const shape: HeadShape = { inputs: 24, hidden: [16, 8], outputs: ['click'] };

  test.skipIf(!hasShared('fixtures/mlp-adam-reference.json'))('is after 1,000 steps what a reference in float64 is', async () => {
    const { float64 } = sharedJson<Reference>('fixtures/mlp-adam-reference.json');
    const n = 64_000;
    const features = new Float32Array(n * 24);
    const click = new Float32Array(n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < 24; j++) features[i * 24 + j] = Math.sin(0.37 * i + 1.7 * j);
      click[i] = Math.sin(0.11 * i) + 0.3 * Math.sin(0.37 * i) - 0.2 * Math.sin(0.37 * i + 1.7 * 5) > 0.2 ? 1 : 0;
    }
    const { blocks, size } = parameterLayout(shape);
    const parameters = new Float32Array(size);
    for (const { layer, kind, dims, from, length } of blocks) {
      if (kind === 'biases') continue;
      for (let k = 0; k < length; k++) parameters[from + k] = Math.sin(1 + 3 * layer + 0.7 * Math.floor(k / dims[1]!) + 1.3 * (k % dims[1]!)) * Math.sqrt(2 / dims[0]!);
    }
    const { state, losses } = await withSessions(shape, (s) => s.train({ shape, step: 0, parameters, first: new Float32Array(size), second: new Float32Array(size) }, { length: n, embedded: [], features, click }, { batch: 64 }));
    for (const [step, loss] of Object.entries(float64.losses)) expect(losses[Number(step)], step).toBeCloseTo(loss, 5);
    const expected = float64.weights.flat(2);
    expect(state.parameters.length).toBe(expected.length);
    const off = expected.reduce((most, w, k) => Math.max(most, Math.abs(w - state.parameters[k]!)), 0);
    expect(off).toBeLessThan(1e-4);
    expect(state.step).toBe(1_000);
  });

  test.each([{ outputs: ['click'] as const, clipNorm: undefined }, { outputs: ['click', 'watch'] as const, clipNorm: undefined }, { outputs: ['click'] as const, clipNorm: 0.05 }])('gradients of $outputs are finite differences of the loss, to 1e-6 (norm at most $clipNorm)', async ({ outputs, clipNorm }) => {
    const shape: HeadShape = { inputs: 5, hidden: [7, 4], outputs };
    const { size } = parameterLayout(shape);
    const { InferenceSession, Tensor } = await onnxRuntime();
    const session = await InferenceSession.create(trainingModel(shape, { precision: 'float64', clipNorm }), { logSeverityLevel: 4 });
    const random = splitmix(4);
    const batch = 9;
    const numbers = (n: number, of: () => number) => Float64Array.from({ length: n }, of);
    const x = numbers(batch * 5, () => 2 * random.unit() - 1);
    const y = numbers(batch * outputs.length, () => Math.round(random.unit()));
    const weight = numbers(batch * outputs.length, () => random.below(3) / batch);
    const parameters = numbers(size, () => random.unit() - 0.4);
    const run = async (p: Float64Array) => {
      const tensor = (data: Float64Array, ...dims: number[]) => new Tensor('float64', data, dims);
      // With a rate of 0 and no moments before, the first moment afterwards is the gradient.
      return session.run({ x: tensor(x, 1, batch, 5), y: tensor(y, 1, batch, outputs.length), weight: tensor(weight, 1, batch, outputs.length), rate: tensor(new Float64Array(1), 1), epsilon: tensor(Float64Array.of(1), 1), parameters: tensor(p, size), first: tensor(new Float64Array(size), size), second: tensor(new Float64Array(size), size) });
    };
    const gradient = (await run(parameters)).first_after!.data as Float64Array;
    const differences = new Float64Array(size);
    for (let k = 0; k < size; k++) {
      const at = async (h: number) => ((await run(parameters.map((p, i) => (i === k ? p + h : p)))).losses!.data as Float64Array)[0]!;
      const h = 1e-5;
      differences[k] = (8 * ((await at(h)) - (await at(-h))) - ((await at(2 * h)) - (await at(-2 * h)))) / (12 * h);
    }
    const norm = Math.hypot(...differences);
    const factor = clipNorm === undefined ? 1 : Math.min(1, clipNorm / norm);
    for (let k = 0; k < size; k++) expect(Math.abs(gradient[k]! - factor * differences[k]!)).toBeLessThan(1e-6 * norm);
    if (clipNorm !== undefined) expect(factor).toBeLessThan(1);
    await session.release();
  });

  test('saved and gone on with is bit for bit what was never stopped, however steps are cut into calls', async () => {
    const examples = madeUp(4_000, 24, 1);
    const part = (from: number, to: number): Examples => ({ length: to - from, embedded: [], features: examples.features.slice(24 * from, 24 * to), click: examples.click.slice(from, to) });
    await withSessions(shape, async (s) => {
      const whole = await s.train(newHead(shape, 7), examples, { batch: 100, warmupSteps: 5, decaySteps: 30 });
      const half = await s.train(newHead(shape, 7), part(0, 1_700), { batch: 100, warmupSteps: 5, decaySteps: 30 });
      const rest = await s.train(half.state, part(1_700, 4_000), { batch: 100, warmupSteps: 5, decaySteps: 30 });
      expect(rest.state).toEqual(whole.state);
      expect([...half.losses, ...rest.losses]).toEqual([...whole.losses]);
    });
  });

  test('learns what can be learned; weights count as repeated examples; smoothing keeps probabilities from the ends', async () => {
    const examples = madeUp(6_000, 6, 2);
    const shape: HeadShape = { inputs: 6, hidden: [16, 8], outputs: ['click'] };
    await withSessions(shape, async (s) => {
      const { losses, state } = await s.train(newHead(shape, 1), examples, { batch: 64, epochs: 8, shuffleSeed: 3, learningRate: 5e-3 });
      expect(losses.at(-1)!).toBeLessThan(0.3 * losses[0]!);
      const scores = await s.score(state.parameters, examples);
      const right = scores.reduce((n, p, i) => n + (p > 0.5 === examples.click[i]! > 0.5 ? 1 : 0), 0);
      expect(right / examples.length).toBeGreaterThan(0.93);
      const smooth = await s.train(newHead(shape, 1), examples, { batch: 64, epochs: 8, shuffleSeed: 3, learningRate: 5e-3, labelSmoothing: 0.2 });
      const soft = await s.score(smooth.state.parameters, examples);
      expect(Math.max(...soft)).toBeLessThan(Math.max(...scores));
    });
    const one: HeadShape = { inputs: 1, hidden: [2], outputs: ['click'] };
    const twice = (weight: boolean): Examples => ({ length: weight ? 2 : 3, embedded: [], features: Float32Array.from(weight ? [1, -1] : [1, 1, -1]), click: Float32Array.from(weight ? [1, 0] : [1, 1, 0]), ...(weight ? { weight: Float32Array.of(2, 1) } : {}) });
    await withSessions(one, async (s) => {
      const [a, b] = [await s.train(newHead(one, 2), twice(true), { batch: 2, learningRate: 0 }), await s.train(newHead(one, 2), twice(false), { batch: 3, learningRate: 0 })];
      expect(a.losses[0]! * 2).toBeCloseTo(b.losses[0]! * 3, 5);
    });
  });

  test('embeddings come before the features; an example without one has zeros', async () => {
    const shape: HeadShape = { inputs: 5, hidden: [3], outputs: ['click'] };
    const table = { width: 2, values: Float32Array.of(1, 2, 3, 4) };
    const plain: Examples = { length: 2, embedded: [], features: Float32Array.of(3, 4, 0.5, 0.6, 0.7, 0, 0, 0.1, 0.2, 0.3), click: Float32Array.of(1, 0) };
    const embedded: Examples = { length: 2, embedded: [Int32Array.of(1, -1)], features: Float32Array.of(0.5, 0.6, 0.7, 0.1, 0.2, 0.3), click: Float32Array.of(1, 0) };
    const head = newHead(shape, 3);
    const a = await withSessions(shape, (s) => s.score(head.parameters, plain));
    const b = await withSessions(shape, (s) => s.score(head.parameters, embedded), { embeddings: [table] });
    expect(b).toEqual(a);
  });

  test.each([
    ['a feature that is not a number', { features: Float32Array.of(0, Number.NaN) }],
    ['features of another width', { features: Float32Array.of(0) }],
    ['a label over 1', { click: Float32Array.of(0, 2) }],
    ['a negative weight', { weight: Float32Array.of(1, -1) }],
    ['embeddings that there are none of', { embedded: [Int32Array.of(0, 0)] }],
    ['watch times that are not predicted', { watch: Float32Array.of(0, 0) }],
  ])('%s is refused', async (_, wrong) => {
    const shape: HeadShape = { inputs: 1, hidden: [2], outputs: ['click'] };
    const examples = { length: 2, embedded: [], features: Float32Array.of(0, 1), click: Float32Array.of(0, 1), ...wrong } as Examples;
    await withSessions(shape, (s) => expect(s.train(newHead(shape, 1), examples)).rejects.toThrow(expect.objectContaining({ code: 'HR_EXAMPLES' })));
  });
});

test('Adam’s numbers are those of the paper', () => {
  const { rate, epsilon } = adamSchedule({ learningRate: 0.01 }, 4, 1);
  // m̂ and v̂ of one gradient g in every step are g and g².
  const [first, second] = [1 + 0.9 + 0.9 ** 2 + 0.9 ** 3 + 0.9 ** 4, [0, 1, 2, 3, 4].reduce((sum, k) => sum + 0.999 ** k, 0)];
  const g = 3;
  expect((rate[0]! * first * g) / (Math.sqrt(second * g * g) + epsilon[0]!)).toBeCloseTo(0.01, 8);
});
