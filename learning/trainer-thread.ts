import { parentPort, workerData } from 'node:worker_threads';
import type { Examples } from './examples.js';
import { type HeadSessionOptions, openHeadSessions, type TrainingOptions } from './head-sessions.js';
import type { HeadPlan } from './head-plan.js';
import type { HeadShape } from './head-shape.js';
import type { HeadState } from './head-state.js';
import { type ThreadError, toThreadError } from './thread-error.js';
import { type IntervalTask, trainInterval } from './train-interval.js';

/** What the thread is started with. */
export interface TrainerSetting {
  readonly shape: HeadShape;
  readonly options: HeadSessionOptions;
}

/** A call, and its number. */
export type TrainerCall = { readonly id: number } & (
  | { readonly call: 'open' }
  | { readonly call: 'train'; readonly state: HeadState; readonly examples: Examples; readonly options: TrainingOptions }
  | { readonly call: 'score'; readonly parameters: Float32Array; readonly examples: Examples }
  | { readonly call: 'interval'; readonly plan: HeadPlan; readonly task: IntervalTask }
);

/** The answer to the call of that number. */
export type TrainerAnswer = { readonly id: number } & ({ readonly result: unknown } | { readonly error: ThreadError });

const port = parentPort!;
const { shape, options } = workerData as TrainerSetting;
const sessions = openHeadSessions(shape, options);
// Whoever calls first is told; until then nobody waits for it.
sessions.catch(() => undefined);

async function answer(message: TrainerCall): Promise<unknown> {
  const { provider, refused, train, score } = await sessions;
  if (message.call === 'train') return train(message.state, message.examples, message.options);
  if (message.call === 'score') return score(message.parameters, message.examples);
  if (message.call === 'interval') return trainInterval(message.plan, { train, score }, message.task, () => performance.now());
  return { provider, refused };
}

port.on('message', (message: TrainerCall) => {
  answer(message).then(
    (result) => port.postMessage({ id: message.id, result } satisfies TrainerAnswer),
    (error: unknown) => port.postMessage({ id: message.id, error: toThreadError(error, 'HR_ONNX') } satisfies TrainerAnswer),
  );
});
