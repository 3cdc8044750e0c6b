import { onnxRuntime, openSession, type OnnxRuntime, type OnnxSession, type Provider } from '../../connectors/onnx/onnx-runtime.js';
import { HeadraceError } from '../../dataflow/errors.js';
import { adamSchedule } from '../adam-schedule.js';
import type { HeadSessionOptions, TrainingOptions } from '../head-sessions.js';
import { shuffle } from '../shuffle.js';
import { type Bags, checkBags, writeBag } from './bags.js';
import { towerModel, towerTrainingModel } from './tower-graphs.js';
import type { TowerShape, TowerSide } from './tower-shape.js';
import type { TowerState } from './tower-state.js';

/** Pairs of a user and an item that was chosen, as columns. */
export interface TowerPairs {
  readonly length: number;
  /** A bag a pair: the user as it was then. */
  readonly users: Bags;
  /** A bag an item. */
  readonly items: Bags;
  /** The item of each pair. */
  readonly item: Int32Array;
  /** Logarithm of the probability with which an item is in a batch, an item: what its logit is corrected by. */
  readonly logQ: Float32Array;
  /** @default 1 each */
  readonly weight?: Float32Array;
}

/** How towers are opened. */
export interface TowerSessionOptions extends Omit<HeadSessionOptions, 'embeddings'> {
  /** What products of embeddings are divided by before the softmax. @default 0.2 */
  readonly temperature?: number;
}

/** How towers are trained; labels are not smoothed. */
export type TowerTrainingOptions = Omit<TrainingOptions, 'labelSmoothing'>;

/** The models of a pair of towers, opened in this thread. Calls block it while they compute. */
export interface TowerSessions {
  readonly provider: Provider;
  readonly refused: readonly { readonly provider: Provider; readonly reason: string }[];
  /**
   * Trains on pairs, a step a batch.
   *
   * @throws HR_EXAMPLES, HR_ARGUMENT
   */
  train(state: TowerState, pairs: TowerPairs, options?: TowerTrainingOptions): Promise<{ readonly state: TowerState; readonly losses: Float32Array }>;
  /** Embeddings [bags, width] of one tower, each of length 1. */
  embed(parameters: Float32Array, side: TowerSide, bags: Bags): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Bytes of inputs that go into one call: what a chunk of steps takes. */
const chunkBytes = 4 << 20;
/** Bags that are embedded in one call. */
const embeddedAtOnce = 4_096;
/** Nobody's negative: what fills a batch up. */
const never = 1e9;

/**
 * Opens the training model of a pair of towers, and one a tower that embeds.
 *
 * @throws HR_ONNX, HR_ARGUMENT
 */
export async function openTowerSessions(shape: TowerShape, options: TowerSessionOptions = {}): Promise<TowerSessions> {
  const { providers = ['cuda', 'webgpu', 'cpu'], threads = 1, temperature = 0.2, clipNorm } = options;
  if (!(temperature > 0 && Number.isFinite(temperature))) throw new HeadraceError('HR_ARGUMENT', `The temperature of towers is ${temperature}; it is a number above 0.`);
  const runtime = await onnxRuntime();
  const training = await openSession(runtime, towerTrainingModel(shape, { clipNorm, temperature }), providers, threads);
  const towers = {
    user: (await openSession(runtime, towerModel(shape, 'user'), [training.provider], threads)).session,
    item: (await openSession(runtime, towerModel(shape, 'item'), [training.provider], threads)).session,
  };
  return {
    provider: training.provider,
    refused: training.refused,
    train: (state, pairs, how = {}) => train(runtime, training.session, state, pairs, how),
    embed: (parameters, side, bags) => embed(runtime, towers[side], shape, side, parameters, bags),
    async close() {
      for (const session of [training.session, towers.user, towers.item]) await session.release();
    },
  };
}

async function train(runtime: OnnxRuntime, session: OnnxSession, from: TowerState, pairs: TowerPairs, options: TowerTrainingOptions): Promise<{ readonly state: TowerState; readonly losses: Float32Array }> {
  const { batch = 256, epochs = 1 } = options;
  if (!Number.isInteger(batch) || batch < 2) throw new HeadraceError('HR_ARGUMENT', `A batch of ${batch} pairs has no negatives; it has at least 2.`);
  const { shape } = from;
  checkPairs(pairs, shape);
  const stepsAnEpoch = Math.ceil(pairs.length / batch);
  const bytesAStep = 8 * batch * (shape.bag.user + shape.bag.item);
  const chunk = Math.max(1, Math.min(stepsAnEpoch, Math.floor(chunkBytes / bytesAStep)));
  const losses = new Float32Array(stepsAnEpoch * epochs);
  const order = Int32Array.from({ length: pairs.length }, (_, i) => i);
  let state = from;
  for (let epoch = 0; epoch < epochs; epoch++) {
    if (options.shuffleSeed !== undefined) shuffle(order, options.shuffleSeed, epoch);
    for (let step = 0; step < stepsAnEpoch; step += chunk) {
      const steps = Math.min(chunk, stepsAnEpoch - step);
      const trained = await stepsOn(runtime, session, state, pairs, { order, first: step * batch, batch, steps }, options);
      losses.set(trained.losses, epoch * stepsAnEpoch + step);
      state = trained.state;
    }
  }
  return { state, losses };
}

async function stepsOn({ Tensor }: OnnxRuntime, session: OnnxSession, state: TowerState, pairs: TowerPairs, cut: { readonly order: Int32Array; readonly first: number; readonly batch: number; readonly steps: number }, options: TowerTrainingOptions) {
  const { order, batch, steps } = cut;
  const { bag } = state.shape;
  const rows = steps * batch;
  const bags = (most: number) => ({ tokens: new Int32Array(rows * most), weights: new Float32Array(rows * most) });
  const [users, items] = [bags(bag.user), bags(bag.item)];
  const item = new Int32Array(rows).fill(-1);
  const logQ = new Float32Array(rows).fill(never);
  const weight = new Float32Array(rows);
  const scale = new Float32Array(steps);
  for (let s = 0; s < steps; s++) {
    const first = cut.first + s * batch;
    const filled = Math.min(batch, pairs.length - first);
    scale[s] = 1 / filled;
    for (let r = 0; r < filled; r++) {
      const pair = order[first + r]!;
      const row = s * batch + r;
      const chosen = pairs.item[pair]!;
      writeBag(pairs.users, pair, users, row, bag.user);
      writeBag(pairs.items, chosen, items, row, bag.item);
      item[row] = chosen;
      logQ[row] = pairs.logQ[chosen]!;
      weight[row] = pairs.weight?.[pair] ?? 1;
    }
  }
  const { rate, epsilon } = adamSchedule(options, state.step, steps);
  const floats = (data: Float32Array, ...dims: number[]) => new Tensor('float32', data, dims);
  const whole = (data: Int32Array, ...dims: number[]) => new Tensor('int32', data, dims);
  const size = state.parameters.length;
  const after = await session.run({
    userTokens: whole(users.tokens, steps, batch, bag.user),
    userWeights: floats(users.weights, steps, batch, bag.user),
    itemTokens: whole(items.tokens, steps, batch, bag.item),
    itemWeights: floats(items.weights, steps, batch, bag.item),
    item: whole(item, steps, batch),
    logQ: floats(logQ, steps, batch),
    weight: floats(weight, steps, batch),
    scale: floats(scale, steps),
    rate: floats(rate, steps),
    epsilon: floats(epsilon, steps),
    parameters: floats(state.parameters, size),
    first: floats(state.first, size),
    second: floats(state.second, size),
  });
  const out = (name: string) => after[name]!.data as Float32Array;
  return { state: { shape: state.shape, step: state.step + steps, parameters: out('parameters_after'), first: out('first_after'), second: out('second_after') }, losses: out('losses') };
}

async function embed({ Tensor }: OnnxRuntime, session: OnnxSession, shape: TowerShape, side: TowerSide, parameters: Float32Array, bags: Bags): Promise<Float32Array> {
  const most = shape.bag[side];
  checkBags(bags, side, most, shape.tokens);
  const embeddings = new Float32Array(bags.length * shape.width);
  for (let first = 0; first < bags.length; first += embeddedAtOnce) {
    const rows = Math.min(embeddedAtOnce, bags.length - first);
    const some = { tokens: new Int32Array(rows * most), weights: new Float32Array(rows * most) };
    for (let r = 0; r < rows; r++) writeBag(bags, first + r, some, r, most);
    const { embeddings: part } = await session.run({ parameters: new Tensor('float32', parameters, [parameters.length]), tokens: new Tensor('int32', some.tokens, [rows, most]), weights: new Tensor('float32', some.weights, [rows, most]) });
    embeddings.set(part!.data as Float32Array, first * shape.width);
  }
  return embeddings;
}

function checkPairs({ length, users, items, item, logQ, weight }: TowerPairs, { bag, tokens }: TowerShape): void {
  const refuse = (detail: string): never => {
    throw new HeadraceError('HR_EXAMPLES', detail);
  };
  checkBags(users, 'user', bag.user, tokens);
  checkBags(items, 'item', bag.item, tokens);
  if (users.length !== length || item.length !== length || logQ.length !== items.length || (weight !== undefined && weight.length !== length)) refuse(`The columns of ${length} pairs and ${items.length} items are not as long.`);
  for (let i = 0; i < length; i++) {
    if (!(item[i]! >= 0 && item[i]! < items.length)) refuse(`Pair ${i} names item ${item[i]} of ${items.length}.`);
    if (weight !== undefined && !(weight[i]! >= 0 && weight[i]! < Number.POSITIVE_INFINITY)) refuse(`The weight of pair ${i} is ${weight[i]}.`);
  }
  for (let j = 0; j < logQ.length; j++) if (!(logQ[j]! <= 0 && Number.isFinite(logQ[j]!))) refuse(`The logarithm of the sampling probability of item ${j} is ${logQ[j]}.`);
}
