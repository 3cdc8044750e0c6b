import type { Observable } from 'rxjs';
import { tap } from 'rxjs';
import { Batch, objectRows, type BatchRows } from '../../dataflow/batch.js';
import { columnFrom } from '../../dataflow/column-from.js';
import { createMetrics, type Metrics } from '../../dataflow/metrics.js';
import { pipeline, type Pipeline } from '../../dataflow/pipeline.js';
import type { RecordBlock } from '../../dataflow/record-block.js';
import type { Signal } from '../../dataflow/signal.js';
import { writtenBy } from '../../dataflow/step.js';
import { definition, topic, type TopicDefinition } from '../../dataflow/topic.js';
import { stringColumn } from '../../schemas/column.js';
import { buildGraph, createTask, type Task } from '../engine/task.js';
import { memoryRuntime } from './memory-runtime.js';
import { marbleField } from './side-output.js';

/** A record for a step under test. */
export interface StepRecord {
  readonly value: unknown;
  /** Event time, epoch ms. */
  readonly time: number;
  readonly key: string | number | boolean;
  /** Number of the record: late records and dead letters carry it as their key. */
  readonly marble: number;
}

/** A step with one input or several. */
export type DrivenStep = (...streams: Observable<Signal<never, never>>[]) => Observable<Signal<unknown, unknown>>;

/**
 * What happens to a step under test, at its input number `input` where it has several. Times are epoch ms; `restart` goes back to the last barrier and takes what came
 * since again.
 */
export type StepEvent =
  | { readonly kind: 'records'; readonly input: number; readonly records: readonly StepRecord[] }
  | { readonly kind: 'watermark'; readonly input: number; readonly time: number }
  | { readonly kind: 'end'; readonly input: number }
  | { readonly kind: 'clock'; readonly time: number }
  | { readonly kind: 'barrier' | 'restart' };

/** What a step gave. */
export interface StepRun {
  readonly out: readonly { readonly value: unknown; readonly time: number; readonly key: string | undefined }[];
  /** Blocks that were written to topics (dead letters: `<step>.dlq`), in order. */
  readonly written: readonly { readonly topic: string; readonly block: RecordBlock }[];
  /** The topics that the step may write, by name. */
  readonly topics: ReadonlyMap<string, TopicDefinition>;
  readonly metrics: Metrics;
}

/** Runs one step, or several in a row, in a task of its own over `events`; nothing but what a barrier or the end commits survives a restart. */
export function driveStep(step: DrivenStep, inputs: number, events: readonly StepEvent[]): StepRun {
  const topics = Array.from({ length: inputs }, (_, i) => topic(i === 0 ? 'marbles' : `marbles-${i + 1}`, { value: { type: 'record', name: 'Marbles', fields: [] } }));
  const memory = memoryRuntime();
  const metrics = createMetrics();
  const out: StepRun['out'][number][] = [];
  const written: StepRun['written'][number][] = [];
  let now = 0;
  const job: Pipeline = pipeline('play', ({ from }) =>
    step(...topics.map((t) => from(t) as unknown as Observable<Signal<never, never>>)).pipe(
      tap((signal) => {
        if (signal.kind !== 'batch') return;
        const { batch } = signal;
        for (let i = 0; i < batch.length; i++) out.push({ value: batch.value(i), time: batch.times[i]!, key: batch.key && batch.keyText(i) });
      }),
    ),
  );
  const outTopics = writtenTopics(job);
  const open = (): Task =>
    createTask(job, 0, 1, {
      state: memory.state,
      artefacts: memory.artefacts,
      clock: { now: () => now },
      metrics,
      abort: new AbortController().signal,
      bounded: false,
      inputs: new Map(),
      outputs: new Map([...outTopics.keys()].map((name) => [name, { partitions: 1, schemaId: 1 }])),
      replaying: false,
      wait: () => Promise.resolve(),
      warn() {},
    });

  let task = open();
  let epoch = 0;
  let watermarks: number[] = topics.map(() => Number.NEGATIVE_INFINITY);
  let committed = { out: 0, watermarks: [...watermarks] };
  let since: StepEvent[] = [];
  const push = (input: number, signal: Signal<unknown>) => {
    task.graph.sources[input]!.next(signal);
    task.check();
    drain(task);
  };
  const endTick = () => {
    task.endTick();
    drain(task);
  };
  const commit = () => {
    endTick();
    epoch += 1;
    const { outputs, state } = task.barrier(epoch);
    memory.writeState(job.name, state);
    written.push(...outputs);
    task.settle();
    committed = { out: out.length, watermarks: [...watermarks] };
    since = [];
  };
  const advance = (input: number, time: number) => {
    watermarks[input] = time;
    endTick();
    task.tick = Math.max(...watermarks);
    push(input, { kind: 'watermark', time });
  };
  const apply = (event: StepEvent) => {
    switch (event.kind) {
      case 'records':
        if (event.records.length > 0) push(event.input, { kind: 'batch', batch: keyedBatch(event.records) as Batch<unknown, never> });
        return;
      case 'watermark':
        advance(event.input, event.time);
        return;
      case 'clock':
        now = event.time;
        task.fireTimers();
        drain(task);
        return;
      case 'barrier':
        commit();
        return;
      case 'end':
        advance(event.input, Number.POSITIVE_INFINITY);
        return;
      case 'restart':
        throw new Error('a restart is not an event of a task');
    }
  };
  for (const event of events) {
    if (event.kind === 'restart') {
      out.length = committed.out;
      watermarks = [...committed.watermarks];
      task = open();
      watermarks.forEach((time, input) => {
        if (time !== Number.NEGATIVE_INFINITY) push(input, { kind: 'watermark', time });
      });
      for (const again of since) apply(again);
    } else {
      since.push(event);
      apply(event);
    }
  }
  commit();
  task.close(watermarks.every((time) => time === Number.POSITIVE_INFINITY) ? 'end' : 'shutdown');
  return { out, written, topics: outTopics, metrics };
}

function writtenTopics(job: Pipeline): ReadonlyMap<string, TopicDefinition> {
  const topics = buildGraph(job).steps.flatMap(writtenBy);
  return new Map(topics.map((t) => [t[definition].name, t[definition]]));
}

function keyedBatch(records: readonly StepRecord[]): Batch<unknown, unknown> {
  const rows = objectRows(records.map((r) => r.value));
  const marked: BatchRows = {
    length: records.length,
    value: (i) => records[i]!.value,
    place: () => ({}),
    field: (name) => (name === marbleField ? columnFrom(records.map((r) => String(r.marble))) : rows.field(name)),
    record: (i) => ({ key: Buffer.from(String(records[i]!.marble)), value: null }),
    pack: (chosen) => rows.pack(chosen),
  };
  const kind = typeof records[0]!.key as 'string' | 'number' | 'boolean';
  return new Batch(marked, Float64Array.from(records, (r) => r.time), stringColumn(records.map((r) => String(r.key))), { name: 'key', kind });
}

/** Takes what was sent through exchanges to where it goes: those nearer to the source first. */
function drain(task: Task): void {
  let waiting = task.takeParcels();
  while (waiting.length > 0) {
    const stage = Math.min(...waiting.map((p) => p.stage));
    const due = waiting.filter((p) => p.stage === stage);
    for (const parcel of due) {
      for (const signal of parcel.signals) task.exchanges.get(parcel.exchange)!.deliver(0, signal);
      task.check();
    }
    waiting = [...waiting.filter((p) => p.stage !== stage), ...task.takeParcels()];
  }
}
