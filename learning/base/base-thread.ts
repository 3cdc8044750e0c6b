import { parentPort, workerData } from 'node:worker_threads';
import { type ThreadError, toThreadError } from '../thread-error.js';
import { decodeBase } from './base.js';
import type { BasePlan } from './base-plan.js';
import type { Interaction } from './interactions.js';
import { trainBase, type TrainedBase } from './train-base.js';
import { openTowerSessions } from './tower-sessions.js';

/** What the thread is started with. */
export interface BaseTask {
  readonly plan: BasePlan;
  readonly interactions: readonly Interaction[];
  /** Bytes of the base that the vectors go on from. */
  readonly before: Uint8Array | undefined;
}

/** What comes of it. */
export type BaseAnswer = { readonly result: Omit<TrainedBase, 'base'> } | { readonly error: ThreadError };

const { plan, interactions, before } = workerData as BaseTask;

async function answer(): Promise<BaseAnswer> {
  try {
    const { bytes, metrics, verdict } = await trainBase(plan, openTowersOf, interactions, before && decodeBase(before));
    return { result: { bytes, metrics, verdict } };
  } catch (error) {
    return { error: toThreadError(error, 'HR_ONNX') };
  }
}

function openTowersOf(shape: Parameters<typeof openTowerSessions>[0], { providers, threads, temperature, clipNorm }: BasePlan) {
  return openTowerSessions(shape, { providers, threads, temperature, clipNorm });
}

void answer().then((message) => parentPort!.postMessage(message));
