import { Observable, Subject } from 'rxjs';
import type { Batch } from '../../dataflow/batch.js';
import type { Clock } from '../../dataflow/clock.js';
import { durationMs } from '../../dataflow/duration.js';
import { HeadraceError } from '../../dataflow/errors.js';
import { checkOptions } from '../../dataflow/known-options.js';
import type { Metrics } from '../../dataflow/metrics.js';
import type { AnyStream, FromOptions, Pipeline, PipelineScope, Source } from '../../dataflow/pipeline.js';
import type { OutsideWork } from '../../dataflow/outside-work.js';
import type { ArtefactStore } from '../../dataflow/ports/artefact-store.js';
import type { FeaturePublisher } from '../../dataflow/ports/feature-publisher.js';
import type { StateBackend } from '../../dataflow/ports/state-backend.js';
import type { EpochCommit, StateWrite } from '../../dataflow/ports/log-client.js';
import type { Signal } from '../../dataflow/signal.js';
import { collectSteps, defineStep, type ErrorPolicy, type Step, writtenBy } from '../../dataflow/step.js';
import { createStateTable, type EpochTable } from '../../dataflow/state/state-table.js';
import type { TaskContext } from '../../dataflow/task-context.js';
import { createWatermarkMerge, type WatermarkMerge } from '../../dataflow/watermark-merge.js';
import { definition, type AnyTopic, type Topic, type TopicDefinition } from '../../dataflow/topic.js';
import { createDeadLetters } from './dead-letters.js';
import { createExchangePort, type ExchangePort, type ExchangeSignal, type Parcel } from './exchange-port.js';

/** A source step of a task's graph. */
export interface TaskSource {
  readonly id: string;
  readonly topic: TopicDefinition;
  readonly disorderMs: number;
  readonly idlenessMs: number;
  readonly onError: ErrorPolicy;
  next(signal: Signal<unknown>): void;
}

/** The graph of a pipeline as built once: its steps, sources and streams. */
export interface PipelineGraph {
  readonly steps: readonly Step[];
  readonly sources: readonly TaskSource[];
  readonly streams: readonly AnyStream[];
}

/**
 * Builds the graph of a pipeline and checks it; nothing runs.
 *
 * @throws whatever is wrong with the pipeline, by code
 */
export function buildGraph(pipeline: Pipeline): PipelineGraph {
  const sources: TaskSource[] = [];
  const scope: PipelineScope = {
    from<T>(topic: Topic<T, unknown>, options: FromOptions = {}): Source<T> {
      const meta = (topic as Partial<AnyTopic>)?.[definition];
      if (meta === undefined) throw new HeadraceError('HR_PIPELINE', '`from` takes a topic made by topic(…).', { place: { pipeline: pipeline.name } });
      const what = `from(${meta.name})`;
      checkOptions(options, ['disorder', 'idleness', 'onError', 'id'], what);
      const disorderMs = durationMs(options.disorder ?? 0, `${what}: disorder`);
      const idlenessMs = durationMs(options.idleness ?? '5s', `${what}: idleness`, 1);
      const subject = new Subject<Signal<T>>();
      const stream = subject.asObservable() as Source<T>;
      const id = options.id ?? meta.name;
      const details = { topic: meta.name, disorder: String(options.disorder ?? '0s') };
      const { step } = defineStep(stream, [], { kind: 'from', id, topic, role: 'source', details, onError: options.onError });
      Object.defineProperty(stream, 'records$', { get: () => plainRecords(stream) });
      sources.push({ id, topic: meta, disorderMs, idlenessMs, onError: step.onError, next: (signal) => subject.next(signal as Signal<T>) });
      return stream;
    },
  };
  const streams = pipeline.build(scope);
  const steps = collectSteps(streams, pipeline.name);
  if (sources.length === 0) throw new HeadraceError('HR_PIPELINE', 'The pipeline reads no topic.', { place: { pipeline: pipeline.name } });
  return { steps, sources, streams };
}

function plainRecords<T>(stream: Observable<Signal<T>>): Observable<T> {
  return new Observable<T>((subscriber) =>
    stream.subscribe({
      next(signal) {
        if (signal.kind === 'batch') for (const value of signal.batch.values()) subscriber.next(value);
        else if (signal.kind === 'close') subscriber.complete();
      },
      error: (error: unknown) => subscriber.error(error),
    }),
  );
}

/** Milliseconds of a tick: the pipeline's own, or a tenth of the largest disorder between 100 ms and 10 s. */
export function tickOf(pipeline: Pipeline, sources: readonly { readonly disorderMs: number }[]): number {
  const largest = Math.max(...sources.map((s) => s.disorderMs));
  return pipeline.tickMs ?? Math.min(10_000, Math.max(100, Math.round(largest / 10)));
}

/** Whether each topic has one writer: the order of several ones is that of whole ticks, which one process has to know. */
export function writesApart(graph: PipelineGraph): boolean {
  const written = writtenTopics(graph);
  return new Set(written).size === written.length;
}

/** What a task needs from the run around it. */
export interface TaskEnvironment {
  readonly state: StateBackend;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly abort: AbortSignal;
  readonly bounded: boolean;
  /** History is gone through again: outcomes of calls are those that were written down, and no call is made. */
  readonly replaying: boolean;
  /** Partitions of the topics that are read. */
  readonly inputs: ReadonlyMap<string, number>;
  /** Partitions and schema ids of the topics that are written. */
  readonly outputs: ReadonlyMap<string, { readonly partitions: number; readonly schemaId: number }>;
  warn(what: string, message: string): void;
  readonly publisher?: FeaturePublisher | undefined;
  readonly artefacts: ArtefactStore;
  /** Waits (processing time). */
  wait(ms: number): Promise<void>;
}

/** What a task appends to a topic: when, and by the how-manieth of its writers. In this order, and that of tasks, it does not depend on epochs or threads. */
export type TaskOutput = EpochCommit['outputs'][number] & { readonly stretch: number; readonly tick: number; readonly writer: number; readonly task: number };

/** A pipeline's graph at work for one task. */
export interface Task {
  readonly number: number;
  readonly graph: PipelineGraph;
  /** Tick that is being processed; parcels carry it. */
  tick: number;
  /** Number of the stretch of input that is being processed, which grows; ticks begin anew with each. */
  stretch: number;
  readonly exchanges: ReadonlyMap<string, ExchangePort>;
  /** Whether records go from one task to another. */
  readonly sendsToOthers: boolean;
  deadLetter(step: string, batch: Batch<unknown>, row: number, error: HeadraceError): void;
  /** Everything of a tick has been handed to this task's sources or exchanges of one stage. */
  endTick(): void;
  /** Parcels posted since the last call. */
  takeParcels(): Parcel[];
  /** Flushes every step, then gives the epoch's outputs and state changes. */
  barrier(epoch: number): { outputs: TaskOutput[]; state: StateWrite[] };
  /** Bytes of output that wait for the epoch's end. */
  readonly pendingBytes: number;
  /** Calls that steps make outside of the stream, by step. */
  readonly outside: ReadonlyMap<string, OutsideWork>;
  /** Earliest processing-time timer, or Infinity. */
  readonly nextTimer: number;
  fireTimers(): void;
  table(step: string): EpochTable;
  /** State of its steps, and of the run itself under names that begin with `~`. */
  readonly tables: ReadonlyMap<string, EpochTable>;
  settle(): void;
  /** Tells what comes behind the exchanges what these knew at the last barrier. */
  reopenExchanges(): void;
  close(reason: 'end' | 'shutdown'): void;
  /** Throws what a step has failed with. */
  check(): void;
}

/** The topics that the steps of a pipeline write, each as often as there are writers: sinks, and side outputs. */
export function writtenTopics({ steps }: PipelineGraph): readonly string[] {
  return steps.flatMap(writtenBy).map((topic) => topic[definition].name);
}

/** Step under which a task keeps what it knows of watermarks, where several meet. */
export const watermarksStep = '~watermarks';
const nothing = new Uint8Array(0);

/** Builds a task and opens its steps: state is restored when this returns. */
export function createTask(pipeline: Pipeline, number: number, tasks: number, environment: TaskEnvironment): Task {
  const graph = buildGraph(pipeline);
  const state = environment.state.of(number);
  const tables = new Map<string, EpochTable>();
  const exchanges = new Map<string, ExchangePort>();
  const outputs: TaskOutput[] = [];
  let writers = 0;
  const timers: { time: number; fire: () => void }[] = [];
  const releases: (() => void)[] = [];
  const outside = new Map<string, OutsideWork>();
  const deadLetters = createDeadLetters(number);
  let parcels: Parcel[] = [];
  let open = new Map<string, Parcel>();
  let failure: { error: unknown } | undefined;
  let flushing = false;
  let pendingBytes = 0;
  let sendsToOthers = false;

  const table = (step: string): EpochTable => {
    let found = tables.get(step);
    if (found === undefined) tables.set(step, (found = createStateTable(state, pipeline.name, step, number)));
    return found;
  };
  const post = (exchange: string, to: number, signal: ExchangeSignal) => {
    if (flushing) throw new Error(`exchange ${exchange}: records were sent while an epoch is being flushed`);
    const name = `${exchange}>${to}`;
    let parcel = open.get(name);
    if (parcel === undefined || parcel.tick !== task.tick) {
      parcel = { exchange, stage: exchanges.get(exchange)!.stage, tick: task.tick, from: number, to, signals: [] };
      open.set(name, parcel);
      parcels.push(parcel);
    }
    parcel.signals.push(signal);
  };
  const port = (id: string, { local = false, writes = false }: { readonly local?: boolean; readonly writes?: boolean }): ExchangePort => {
    const step = graph.steps.find((s) => s.id === id || id.startsWith(`${s.id}/`));
    const made = createExchangePort({
      id,
      // what is sent to the writers of a topic comes out of the exchanges of its depth
      stage: 2 * (step?.depth ?? 1) + (writes ? 1 : 0),
      isLocal: local,
      order: exchanges.size,
      watermarks: watermarks(id, local ? 1 : tasks),
      receivers: local ? [number] : Array.from({ length: tasks }, (_, to) => to),
      post: (to, signal) => post(id, to, signal),
    });
    exchanges.set(id, made);
    return made;
  };
  const merges = new Map<string, { readonly merge: WatermarkMerge; kept: Uint8Array }>();
  const watermarks = (id: string, inputs: number): WatermarkMerge => {
    const stored = table(watermarksStep).get(Buffer.from(id));
    const kept = stored && Uint8Array.from(stored);
    const merge = createWatermarkMerge(inputs, kept);
    merges.set(id, { merge, kept: kept ?? nothing });
    return merge;
  };
  const keepWatermarks = () => {
    // behind the end of the input a run begins anew: watermarks are told again
    const isAtEnd = [...merges.values()].some(({ merge }) => merge.last?.time === Number.POSITIVE_INFINITY);
    for (const [id, known] of merges) {
      const packed = isAtEnd ? nothing : known.merge.pack();
      if (Buffer.compare(packed, known.kept) === 0) continue;
      known.kept = packed;
      if (isAtEnd) table(watermarksStep).delete(Buffer.from(id));
      else table(watermarksStep).put(Buffer.from(id), packed);
    }
  };
  const context: TaskContext = {
    pipeline: pipeline.name,
    task: number,
    tasks,
    clock: environment.clock,
    metrics: environment.metrics,
    artefacts: environment.artefacts,
    publisher: environment.replaying ? undefined : environment.publisher,
    abort: environment.abort,
    bounded: environment.bounded,
    table,
    output(topic) {
      const { name } = topic[definition];
      const known = environment.outputs.get(name);
      if (known === undefined) throw new Error(`topic ${name} is written but was not prepared`);
      const writer = writers++;
      return {
        ...known,
        shared: writtenTopics(graph).filter((topic) => topic === name).length > 1,
        append(partition, block) {
          outputs.push({ topic: name, partition, block, stretch: task.stretch, tick: task.tick, writer, task: number });
          pendingBytes += block.bytes.length + 16 * block.count;
          environment.metrics.add('headrace_records_out_total', name, block.count);
        },
      };
    },
    exchange(step, { writes = false } = {}) {
      sendsToOthers ||= tasks > 1;
      return port(step, { writes });
    },
    local: (step) => port(step, { local: true }),
    watermarks,
    deadLetter(step, batch, row, error) {
      environment.metrics.add('headrace_dead_letters_total', step, 1);
      deadLetters.add(step, batch, row, error);
    },
    outside(step, work) {
      outside.set(step, work);
    },
    atTickEnd(release) {
      releases.push(release);
    },
    atProcessingTime(time, fire) {
      timers.push({ time, fire });
    },
    warn: environment.warn,
  };
  const task: Task = {
    number,
    graph,
    tick: Number.NEGATIVE_INFINITY,
    stretch: 0,
    exchanges,
    outside,
    deadLetter: context.deadLetter,
    endTick() {
      for (const release of releases) release();
      task.check();
    },
    takeParcels() {
      const taken = parcels;
      parcels = [];
      open = new Map();
      return taken;
    },
    barrier(epoch) {
      flushing = true;
      // What is appended now is the last of its writer.
      task.tick = Number.POSITIVE_INFINITY;
      task.stretch = Number.POSITIVE_INFINITY;
      broadcast({ kind: 'barrier', epoch });
      flushing = false;
      task.stretch = 0;
      pendingBytes = 0;
      keepWatermarks();
      const state = [...tables.values()].flatMap((t) => t.take());
      const letters = deadLetters.take().map((letter) => ({ ...letter, stretch: Number.POSITIVE_INFINITY, tick: Number.POSITIVE_INFINITY, writer: 0, task: number }));
      return { outputs: [...outputs.splice(0), ...letters], state };
    },
    get sendsToOthers() {
      return sendsToOthers;
    },
    get pendingBytes() {
      return pendingBytes;
    },
    get nextTimer() {
      return timers.reduce((least, timer) => Math.min(least, timer.time), Number.POSITIVE_INFINITY);
    },
    fireTimers() {
      if (environment.bounded) return;
      const now = environment.clock.now();
      const due = timers.filter((t) => t.time <= now).sort((a, b) => a.time - b.time);
      if (due.length === 0) return;
      timers.splice(0, timers.length, ...timers.filter((t) => t.time > now));
      for (const timer of due) timer.fire();
      task.check();
    },
    table,
    tables,
    settle() {
      for (const t of tables.values()) t.settle();
    },
    reopenExchanges() {
      for (const port of inOrder()) {
        port.reopen();
        task.check();
      }
    },
    close: (reason) => broadcast({ kind: 'close', reason }),
    check() {
      if (failure !== undefined) throw failure.error;
    },
  };
  const inOrder = () => [...exchanges.values()].sort((a, b) => a.stage - b.stage || a.order - b.order);
  const broadcast = (signal: Signal<unknown>) => {
    for (const source of graph.sources) source.next(signal);
    task.check();
    for (const port of inOrder()) {
      port.control(signal);
      task.check();
    }
  };
  for (const stream of graph.streams) {
    stream.subscribe({
      error(error: unknown) {
        failure ??= { error };
      },
    });
  }
  // With fewer partitions than tasks, the keys of a topic are not where an exchange would bring them.
  for (const source of graph.sources) {
    const whole = environment.inputs.get(source.topic.name) === tasks;
    source.next({ kind: 'open', context, partitionedBy: whole ? source.topic.key : undefined });
  }
  task.check();
  return task;
}
