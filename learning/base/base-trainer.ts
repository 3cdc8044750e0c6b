import { Worker } from 'node:worker_threads';
import { HeadraceError } from '../../dataflow/errors.js';
import { fromThreadError } from '../thread-error.js';
import type { BasePlan } from './base-plan.js';
import type { BaseAnswer, BaseTask } from './base-thread.js';
import type { Interaction } from './interactions.js';
import type { TrainedBase } from './train-base.js';

/**
 * `trainBase` in a thread of its own, so that the event loop goes on.
 *
 * @param options.before bytes of the base that the vectors go on from
 * @param options.abort ends the training
 * @throws HR_EXAMPLES, HR_ARGUMENT, HR_ONNX, HR_MODEL_CORRUPT, HR_WORKER
 */
export function baseTrainer(plan: BasePlan, interactions: readonly Interaction[], options: { readonly before?: Uint8Array | undefined; readonly abort?: AbortSignal } = {}): Promise<Omit<TrainedBase, 'base'>> {
  const worker = new Worker(new URL('./base-thread.js', import.meta.url), { workerData: { plan, interactions, before: options.before } satisfies BaseTask });
  const end = () => void worker.terminate();
  options.abort?.addEventListener('abort', end, { once: true });
  return new Promise<Omit<TrainedBase, 'base'>>((resolve, reject) => {
    worker.on('message', (answer: BaseAnswer) => ('error' in answer ? reject(fromThreadError(answer.error)) : resolve(answer.result)));
    worker.on('error', (cause) => reject(new HeadraceError('HR_WORKER', `The trainer's thread failed: ${cause.message}`, { cause })));
    worker.on('exit', (code) => reject(new HeadraceError('HR_WORKER', `The trainer's thread has ended with code ${code}.`)));
  }).finally(() => {
    options.abort?.removeEventListener('abort', end);
    end();
  });
}
