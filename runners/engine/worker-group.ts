import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type ErrorCode, HeadraceError, type Place } from '../../dataflow/errors.js';
import type { Parcel } from './exchange-port.js';
import type { JobSetting } from './job.js';
import { ownedBuffers } from './owned-buffers.js';
import type { PackedParcel } from './pack-parcel.js';
import type { Flushed, InputStatus, Outcomes, Pulse, TaskGroup } from './task-group.js';
import type { WorkerAnswer, WorkerCall, WorkerSetting } from './worker-messages.js';

/** A group that can be ended at once, after an error elsewhere. */
export interface WorkerGroup extends TaskGroup {
  stop(): Promise<void>;
}

/**
 * Tasks in a worker thread. Parcels stay packed on this side: between workers they are only passed on.
 *
 * @throws HR_WORKER from any call when the thread has died
 */
export function createWorkerGroup(setting: WorkerSetting, { environment }: Pick<JobSetting, 'environment'>): WorkerGroup {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: setting });
  const died = new Promise<never>((_, reject) => {
    worker.once('error', (cause) => reject(new HeadraceError('HR_WORKER', `A worker thread failed: ${cause.message}`, { cause })));
    worker.once('exit', (code) => reject(new HeadraceError('HR_WORKER', `A worker thread ended with code ${code}.`)));
  });
  // The thread also ends after close(), when nobody waits any more.
  died.catch(() => undefined);

  const ask = async (message: WorkerCall): Promise<WorkerAnswer> => {
    const answered = once(worker, 'message') as Promise<[WorkerAnswer]>;
    worker.postMessage(message, message.call === 'drain' ? ownedBuffers(message) : []);
    const [answer] = await Promise.race([answered, died]);
    for (const { name, step, by } of answer.news.metrics) environment.metrics.add(name, step, by);
    for (const { what, message: text } of answer.news.warnings) environment.warn(what, text);
    if ('error' in answer) {
      const { code, message: text, remedy, place } = answer.error;
      throw new HeadraceError(code as ErrorCode, text, { remedy, place: place as Place });
    }
    return answer;
  };
  const parcelsOf = async (message: WorkerCall): Promise<Parcel[]> => {
    const answer = await ask(message);
    return 'parcels' in answer ? (answer.parcels as unknown as Parcel[]) : [];
  };
  let { tasks } = setting;
  return {
    get tasks() {
      return tasks;
    },
    open: () => parcelsOf({ call: 'open' }),
    async change(next, kept, positions) {
      await ask({ call: 'change', tasks: next, kept, positions });
      tasks = next;
    },
    async plan(rows, bounds) {
      return ((await ask({ call: 'plan', rows, bounds })) as unknown as { statuses: InputStatus[] }).statuses;
    },
    run: (cut, ends, timers) => parcelsOf({ call: 'run', cut, ends, timers }),
    drain: (parcels, stretch) => (parcels.length === 0 ? Promise.resolve([]) : parcelsOf({ call: 'drain', parcels: parcels as PackedParcel[], stretch })),
    finish: () => parcelsOf({ call: 'finish' }),
    idle: (inputs) => parcelsOf({ call: 'idle', inputs }),
    async barrier(epoch) {
      return ((await ask({ call: 'barrier', epoch })) as unknown as { flushed: Flushed }).flushed;
    },
    async settle() {
      await ask({ call: 'settle' });
    },
    async outcomes() {
      return ((await ask({ call: 'outcomes' })) as unknown as { outcomes: Outcomes[] }).outcomes;
    },
    enter: (outcomes) => (outcomes.length === 0 ? Promise.resolve([]) : parcelsOf({ call: 'enter', outcomes })),
    async awaitOutcome(ms) {
      await ask({ call: 'awaitOutcome', ms });
    },
    async pulse() {
      return ((await ask({ call: 'pulse' })) as unknown as { pulse: Pulse }).pulse;
    },
    async close(reason) {
      await ask({ call: 'close', reason });
      await worker.terminate();
    },
    async stop() {
      await worker.terminate();
    },
  };
}
