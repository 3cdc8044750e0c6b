import type { Pipeline } from '../../dataflow/pipeline.js';
import type { LogClient, Position, StateWrite } from '../../dataflow/ports/log-client.js';
import type { SchemaRegistry } from '../../dataflow/ports/schema-registry.js';
import { asHeadraceError, HeadraceError } from '../../dataflow/errors.js';
import type { Parcel } from './exchange-port.js';
import { createParcelReader, type PackedParcel, type ParcelReader } from './pack-parcel.js';
import { createInput, type Input } from './input.js';
import { createRecordReader } from './record-rows.js';
import { createTask, tickOf, type Task, type TaskEnvironment, type TaskOutput, type TaskSource } from './task.js';

/** How far an input has been read ahead. */
export interface InputStatus {
  readonly task: number;
  readonly source: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly nextTick: number;
  readonly completeTick: number;
}

/**
 * How far to run: every tick up to `tick`, and of the tick `partial.tick` the inputs before (task, source) wholly and that one as far
 * as it is buffered. Positions are in the order (tick, task, source), so that every cut is a prefix of one order.
 */
export interface Cut {
  readonly tick: number;
  readonly partial?: { readonly tick: number; readonly task: number; readonly source: number };
}

/** A partition of an input topic. */
export interface InputName {
  readonly topic: string;
  readonly partition: number;
}

/** What a group adds to an epoch. */
export interface Flushed {
  readonly outputs: TaskOutput[];
  readonly state: StateWrite[];
  readonly positions: Position[];
  /** Records taken from the inputs since the last barrier. */
  records: number;
  /** Newest event time of the inputs, and the smallest watermark of those that are not at their end (epoch ms). */
  readonly time: { newest: number; watermark: number };
}

/** How a group stands. */
export interface Pulse {
  /** Bytes of output that wait for the epoch's end. */
  readonly bytes: number;
  /** Earliest processing-time timer (epoch ms), or Infinity. */
  readonly nextTimer: number;
  /** Calls outside of the stream. */
  readonly outside: OutsidePulse;
}

/** How calls outside of the stream stand; see `OutsideWork`. */
export interface OutsidePulse {
  readonly waiting: number;
  readonly ready: number;
  readonly full: boolean;
  readonly wantsEpoch: number;
}

/** Outcomes of one step in one task. */
export interface Outcomes {
  readonly step: string;
  readonly task: number;
  readonly bytes: Uint8Array;
}

/** Some tasks of a job, in this thread or in another one. Methods are called one after the other. */
export interface TaskGroup {
  readonly tasks: readonly number[];
  /** Builds the tasks and restores their state. Answers with the parcels of the first watermarks. */
  open(): Promise<Parcel[]>;
  /** Closes tasks that are not among `tasks`, and opens those that are not among `kept`; kept ones are read on from where they have been processed. Between epochs, and where tasks send nothing to one another. */
  change(tasks: readonly number[], kept: readonly number[], positions: readonly Position[]): Promise<void>;
  /** Reads ahead until `rows` of each input are there or its bound is met. */
  plan(rows: number, bounds: readonly Position[]): Promise<InputStatus[]>;
  /** Processes source records up to the cut; of the inputs in `ends`, those that have met their bound stop holding back the watermark. @param timers those of the clock fire, too */
  run(cut: Cut, ends: readonly InputName[], timers: boolean): Promise<Parcel[]>;
  /** Processes what arrived at the exchanges: parcels of one stage for the tasks of this group. @param stretch see `Task.stretch` */
  drain(parcels: readonly (Parcel | PackedParcel)[], stretch: number): Promise<Parcel[]>;
  /** The input ends: the last watermark. */
  finish(): Promise<Parcel[]>;
  /** These inputs become idle, until their next record. */
  idle(inputs: readonly InputName[]): Promise<Parcel[]>;
  barrier(epoch: number): Promise<Flushed>;
  /** The epoch of the last barrier is committed. */
  settle(): Promise<void>;
  /** Takes the outcomes of calls that have come. */
  outcomes(): Promise<Outcomes[]>;
  /** Brings outcomes into the stream, at the beginning of an epoch. */
  enter(outcomes: readonly Outcomes[]): Promise<Parcel[]>;
  /** Answers when an outcome has come, after `ms` milliseconds at the latest. */
  awaitOutcome(ms: number): Promise<void>;
  /** What the run has to know between steps. */
  pulse(): Promise<Pulse>;
  close(reason: 'end' | 'shutdown'): Promise<void>;
}

/** What a group is made of. */
export interface TaskGroupOptions {
  readonly pipeline: Pipeline;
  readonly tasks: readonly number[];
  readonly taskCount: number;
  readonly log: LogClient;
  readonly registry: SchemaRegistry;
  readonly environment: TaskEnvironment;
  /** Partitions of each input topic. */
  readonly partitions: ReadonlyMap<string, number>;
  /** Where to go on. */
  readonly positions: readonly Position[];
}

interface Hosted {
  readonly task: Task;
  readonly inputs: readonly HostedInput[];
}

interface HostedInput {
  readonly source: TaskSource;
  readonly sourceNumber: number;
  readonly partition: number;
  input: Input | undefined;
  tick: number;
  ended: boolean;
}

/** Step under which a job keeps the newest event time of each input, and whether it is idle. */
const sourcesStep = '~sources';

/** Where partitions begin that have no position yet: behind what retention has deleted. */
async function firstOffsets({ log, partitions }: TaskGroupOptions, tasks: readonly number[]): Promise<ReadonlyMap<string, number>> {
  const starts = new Map<string, number>();
  for (const [topic, n] of partitions) for (const task of tasks) if (task < n) starts.set(`${topic}/${task}`, (await log.bounds(topic, task)).start);
  return starts;
}

/** A group of tasks in this thread. */
export function createTaskGroup(options: TaskGroupOptions): TaskGroup {
  const { pipeline, environment } = options;
  let { tasks } = options;
  let hosted: Hosted[] = [];
  let tickMs = 0;
  let taken = 0;
  let readParcels: ParcelReader;
  const progressKey = (topic: string, partition: number) => Buffer.from(`${topic}/${partition}`);
  const parcels = () => hosted.flatMap(({ task }) => task.takeParcels());
  const watermark = (task: Task, hostedInput: HostedInput) => {
    task.tick = hostedInput.tick;
    hostedInput.source.next({ kind: 'watermark', time: hostedInput.tick * tickMs - hostedInput.source.disorderMs });
  };

  const takeTick = (task: Task, from: HostedInput, tick: number) => {
    for (let slice = from.input!.take(tick); slice !== undefined; slice = from.input!.take(tick)) {
      if (slice.tick !== from.tick || from.ended) {
        from.tick = slice.tick;
        from.ended = false;
        watermark(task, from);
      }
      task.tick = slice.tick;
      environment.metrics.add('headrace_records_in_total', from.source.id, slice.count);
      taken += slice.count;
      for (const bad of slice.bad) {
        const error = new HeadraceError(bad.error.code, bad.error.message, { place: { ...bad.error.place, pipeline: pipeline.name, step: from.source.id } });
        if (from.source.onError === 'fail') throw error;
        const skips = from.source.onError === 'skip';
        if (skips) environment.metrics.add('headrace_records_skipped_total', from.source.id, 1);
        else task.deadLetter(from.source.id, bad.batch, bad.row, error);
        const where = skips ? 'left out' : `in topic ${from.source.id}.dlq`;
        environment.warn(`source ${from.source.id} ${error.code}`, `${error.format()}\n  The record is ${where}; further ones are counted, not printed.`);
      }
      if (slice.batch !== undefined) from.source.next({ kind: 'batch', batch: slice.batch as never });
      task.check();
    }
  };
  const becomeIdle = (task: Task, from: HostedInput) => {
    from.ended = true;
    task.tick = from.tick;
    from.source.next({ kind: 'watermark', time: from.tick * tickMs - from.source.disorderMs, idle: true });
    task.check();
  };
  const isOneOf = (inputs: readonly InputName[], { source, partition }: HostedInput) => inputs.some((i) => i.topic === source.topic.name && i.partition === partition);
  const markEnded = (task: Task, from: HostedInput, ends: readonly InputName[]) => {
    if (from.ended || from.input === undefined || from.input.nextTick !== Number.POSITIVE_INFINITY || from.input.completeTick !== Number.POSITIVE_INFINITY) return;
    if (isOneOf(ends, from)) becomeIdle(task, from);
  };
  let wake: (() => void) | undefined;
  const works = () => hosted.flatMap(({ task }) => [...task.outside].map(([step, work]) => ({ task, step, work })));

  const inputOf = (source: TaskSource, partition: number, start: { readonly offset: number; readonly progress: number }): Input =>
    createInput({ log: options.log, reader: createRecordReader(source.topic, options.registry), topic: source.topic, partition, tickMs, start });
  /** Builds tasks and restores their state. */
  const host = async (numbers: readonly number[], positions: readonly Position[]): Promise<Hosted[]> => {
    const starts = await firstOffsets(options, numbers);
    const added = numbers.map((number): Hosted => {
      const task = createTask(pipeline, number, options.taskCount, environment);
      tickMs = tickOf(pipeline, task.graph.sources);
      const sources = task.table(sourcesStep);
      const inputs = task.graph.sources.map((source, sourceNumber): HostedInput => {
        const { name } = source.topic;
        if (number >= (options.partitions.get(name) ?? 0)) return { source, sourceNumber, partition: number, input: undefined, tick: Number.NEGATIVE_INFINITY, ended: true };
        const stored = sources.get(progressKey(name, number));
        const progress = stored === undefined ? Number.NEGATIVE_INFINITY : Buffer.from(stored).readDoubleLE(0);
        const ended = stored?.[8] === 1;
        const offset = positions.find((p) => p.topic === name && p.partition === number)?.offset ?? starts.get(`${name}/${number}`)!;
        return { source, sourceNumber, partition: number, input: inputOf(source, number, { offset, progress }), tick: Math.floor(progress / tickMs), ended };
      });
      return { task, inputs };
    });
    for (const { task } of added) for (const work of task.outside.values()) work.onOutcome(() => wake?.());
    for (const { task } of added) task.reopenExchanges();
    for (const { task, inputs } of added) {
      for (const input of inputs) {
        if (input.input === undefined) input.source.next({ kind: 'watermark', time: Number.NEGATIVE_INFINITY, idle: true });
        else if (input.ended) becomeIdle(task, input);
        else if (input.tick !== Number.NEGATIVE_INFINITY) watermark(task, input);
        task.check();
      }
    }
    return added;
  };

  return {
    get tasks() {
      return tasks;
    },
    async open() {
      hosted = await host(tasks, options.positions);
      readParcels = createParcelReader(hosted[0]?.task.graph.sources.map(({ topic }) => topic) ?? [], options.registry);
      if (works().length > 0) environment.abort.addEventListener('abort', () => works().forEach(({ work }) => work.stop()), { once: true });
      return parcels();
    },
    async change(next, kept, positions) {
      const stays = ({ task }: Hosted) => next.includes(task.number) && kept.includes(task.number);
      for (const { task } of hosted.filter((h) => !stays(h))) task.close('shutdown');
      hosted = hosted.filter(stays);
      // what was read ahead lies behind the bounds of entries that new tasks have left unfinished
      for (const { inputs } of hosted) for (const from of inputs) if (from.input !== undefined) from.input = inputOf(from.source, from.partition, from.input);
      environment.state.refresh();
      hosted.push(...(await host(next.filter((task) => !hosted.some((h) => h.task.number === task)), positions)));
      hosted.sort((a, b) => a.task.number - b.task.number);
      tasks = next;
    },
    async plan(rows, bounds) {
      const status: InputStatus[] = [];
      for (const { task, inputs } of hosted) {
        for (const { input, source, sourceNumber, partition } of inputs) {
          if (input === undefined) continue;
          const bound = bounds.find((b) => b.topic === source.topic.name && b.partition === partition)?.offset ?? 0;
          try {
            await input.prefetch(rows, bound);
          } catch (error) {
            throw asHeadraceError(error, 'HR_STEP', { pipeline: pipeline.name, step: source.id, topic: source.topic.name, partition });
          }
          status.push({ task: task.number, source: sourceNumber, topic: source.topic.name, partition, offset: input.offset, nextTick: input.nextTick, completeTick: input.completeTick });
        }
      }
      return status;
    },
    async run(cut, ends, timers) {
      for (const { task, inputs } of hosted) {
        if (timers) task.fireTimers();
        const live = inputs.filter((i) => i.input !== undefined);
        // Inputs that are empty, or had ended before a restart, belong to an earlier tick than all that comes.
        for (const from of live) markEnded(task, from, ends);
        for (;;) {
          const tick = live.reduce((least, i) => Math.min(least, i.input!.nextTick), Number.POSITIVE_INFINITY);
          if (tick > cut.tick || tick === Number.POSITIVE_INFINITY) break;
          for (const from of live) {
            if (from.input!.nextTick <= tick) takeTick(task, from, tick);
            markEnded(task, from, ends);
          }
          task.tick = tick;
          task.endTick();
        }
        for (const from of live) {
          const p = cut.partial;
          if (p !== undefined && (task.number < p.task || (task.number === p.task && from.sourceNumber <= p.source))) takeTick(task, from, p.tick);
          markEnded(task, from, ends);
        }
        task.endTick();
      }
      return parcels();
    },
    async drain(packed, stretch) {
      const arrived = await readParcels(packed);
      for (const { task } of hosted) {
        const mine = arrived.filter((p) => p.to === task.number);
        task.stretch = stretch;
        const order = (p: Parcel) => task.exchanges.get(p.exchange)!.order;
        mine.sort((a, b) => (a.tick === b.tick ? order(a) - order(b) || a.from - b.from : a.tick < b.tick ? -1 : 1));
        for (const parcel of mine) {
          if (parcel.tick !== task.tick) task.endTick();
          task.tick = parcel.tick;
          const port = task.exchanges.get(parcel.exchange)!;
          for (const signal of parcel.signals) port.deliver(parcel.from, signal);
          task.check();
        }
        task.endTick();
      }
      for (const { task } of hosted) task.stretch = 0;
      return parcels();
    },
    async finish() {
      for (const { task, inputs } of hosted) {
        task.tick = Number.POSITIVE_INFINITY;
        for (const { source } of inputs) source.next({ kind: 'watermark', time: Number.POSITIVE_INFINITY });
        task.check();
        task.endTick();
      }
      return parcels();
    },
    async idle(chosen) {
      for (const { task, inputs } of hosted) {
        for (const input of inputs) if (isOneOf(chosen, input)) becomeIdle(task, input);
        task.endTick();
      }
      return parcels();
    },
    async barrier(epoch) {
      const flushed: Flushed = { outputs: [], state: [], positions: [], records: taken, time: { newest: Number.NEGATIVE_INFINITY, watermark: Number.POSITIVE_INFINITY } };
      taken = 0;
      for (const { task, inputs } of hosted) {
        const sources = task.table(sourcesStep);
        for (const { input, source, partition, tick, ended } of inputs) {
          if (input === undefined) continue;
          flushed.time.newest = Math.max(flushed.time.newest, input.progress);
          if (!ended) flushed.time.watermark = Math.min(flushed.time.watermark, tick * tickMs - source.disorderMs);
          flushed.positions.push({ topic: source.topic.name, partition, offset: input.offset });
          if (input.progress === Number.NEGATIVE_INFINITY && !ended) continue;
          const progress = Buffer.alloc(9);
          progress.writeDoubleLE(input.progress);
          progress[8] = ended ? 1 : 0;
          sources.put(progressKey(source.topic.name, partition), progress);
        }
        const { outputs, state } = task.barrier(epoch);
        flushed.outputs.push(...outputs);
        for (const write of state) flushed.state.push(write);
      }
      return flushed;
    },
    async settle() {
      environment.state.refresh();
      for (const { task } of hosted) task.settle();
      if (!environment.replaying) for (const { work } of works()) work.begin();
    },
    async outcomes() {
      return works().flatMap(({ task, step, work }) => {
        const bytes = work.take();
        return bytes === undefined ? [] : [{ step, task: task.number, bytes }];
      });
    },
    async enter(outcomes) {
      for (const { task, inputs } of hosted) {
        const mine = outcomes.filter((o) => o.task === task.number);
        if (mine.length === 0) continue;
        // The newest tick behind it: what comes out stands before the records that follow, however epochs are cut.
        task.tick = inputs.reduce((newest, { tick }) => Math.max(newest, tick), Number.NEGATIVE_INFINITY);
        for (const { step, bytes } of mine) {
          task.outside.get(step)!.enter(bytes);
          task.check();
        }
        task.endTick();
      }
      return parcels();
    },
    async awaitOutcome(ms) {
      if (works().some(({ work }) => work.ready > 0)) return;
      await Promise.race([new Promise<void>((resolve) => (wake = resolve)), environment.wait(ms)]);
      wake = undefined;
    },
    async pulse() {
      return {
        bytes: hosted.reduce((sum, { task }) => sum + task.pendingBytes, 0),
        nextTimer: hosted.reduce((least, { task }) => Math.min(least, task.nextTimer), Number.POSITIVE_INFINITY),
        outside: togetherOutside(works().map(({ work }) => work)),
      };
    },
    async close(reason) {
      for (const { task } of hosted) task.close(reason);
    },
  };
}

/** Calls of several steps, tasks or groups as one. */
export function togetherOutside(parts: readonly OutsidePulse[]): OutsidePulse {
  return {
    waiting: parts.reduce((sum, p) => sum + p.waiting, 0),
    ready: parts.reduce((sum, p) => sum + p.ready, 0),
    full: parts.some((p) => p.full),
    wantsEpoch: parts.reduce((least, p) => Math.min(least, p.wantsEpoch), Number.POSITIVE_INFINITY),
  };
}
