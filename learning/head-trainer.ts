import { Worker } from 'node:worker_threads';
import type { Provider } from '../connectors/onnx/onnx-runtime.js';
import { HeadraceError } from '../dataflow/errors.js';
import type { EmbeddingTable, Examples } from './examples.js';
import type { HeadSessionOptions, TrainingOptions, TrainingResult } from './head-sessions.js';
import type { HeadPlan } from './head-plan.js';
import type { HeadShape } from './head-shape.js';
import type { HeadState } from './head-state.js';
import { fromThreadError } from './thread-error.js';
import type { IntervalOutcome, IntervalTask } from './train-interval.js';
import type { TrainerAnswer, TrainerCall, TrainerSetting } from './trainer-thread.js';

/** Each of the calls, before it has its number. */
type WithoutId<C> = C extends { readonly id: number } ? Omit<C, 'id'> : never;

/** Trains and scores heads in a thread of its own, so that the event loop goes on. Calls are worked on one after the other. */
export interface HeadTrainer {
  /** Where the models run. */
  readonly provider: Provider;
  /** The providers before it, and why they do not. */
  readonly refused: readonly { readonly provider: Provider; readonly reason: string }[];
  /**
   * Trains on examples, a step a batch.
   *
   * Examples in ordinary buffers move to the thread and cannot be used afterwards; those in shared buffers (SharedArrayBuffer) stay usable, and nothing is copied either.
   *
   * @throws HR_EXAMPLES, HR_ARGUMENT, HR_WORKER
   */
  train(state: HeadState, examples: Examples, options?: TrainingOptions): Promise<TrainingResult>;
  /** Scores [examples, outputs], row after row: the probability of a click, and log(1 + seconds watched). Examples move as in `train`. */
  score(parameters: Float32Array, examples: Examples): Promise<Float32Array>;
  /** Tests and trains on one interval; see `trainInterval`. Blocks and bases of the task move to the thread: a base is too large to be copied in a turn of the event loop. */
  interval(plan: HeadPlan, task: IntervalTask): Promise<IntervalOutcome>;
  close(): Promise<void>;
}

/**
 * Starts a trainer.
 *
 * @throws HR_ONNX onnxruntime-node is missing, or no provider runs the models
 * @example
 * const trainer = await headTrainer({ inputs: 192, hidden: [128, 64], outputs: ['click'] });
 * const { state, losses } = await trainer.train(newHead(shape, 1), examples, { batch: 256, epochs: 3 });
 */
export async function headTrainer(shape: HeadShape, options: HeadSessionOptions = {}): Promise<HeadTrainer> {
  const embeddings = options.embeddings?.map(inSharedMemory);
  const worker = new Worker(new URL('./trainer-thread.js', import.meta.url), { workerData: { shape, options: { ...options, ...(embeddings === undefined ? {} : { embeddings }) } } satisfies TrainerSetting });
  const waiting = new Map<number, { readonly resolve: (result: unknown) => void; readonly reject: (error: HeadraceError) => void }>();
  let calls = 0;
  let ended: HeadraceError | undefined;
  const end = (error: HeadraceError) => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  worker.on('error', (cause) => end(new HeadraceError('HR_WORKER', `The trainer's thread failed: ${cause.message}`, { cause })));
  worker.on('exit', (code) => end(new HeadraceError('HR_WORKER', `The trainer's thread has ended with code ${code}.`)));
  worker.on('message', (message: TrainerAnswer) => {
    const caller = waiting.get(message.id);
    waiting.delete(message.id);
    if ('error' in message) caller?.reject(fromThreadError(message.error));
    else caller?.resolve(message.result);
  });
  const ask = <R>(call: WithoutId<TrainerCall>, moved: readonly ArrayBuffer[] = []): Promise<R> => {
    if (ended !== undefined) return Promise.reject(ended);
    const id = calls++;
    return new Promise<R>((resolve, reject) => {
      waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
      worker.postMessage({ ...call, id } as TrainerCall, moved);
    });
  };
  try {
    const opened = await ask<Pick<HeadTrainer, 'provider' | 'refused'>>({ call: 'open' });
    return {
      ...opened,
      train: (state, examples, how = {}) => ask({ call: 'train', state, examples, options: how }, buffersOf(examples)),
      score: (parameters, examples) => ask({ call: 'score', parameters, examples }, buffersOf(examples)),
      interval: (plan, task) => ask({ call: 'interval', plan, task }, [...new Set([...[task.carried, task.learned, task.judged, task.reservoir, task.recent, task.choices].flat().map((block) => block.buffer as ArrayBuffer), ...Object.values(task.bases ?? {}).flatMap(wholeBuffer)])]),
      async close() {
        await worker.terminate();
      },
    };
  } catch (error) {
    await worker.terminate();
    throw error;
  }
}

/** The buffers that examples have to themselves. */
function buffersOf({ embedded, features, click, watch, weight }: Examples): ArrayBuffer[] {
  const columns = [...embedded, features, click, ...(watch === undefined ? [] : [watch]), ...(weight === undefined ? [] : [weight])];
  return [...new Set(columns.flatMap(wholeBuffer))];
}

/** The buffer of numbers that have it to themselves, as far as it can move. */
function wholeBuffer({ buffer, byteLength }: ArrayBufferView): ArrayBuffer[] {
  return buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [];
}

function inSharedMemory({ width, values }: EmbeddingTable): EmbeddingTable {
  if (values.buffer instanceof SharedArrayBuffer) return { width, values };
  const shared = new Float32Array(new SharedArrayBuffer(values.byteLength));
  shared.set(values);
  return { width, values: shared };
}
