import { onnxRuntime, openSession, type OnnxRuntime, type OnnxSession, type Provider } from '../connectors/onnx/onnx-runtime.js';
import { HeadraceError } from '../dataflow/errors.js';
import type { AdamOptions } from './adam-schedule.js';
import { checkExamples, type EmbeddingTable, type Examples, writeInputs } from './examples.js';
import { scoringModel, trainingModel } from './head-graphs.js';
import type { HeadShape } from './head-shape.js';
import type { HeadState } from './head-state.js';
import { fillMinibatches, type Minibatches, trainOn } from './minibatches.js';
import { shuffle } from './shuffle.js';

/** How sessions are opened. */
export interface HeadSessionOptions {
  /** @default ['cuda', 'webgpu', 'cpu'] */
  readonly providers?: readonly Provider[];
  /** Threads within an operator. Weights can differ in their last bits between numbers of threads. @default 1 */
  readonly threads?: number;
  /** Gradients are scaled down to this Euclidean norm. @default no limit */
  readonly clipNorm?: number;
  /** Embedding tables, in the order of the inputs; frozen. @default none */
  readonly embeddings?: readonly EmbeddingTable[];
}

/** How examples are trained on. */
export interface TrainingOptions extends AdamOptions {
  /** Examples a step. @default 256 */
  readonly batch?: number;
  /** Times that all examples are gone through. @default 1 */
  readonly epochs?: number;
  /** Seed of the order of examples, which is another in each epoch; undefined: as they are. */
  readonly shuffleSeed?: number;
  /** Labels y become y (1 - s) + s / 2. @default 0 */
  readonly labelSmoothing?: number;
}

/** What a training gave. */
export interface TrainingResult {
  readonly state: HeadState;
  /** Mean loss of each batch, before its step. */
  readonly losses: Float32Array;
}

/** A head's models, opened in this thread. Calls block the thread while they compute: see `headTrainer`. */
export interface HeadSessions {
  readonly provider: Provider;
  readonly refused: readonly { readonly provider: Provider; readonly reason: string }[];
  train(state: HeadState, examples: Examples, options?: TrainingOptions): Promise<TrainingResult>;
  /** Scores [examples, outputs], row after row: the probability of a click, and log(1 + seconds watched). */
  score(parameters: Float32Array, examples: Examples): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Bytes of inputs that go into one call: what a chunk of steps takes. */
const chunkBytes = 16 << 20;
/** Examples that are scored in one call. */
const scoredAtOnce = 8_192;

/**
 * Opens the training and scoring models of a head.
 *
 * @throws HR_ONNX, HR_ARGUMENT
 */
export async function openHeadSessions(shape: HeadShape, options: HeadSessionOptions = {}): Promise<HeadSessions> {
  const { providers = ['cuda', 'webgpu', 'cpu'], threads = 1, embeddings = [] } = options;
  const runtime = await onnxRuntime();
  const training = await openSession(runtime, trainingModel(shape, { clipNorm: options.clipNorm }), providers, threads);
  const scoring = await openSession(runtime, scoringModel(shape), [training.provider], threads);
  return {
    provider: training.provider,
    refused: training.refused,
    train: (state, examples, how = {}) => train(runtime, training.session, embeddings, state, examples, how),
    score: (parameters, examples) => score(runtime, scoring.session, shape, embeddings, parameters, examples),
    async close() {
      await training.session.release();
      await scoring.session.release();
    },
  };
}

async function train(runtime: OnnxRuntime, session: OnnxSession, opened: readonly EmbeddingTable[], from: HeadState, examples: Examples, options: TrainingOptions): Promise<TrainingResult> {
  const { tables = opened } = examples;
  const { batch = 256, epochs = 1, labelSmoothing = 0 } = options;
  if (!Number.isInteger(batch) || batch < 1) throw new HeadraceError('HR_ARGUMENT', `A batch of ${batch} examples is none.`);
  if (!(labelSmoothing >= 0 && labelSmoothing < 1)) throw new HeadraceError('HR_ARGUMENT', `Label smoothing is ${labelSmoothing}; it is at least 0 and less than 1.`);
  const { shape } = from;
  checkExamples(examples, shape, tables);
  const order = Int32Array.from({ length: examples.length }, (_, i) => i);
  const stepsAnEpoch = Math.ceil(examples.length / batch);
  const chunk = Math.max(1, Math.min(stepsAnEpoch, Math.floor(chunkBytes / (4 * batch * shape.inputs))));
  const losses = new Float32Array(stepsAnEpoch * epochs);
  let state = from;
  let minibatches: Minibatches | undefined;
  for (let epoch = 0; epoch < epochs; epoch++) {
    if (options.shuffleSeed !== undefined) shuffle(order, options.shuffleSeed, epoch);
    for (let step = 0; step < stepsAnEpoch; step += chunk) {
      const steps = Math.min(chunk, stepsAnEpoch - step);
      const filled = fillMinibatches(examples, shape, tables, { order, first: step * batch, batch, steps, labelSmoothing, into: minibatches });
      minibatches ??= filled;
      const trained = await trainOn(runtime, session, state, filled, options);
      losses.set(trained.losses, epoch * stepsAnEpoch + step);
      state = trained.state;
    }
  }
  return { state, losses };
}

async function score({ Tensor }: OnnxRuntime, session: OnnxSession, shape: HeadShape, opened: readonly EmbeddingTable[], parameters: Float32Array, examples: Examples): Promise<Float32Array> {
  const { tables = opened } = examples;
  const outputs = shape.outputs.length;
  const scores = new Float32Array(examples.length * outputs);
  const room = new Float32Array(Math.min(scoredAtOnce, examples.length) * shape.inputs);
  for (let first = 0; first < examples.length; first += scoredAtOnce) {
    const rows = Math.min(scoredAtOnce, examples.length - first);
    const x = room.subarray(0, rows * shape.inputs);
    for (let r = 0; r < rows; r++) writeInputs(examples, tables, first + r, x, r * shape.inputs);
    const { scores: some } = await session.run({ parameters: new Tensor('float32', parameters, [parameters.length]), x: new Tensor('float32', x, [rows, shape.inputs]) });
    scores.set(some!.data as Float32Array, first * outputs);
  }
  return scores;
}
