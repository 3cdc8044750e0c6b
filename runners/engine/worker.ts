import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../dataflow/clock.js';
import { asHeadraceError } from '../../dataflow/errors.js';
import { createMetrics } from '../../dataflow/metrics.js';
import { loadPipeline } from '../load-pipeline.js';
import { openPublisher } from '../open-publisher.js';
import { openRuntime } from '../open-runtime.js';
import type { Parcel } from './exchange-port.js';
import { ownedBuffers } from './owned-buffers.js';
import { packParcel, type PackedParcel } from './pack-parcel.js';
import { createTaskGroup } from './task-group.js';
import type { WorkerAnswer, WorkerCall, WorkerNews, WorkerSetting } from './worker-messages.js';

const port = parentPort!;
const setting = workerData as WorkerSetting;
const pipeline = await loadPipeline(setting.pipeline);
const runtime = await openRuntime({ dataDir: setting.dataDir, kafka: setting.kafka, mode: 'read', pipeline: pipeline.name, copyDirectory: setting.copyDirectory });
const metrics = createMetrics();
let warnings: { what: string; message: string }[] = [];
let told = new Map<string, number>();

const group = createTaskGroup({
  pipeline,
  tasks: setting.tasks,
  taskCount: setting.taskCount,
  log: runtime.log,
  registry: runtime.registry,
  partitions: new Map(setting.partitions),
  positions: setting.positions,
  environment: {
    state: runtime.state,
    artefacts: runtime.artefacts,
    clock: systemClock,
    metrics,
    abort: new AbortController().signal,
    bounded: setting.bounded,
    replaying: false,
    publisher: setting.redis && (await openPublisher(setting.redis)),
    wait: (ms) => delay(ms),
    inputs: new Map(setting.partitions),
    outputs: new Map(setting.outputs),
    warn(what, message) {
      warnings.push({ what, message });
    },
  },
});

// Parcels from one task of this thread to another wait here; only their outlines travel.
const held = new Map<number, Parcel>();
let lastHeld = 0;

function withHeld(parcels: readonly PackedParcel[]): (Parcel | PackedParcel)[] {
  return parcels.map((parcel) => {
    if (parcel.held === undefined) return parcel;
    const kept = held.get(parcel.held)!;
    held.delete(parcel.held);
    return kept;
  });
}

const packed = (parcels: readonly Parcel[]) => ({
  parcels: parcels.map((parcel): PackedParcel => {
    if (setting.packsParcels || !group.tasks.includes(parcel.to)) return packParcel(parcel);
    held.set(++lastHeld, parcel);
    return { ...parcel, signals: [], held: lastHeld };
  }),
});

async function answer(message: WorkerCall) {
  switch (message.call) {
    case 'open':
      return packed(await group.open());
    case 'change':
      await group.change(message.tasks, message.kept, message.positions);
      return { done: true as const };
    case 'plan':
      return { statuses: await group.plan(message.rows, message.bounds) };
    case 'run':
      return packed(await group.run(message.cut, message.ends, message.timers));
    case 'drain':
      return packed(await group.drain(withHeld(message.parcels), message.stretch));
    case 'finish':
      return packed(await group.finish());
    case 'idle':
      return packed(await group.idle(message.inputs));
    case 'barrier':
      return { flushed: await group.barrier(message.epoch) };
    case 'settle':
      await group.settle();
      return { done: true as const };
    case 'outcomes':
      return { outcomes: await group.outcomes() };
    case 'enter':
      return packed(await group.enter(message.outcomes));
    case 'awaitOutcome':
      await group.awaitOutcome(message.ms);
      return { done: true as const };
    case 'pulse':
      return { pulse: await group.pulse() };
    case 'close':
      await group.close(message.reason);
      await runtime.close();
      return { done: true as const };
  }
}

function news(): WorkerNews {
  const values = metrics.snapshot();
  const changed = values.flatMap(({ name, step, value }) => {
    const by = value - (told.get(`${name} ${step}`) ?? 0);
    return by === 0 ? [] : [{ name, step, by }];
  });
  told = new Map(values.map(({ name, step, value }) => [`${name} ${step}`, value]));
  const fresh = warnings;
  warnings = [];
  return { metrics: changed, warnings: fresh };
}

port.on('message', (message: WorkerCall) => {
  answer(message).then(
    (result) => {
      const message = { ...result, news: news() } satisfies WorkerAnswer;
      // State values stay readable here until they are committed: they are copied.
      port.postMessage(message, 'parcels' in message ? ownedBuffers(message.parcels) : 'flushed' in message && message.flushed !== undefined ? ownedBuffers(message.flushed.outputs) : []);
    },
    (error: unknown) => {
      const { code, message: text, remedy, place } = asHeadraceError(error, 'HR_STEP', { pipeline: pipeline.name });
      port.postMessage({ error: { code, message: text, remedy, place }, news: news() } satisfies WorkerAnswer);
    },
  );
});
