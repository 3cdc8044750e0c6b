import { describe, expect, test } from 'vitest';
import { onnxRuntime } from '../../../connectors/onnx/onnx-runtime.js';
import { splitmix } from '../../../dataflow/splitmix.js';
import { type Bag, bagsOf } from '../../../learning/base/bags.js';
import { towerTrainingModel } from '../../../learning/base/tower-graphs.js';
import { openTowerSessions, type TowerPairs, type TowerSessionOptions, type TowerSessions } from '../../../learning/base/tower-sessions.js';
import { towerLayout, type TowerShape } from '../../../learning/base/tower-shape.js';
import { decodeTowers, encodeTowers, newTowers } from '../../../learning/base/tower-state.js';
import { hasOnnx } from '../../connectors/onnx-here.js';

const withSessions = async <R>(shape: TowerShape, use: (sessions: TowerSessions) => Promise<R>, options: TowerSessionOptions = {}): Promise<R> => {
  const sessions = await openTowerSessions(shape, { providers: ['cpu'], ...options });
  try {
    return await use(sessions);
  } finally {
    await sessions.close();
  }
};

const named = (n: number) => Array.from({ length: n }, (_, i) => `t${i}`);

/** One step's inputs: some bags share tokens, one item comes twice, one row fills the batch up, weights differ. */
function madeUp(shape: TowerShape, seed: number) {
  const random = splitmix(seed);
  const batch = 6;
  const numbers = (n: number, of: (i: number) => number) => Float64Array.from({ length: n }, (_, i) => of(i));
  const whole = (n: number, below: number) => Int32Array.from({ length: n }, () => random.below(below));
  return {
    batch,
    userTokens: whole(batch * shape.bag.user, shape.tokens),
    userWeights: numbers(batch * shape.bag.user, (i) => (i % 4 === 3 ? 0 : random.unit())),
    itemTokens: whole(batch * shape.bag.item, shape.tokens),
    itemWeights: numbers(batch * shape.bag.item, () => 0.5 + random.unit()),
    item: Int32Array.of(0, 1, 2, 1, 3, -1),
    logQ: numbers(batch, (i) => (i === 5 ? 1e9 : -1 - random.unit())),
    weight: numbers(batch, (i) => (i === 5 ? 0 : 1 + (i % 2))),
    scale: 1 / 5,
  };
}

/** The loss from its definition, in float64: loops, no matrices. */
function lossOf(shape: TowerShape, parameters: Float64Array, given: ReturnType<typeof madeUp>, temperature: number): number {
  const { layers } = towerLayout(shape);
  const embedding = (side: 'user' | 'item', row: number): number[] => {
    const [tokens, weights] = side === 'user' ? [given.userTokens, given.userWeights] : [given.itemTokens, given.itemWeights];
    let z = Array.from({ length: shape.width }, () => 0);
    for (let k = 0; k < shape.bag[side]; k++) z = z.map((x, d) => x + weights[row * shape.bag[side] + k]! * parameters[tokens[row * shape.bag[side] + k]! * shape.width + d]!);
    for (let l = 0; l < layers[side].length; l += 2) {
      const [w, b] = [layers[side][l]!, layers[side][l + 1]!];
      const out = Array.from({ length: b.length }, (_, u) => z.reduce((sum, x, d) => sum + x * parameters[w.from + d * b.length + u]!, parameters[b.from + u]!));
      z = l + 2 < layers[side].length ? out.map((x) => Math.max(0, x)) : out;
    }
    const norm = Math.sqrt(z.reduce((sum, x) => sum + x * x, 1e-12));
    return z.map((x) => x / norm);
  };
  const rows = Array.from({ length: given.batch }, (_, i) => i);
  const [users, items] = [rows.map((r) => embedding('user', r)), rows.map((r) => embedding('item', r))];
  let loss = 0;
  for (const i of rows) {
    const logit = (j: number) => users[i]!.reduce((sum, x, d) => sum + x * items[j]![d]!, 0) / temperature - given.logQ[j]!;
    const negatives = rows.filter((j) => j !== i && given.item[j] !== given.item[i] && given.logQ[j]! < 1e8);
    const others = negatives.reduce((sum, j) => sum + Math.exp(logit(j)), Math.exp(logit(i)));
    loss += given.weight[i] === 0 ? 0 : given.weight[i]! * given.scale * (Math.log(others) - logit(i));
  }
  return loss;
}

describe.skipIf(!hasOnnx)('a pair of towers', () => {
  test.each([{ hidden: [], clipNorm: undefined }, { hidden: [6], clipNorm: undefined }, { hidden: [6, 5], clipNorm: 0.05 }])('loss and gradients with layers $hidden are those of a float64 reference, to 1e-6 (norm at most $clipNorm)', async ({ hidden, clipNorm }) => {
    const shape: TowerShape = { tokens: 9, width: 4, hidden, bag: { user: 4, item: 2 } };
    const { size } = towerLayout(shape);
    const temperature = 0.3;
    const { InferenceSession, Tensor } = await onnxRuntime();
    const session = await InferenceSession.create(towerTrainingModel(shape, { temperature, precision: 'float64', clipNorm }), { logSeverityLevel: 4 });
    const given = madeUp(shape, 5);
    const { batch } = given;
    const random = splitmix(6);
    const parameters = Float64Array.from({ length: size }, () => random.unit() - 0.4);
    const tensor = (data: Float64Array, ...dims: number[]) => new Tensor('float64', data, dims);
    const whole = (data: Int32Array, ...dims: number[]) => new Tensor('int32', data, dims);
    const after = await session.run({
      userTokens: whole(given.userTokens, 1, batch, 4), userWeights: tensor(given.userWeights, 1, batch, 4), itemTokens: whole(given.itemTokens, 1, batch, 2), itemWeights: tensor(given.itemWeights, 1, batch, 2),
      item: whole(given.item, 1, batch), logQ: tensor(given.logQ, 1, batch), weight: tensor(given.weight, 1, batch), scale: tensor(Float64Array.of(given.scale), 1),
      // With a rate of 0 and no moments before, the first moment afterwards is the gradient.
      rate: tensor(new Float64Array(1), 1), epsilon: tensor(Float64Array.of(1), 1), parameters: tensor(parameters, size), first: tensor(new Float64Array(size), size), second: tensor(new Float64Array(size), size),
    });
    const gradient = after.first_after!.data as Float64Array;
    const at = (p: Float64Array) => lossOf(shape, p, given, temperature);
    expect(Math.abs((after.losses!.data as Float64Array)[0]! / at(parameters) - 1)).toBeLessThan(1e-12);
    const differences = Float64Array.from({ length: size }, (_, k) => {
      const h = 1e-4;
      const moved = (by: number) => at(parameters.map((p, i) => (i === k ? p + by : p)));
      return (8 * (moved(h) - moved(-h)) - (moved(2 * h) - moved(-2 * h))) / (12 * h);
    });
    const norm = Math.hypot(...differences);
    const factor = clipNorm === undefined ? 1 : Math.min(1, clipNorm / norm);
    for (let k = 0; k < size; k++) expect(Math.abs(gradient[k]! - factor * differences[k]!), `parameter ${k}`).toBeLessThan(1e-6 * norm);
    if (clipNorm !== undefined) expect(factor).toBeLessThan(1);
    await session.release();
  });

  const shape: TowerShape = { tokens: 40, width: 8, hidden: [12], bag: { user: 3, item: 2 } };

  /** Users of one half choose items of the same half. */
  function halves(n: number, seed: number): TowerPairs {
    const random = splitmix(seed);
    const item = new Int32Array(n);
    const users: Bag[] = Array.from({ length: n }, (_, i) => {
      const user = random.below(20);
      item[i] = 2 * random.below(10) + (user % 2);
      return [[user, 1]];
    });
    return { length: n, users: bagsOf(users), items: bagsOf(Array.from({ length: 20 }, (_, j) => [[20 + j, 1]] as const)), item, logQ: new Float32Array(20).fill(Math.log(1 / 20)) };
  }
  const part = (pairs: TowerPairs, from: number, to: number): TowerPairs => ({ ...pairs, length: to - from, users: bagsOf(Array.from({ length: to - from }, (_, i) => [[pairs.users.tokens[from + i]!, 1]] as const)), item: pairs.item.slice(from, to) });

  test('saved and gone on with is bit for bit what was never stopped, however steps are cut into calls', async () => {
    const pairs = halves(4_000, 1);
    await withSessions(shape, async (s) => {
      const how = { batch: 100, warmupSteps: 5, decaySteps: 30 };
      const whole = await s.train(newTowers(shape, named(40), 7), pairs, how);
      const half = await s.train(newTowers(shape, named(40), 7), part(pairs, 0, 1_700), how);
      const rest = await s.train(decodeTowers(encodeTowers(half.state)), part(pairs, 1_700, 4_000), how);
      expect(rest.state).toEqual(whole.state);
      expect([...half.losses, ...rest.losses]).toEqual([...whole.losses]);
    });
  });

  test('learn who chooses what; embeddings have length 1, with layers and without', async () => {
    for (const hidden of [[], [12]]) {
      const own: TowerShape = { ...shape, hidden };
      await withSessions(own, async (s) => {
        const { state } = await s.train(newTowers(own, named(40), 1), halves(4_000, 2), { batch: 64, epochs: 10, learningRate: 5e-3, shuffleSeed: 1 });
        const users = await s.embed(state.parameters, 'user', bagsOf(Array.from({ length: 20 }, (_, u) => [[u, 1]] as const)));
        const items = await s.embed(state.parameters, 'item', bagsOf(Array.from({ length: 20 }, (_, j) => [[20 + j, 1]] as const)));
        const row = (of: Float32Array, i: number) => of.subarray(8 * i, 8 * i + 8);
        const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, x, k) => sum + x * b[k]!, 0);
        for (let i = 0; i < 20; i++) for (const of of [users, items]) expect(dot(row(of, i), row(of, i))).toBeCloseTo(1, 5);
        for (let u = 0; u < 20; u++) {
          const scores = Array.from({ length: 20 }, (_, j) => dot(row(users, u), row(items, j)));
          const best = [...scores.keys()].sort((a, b) => scores[b]! - scores[a]!).slice(0, 10);
          expect(best.every((j) => j % 2 === u % 2), `user ${u}`).toBe(true);
        }
      });
    }
  });

  test('with the correction scores are logarithms of what is chosen; without it popularity is lost, since what is chosen often is as often a negative', async () => {
    // Everybody chooses by popularity alone, which falls to a tenth from the first item to the last.
    const random = splitmix(3);
    const popularity = Array.from({ length: 20 }, (_, j) => 10 ** (-j / 19));
    const total = popularity.reduce((sum, p) => sum + p, 0);
    const pick = () => {
      let u = random.unit() * total;
      let j = 0;
      while (j < 19 && (u -= popularity[j]!) > 0) j++;
      return j;
    };
    const n = 8_000;
    const users: Bag[] = Array.from({ length: n }, () => [[random.below(20), 1]]);
    const item = Int32Array.from({ length: n }, pick);
    const items = bagsOf(Array.from({ length: 20 }, (_, j) => [[20 + j, 1]] as const));
    const spread = async (logQ: Float32Array) =>
      withSessions({ ...shape, hidden: [] }, async (s) => {
        const { state } = await s.train(newTowers({ ...shape, hidden: [] }, named(40), 1), { length: n, users: bagsOf(users), items, item, logQ }, { batch: 128, epochs: 5, learningRate: 1e-2, decaySteps: 300, shuffleSeed: 1 });
        const u = await s.embed(state.parameters, 'user', bagsOf([[[0, 1]]]));
        const v = await s.embed(state.parameters, 'item', items);
        const score = (j: number) => u.reduce((sum, x, k) => sum + x * v[8 * j + k]!, 0) / 0.1;
        return [0, 1, 2, 3].reduce((sum, j) => sum + score(j) - score(19 - j), 0) / 4;
      }, { temperature: 0.1 });
    const corrected = await spread(Float32Array.from(popularity, (p) => Math.log(p / total)));
    const uncorrected = await spread(new Float32Array(20).fill(Math.log(1 / 20)));
    const seen = [0, 1, 2, 3].reduce((sum, j) => sum + Math.log(popularity[j]! / popularity[19 - j]!), 0) / 4;
    expect(Math.abs(corrected / seen - 1)).toBeLessThan(0.2);
    expect(Math.abs(uncorrected / seen)).toBeLessThan(0.2);
  });

  test.each([
    ['a token that is not there', { users: bagsOf([[[40, 1]], [[0, 1]]]) }],
    ['a bag that is too large', { users: bagsOf([[[0, 1], [1, 1], [2, 1], [3, 1]], [[0, 1]]]) }],
    ['a weight that is no number', { users: bagsOf([[[0, Number.NaN]], [[0, 1]]]) }],
    ['an item that is not there', { item: Int32Array.of(0, 20) }],
    ['a column of another length', { item: Int32Array.of(0) }],
    ['a probability over 1', { logQ: new Float32Array(20).fill(0.1) }],
    ['a negative weight', { weight: Float32Array.of(1, -1) }],
  ])('%s is refused', async (_, wrong) => {
    const pairs = { ...halves(2, 1), ...wrong } as TowerPairs;
    await withSessions(shape, (s) => expect(s.train(newTowers(shape, named(40), 1), pairs)).rejects.toThrow(expect.objectContaining({ code: 'HR_EXAMPLES' })));
  });

  test('saved towers that were cut off or changed are refused; sizes that make none as well', () => {
    const bytes = encodeTowers(newTowers(shape, named(40), 2));
    expect(decodeTowers(bytes)).toEqual(newTowers(shape, named(40), 2));
    for (const wrong of [bytes.subarray(0, bytes.length - 1), Buffer.from(bytes).fill(7, 500, 501), new Uint8Array(0)]) expect(() => decodeTowers(wrong)).toThrow(expect.objectContaining({ code: 'HR_MODEL_CORRUPT' }));
    for (const wrong of [{ tokens: 0 }, { tokens: 10 ** 6 }, { width: 0 }, { hidden: [0] }]) expect(() => towerLayout({ ...shape, ...wrong })).toThrow(expect.objectContaining({ code: 'HR_ARGUMENT' }));
  });
});
