import type { Clock } from '../../dataflow/clock.js';
import { HeadraceError } from '../../dataflow/errors.js';
import type { Metrics } from '../../dataflow/metrics.js';
import type { Pipeline } from '../../dataflow/pipeline.js';
import type { FeaturePublisher } from '../../dataflow/ports/feature-publisher.js';
import type { JournalEntry, LogClient, Position, StateWrite } from '../../dataflow/ports/log-client.js';
import type { SchemaRegistry } from '../../dataflow/ports/schema-registry.js';
import type { StateBackend } from '../../dataflow/ports/state-backend.js';
import { definition } from '../../dataflow/topic.js';
import { parseRecordSchema } from '../../schemas/avro-schema.js';
import { compileReader } from '../../schemas/reader.js';
import type { Parcel } from './exchange-port.js';
import { buildGraph, type PipelineGraph, type TaskEnvironment, type TaskOutput } from './task.js';
import { outcomeRecords, outcomesTopic, type RecordedOutcomes } from './outcome-history.js';
import { type Cut, type InputName, type InputStatus, type Outcomes, type Pulse, type TaskGroup, togetherOutside } from './task-group.js';

/** Log, state and schemas that a job works on. */
export interface Runtime {
  readonly log: LogClient;
  readonly state: StateBackend;
  readonly registry: SchemaRegistry;
}

/** How a job runs. */
export interface JobOptions {
  readonly pipeline: Pipeline;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly abort: AbortSignal;
  /** Stop at the end of the input, every window closed. */
  readonly bounded: boolean;
  /** Take up to here instead of the end of the topics, and treat it as the entry says (replay). */
  readonly journal?: readonly JournalEntry[];
  /** Outcomes of calls that were written down: they enter where they did, and no call is made (replay). */
  readonly outcomes?: RecordedOutcomes;
  /** Makes the groups that host the tasks: one in this thread, or one a worker thread. */
  readonly groups: (setting: JobSetting) => readonly TaskGroup[];
  /** Milliseconds between commits. @default 200 live, 2,000 bounded */
  readonly commitMs?: number;
  /** Rows read ahead of each input in one step. @default 16,384 */
  readonly stepRows?: number;
  /** A feature store outside of the runtime. @default look-ups read the state */
  readonly publisher?: FeaturePublisher | undefined;
  /** Waits for new input (live runs). */
  readonly wait: (ms: number) => Promise<void>;
  readonly warn: (what: string, message: string) => void;
  /** After each commit: records processed so far, of how many known. */
  readonly onProgress?: (progress: JobProgress) => void;
}

/** What a job found out at its start. */
export interface JobSetting {
  readonly graph: PipelineGraph;
  readonly taskCount: number;
  readonly partitions: ReadonlyMap<string, number>;
  readonly positions: readonly Position[];
  readonly environment: TaskEnvironment;
}

/** How far a job is. */
export interface JobProgress {
  readonly done: number;
  readonly total: number;
  readonly epoch: number;
  /** Newest event time and watermark (epoch ms); the watermark is Infinity when all inputs are at their end. */
  readonly newest: number;
  readonly watermark: number;
}

/** What a job did. */
export interface JobResult {
  readonly records: number;
  readonly outputs: number;
  readonly epochs: number;
}

/** Step under which a job keeps how many journal entries it has finished. */
const journalStep = '~journal';
const finishedKey = Buffer.from('finished');
/** Number of tasks that the state belongs to. */
const tasksKey = Buffer.from('tasks');
/** Bytes of output after which an epoch is committed, whatever the clock says. */
const epochBytes = 40 << 20;
/** Records after which an epoch is committed, whatever the clock says: they bound the state that an epoch changes. */
const epochRecords = 1 << 20;

/**
 * Runs a pipeline: reads ahead, cuts all inputs at one place in the order (tick, task, source), processes up to the cut, and
 * commits outputs, state and offsets as one epoch. A restart goes on from the last commit.
 *
 * @throws HR_TOPIC_MISSING, HR_SCHEMA_MISMATCH before anything runs; HR_STEP, HR_DISK_FULL and others while it runs
 */
export async function runJob(options: JobOptions): Promise<JobResult> {
  const { pipeline, runtime } = options;
  const graph = buildGraph(pipeline);
  const { partitions, taskCount } = await findInputs(graph, pipeline.name, runtime.log);
  await checkSchemas(graph, partitions, pipeline.name, runtime);
  checkTasks(runtime.state, pipeline.name, taskCount);
  const outputs = await prepareOutputs(graph, taskCount, runtime);
  // Calls that are under way end with the job, whatever it ends of.
  const over = new AbortController();
  const environment: TaskEnvironment = { ...options, abort: AbortSignal.any([options.abort, over.signal]), state: runtime.state, inputs: partitions, outputs, replaying: options.journal !== undefined };
  const totals = { records: 0, outputs: 0, epochs: 0 };
  const fixed = { graph, taskCount, partitions, environment };
  let tasks: RunningTasks | undefined;
  const arrivals: Arrivals = new Map();
  const recorded = options.journal ?? (await runtime.log.journal(pipeline.name));
  const first = finished(runtime.state, pipeline.name);
  const unfinished = recorded.slice(first);
  // of what is finished only the bounds of the last one are needed: a live run makes several a second
  let last = recorded[first - 1];
  try {
    for (let n = 0; ; n++) {
      const known = unfinished[n];
      const entry = known ?? (options.journal === undefined ? await nextEntry(options, graph, partitions, last, arrivals, tasks) : undefined);
      if (entry === undefined) break;
      tasks = await runEntry(options, fixed, { entry, index: first + n, isNew: known === undefined || options.journal !== undefined }, tasks, totals);
      last = entry;
      if (options.abort.aborted) break;
    }
    if (tasks !== undefined) for (const group of tasks.groups) await group.close('shutdown');
    return totals;
  } finally {
    over.abort();
  }
}

/** Tasks that go on from one stretch of live input to the next. */
interface RunningTasks {
  readonly groups: readonly TaskGroup[];
}

/** Keys and their state belong to tasks: with another number of them, a key would not find its state. */
function checkTasks(state: StateBackend, pipeline: string, taskCount: number): void {
  const stored = state.get(pipeline, journalStep, tasksKey);
  if (stored === undefined || Buffer.from(stored).readUInt32LE(0) === taskCount) return;
  const before = Buffer.from(stored).readUInt32LE(0);
  throw new HeadraceError('HR_STATE_MISMATCH', `${pipeline} has state of ${before} tasks, and its input topics have ${taskCount} partitions now.`, {
    place: { pipeline },
    remedy: 'Read topics with as many partitions as before, or begin anew in another data directory.',
  });
}

function finished(state: StateBackend, pipeline: string): number {
  const stored = state.get(pipeline, journalStep, finishedKey);
  return stored === undefined ? 0 : Buffer.from(stored).readUInt32LE(0);
}

/** When each input was last seen to grow, by clock time, and whether it has been told to be idle since. */
type Arrivals = Map<string, { offset: number; at: number; idle: boolean }>;

/** The inputs that have become silent for longer than their idleness. */
function silentInputs(graph: PipelineGraph, bounds: readonly Position[], arrivals: Arrivals, now: number): Position[] {
  const silent: Position[] = [];
  for (const bound of bounds) {
    const name = `${bound.topic}/${bound.partition}`;
    const known = arrivals.get(name);
    if (known === undefined || known.offset !== bound.offset) arrivals.set(name, { offset: bound.offset, at: now, idle: false });
    const { at, idle } = arrivals.get(name)!;
    const idleness = Math.min(...graph.sources.filter((s) => s.topic.name === bound.topic).map((s) => s.idlenessMs));
    if (now - at >= idleness && !idle) silent.push(bound);
  }
  for (const { topic, partition } of silent) arrivals.get(`${topic}/${partition}`)!.idle = true;
  return silent;
}

/** The next stretch of input, or undefined when a bounded run has nothing left to do. Waits for input in a live run. */
async function nextEntry(options: JobOptions, graph: PipelineGraph, partitions: ReadonlyMap<string, number>, last: JournalEntry | undefined, arrivals: Arrivals, tasks: RunningTasks | undefined): Promise<JournalEntry | undefined> {
  for (;;) {
    const bounds = await ends(options.runtime.log, graph, partitions);
    const moved = bounds.some((b) => b.offset > (last?.bounds.find((p) => p.topic === b.topic && p.partition === b.partition)?.offset ?? 0));
    if (options.bounded) return moved || last?.kind !== 'end' ? { kind: 'end', bounds } : undefined;
    const silent = silentInputs(graph, bounds, arrivals, options.clock.now());
    if (silent.length > 0) return { kind: 'idle', bounds: last?.bounds ?? [], idle: silent };
    if (moved) return { kind: 'live', bounds };
    const now = options.clock.now();
    const pulse = tasks && (await pulseOf(tasks.groups));
    if (pulse !== undefined && (pulse.nextTimer <= now || pulse.outside.ready > 0 || pulse.outside.wantsEpoch <= now)) return { kind: 'live', bounds };
    // Calls that were under way when the last run stopped are made again, also where no record comes.
    if (tasks === undefined && worksOutside(graph, options.publisher)) return { kind: 'live', bounds };
    if (options.abort.aborted) return undefined;
    const commitMs = options.commitMs ?? 200;
    await (pulse === undefined || pulse.outside.waiting === 0 ? options.wait(commitMs) : awaitOutcome(tasks!.groups, Math.min(commitMs, pulse.outside.wantsEpoch - now)));
  }
}

/** Whether steps have work outside of the stream: calls, or features to publish. */
function worksOutside({ steps }: PipelineGraph, publisher: FeaturePublisher | undefined): boolean {
  return steps.some((step) => step.outside || (step.publishes && publisher !== undefined));
}

/** Longest wait where several groups are asked: one cannot be called off because another has an outcome. */
const severalGroupsMs = 20;

async function awaitOutcome(groups: readonly TaskGroup[], ms: number): Promise<void> {
  const limit = Math.max(1, groups.length > 1 ? Math.min(ms, severalGroupsMs) : ms);
  await Promise.all(groups.map((group) => group.awaitOutcome(limit)));
}

async function ends(log: LogClient, graph: PipelineGraph, partitions: ReadonlyMap<string, number>): Promise<Position[]> {
  const positions: Position[] = [];
  for (const topic of new Set(graph.sources.map((s) => s.topic.name))) {
    for (let partition = 0; partition < partitions.get(topic)!; partition++) {
      positions.push({ topic, partition, offset: (await log.bounds(topic, partition)).end });
    }
  }
  return positions;
}

async function runEntry(
  options: JobOptions,
  fixed: Omit<JobSetting, 'positions'>,
  { entry, index, isNew }: { readonly entry: JournalEntry; readonly index: number; readonly isNew: boolean },
  running: RunningTasks | undefined,
  totals: { records: number; outputs: number; epochs: number },
): Promise<RunningTasks | undefined> {
  const { pipeline, runtime } = options;
  const committed = await runtime.log.committed(pipeline.name);
  const groups = running?.groups ?? options.groups({ ...fixed, positions: committed?.positions ?? [] });
  const total = entry.bounds.reduce((sum, b) => sum + b.offset, 0);
  const ends = entry.kind === 'end';
  const commitMs = options.commitMs ?? (options.bounded ? 2_000 : 200);
  const stepRows = options.stepRows ?? 16_384;
  const divisible = fixed.taskCount === 1 && isLinear(fixed.graph);
  const calls = worksOutside(fixed.graph, options.publisher) && !fixed.environment.replaying;
  let epoch = committed?.epoch ?? 0;
  let positions = committed?.positions ?? [];
  let committedRecords = positions.reduce((sum, p) => sum + p.offset, 0);
  let toJournal: readonly JournalEntry[] = isNew ? [entry] : [];
  let entered: TaskOutput[] = [];
  let afterEnd = false;
  let newest = Number.NEGATIVE_INFINITY;
  let lastCommit = performance.now();
  let dirty = false;

  const all = async <R>(call: (group: TaskGroup) => Promise<R>): Promise<R[]> => Promise.all(groups.map(call));
  const settleParcels = async (first: Parcel[][]) => {
    let waiting = first.flat();
    while (waiting.length > 0) {
      const depth = waiting.reduce((least, p) => Math.min(least, p.depth), Number.POSITIVE_INFINITY);
      const now = waiting.filter((p) => p.depth === depth);
      const arrived = await all((group) => group.drain(now.filter((p) => group.tasks.includes(p.to))));
      waiting = [...waiting.filter((p) => p.depth !== depth), ...arrived.flat()];
    }
  };
  const commit = async (isLast: boolean) => {
    const started = performance.now();
    const pending: { outputs: TaskOutput[]; state: StateWrite[]; positions: Position[] } = { outputs: [], state: [], positions: [] };
    const time = { newest: Number.NEGATIVE_INFINITY, watermark: Number.POSITIVE_INFINITY };
    let records = 0;
    for (const flushed of await all((group) => group.barrier(epoch + 1))) {
      time.newest = Math.max(time.newest, flushed.time.newest);
      time.watermark = Math.min(time.watermark, flushed.time.watermark);
      pending.outputs.push(...flushed.outputs);
      for (const write of flushed.state) pending.state.push(write);
      pending.positions.push(...flushed.positions);
      records += flushed.records;
    }
    pending.outputs.push(...entered);
    // Tasks come one after the other in an epoch: by ticks, their records in a partition have one order whatever the epochs are.
    pending.outputs.sort((a, b) => (a.tick === b.tick ? a.writer - b.writer || a.task - b.task : a.tick < b.tick ? -1 : 1));
    if (isLast) {
      const count = Buffer.alloc(4);
      count.writeUInt32LE(index + 1);
      const tasks = Buffer.alloc(4);
      tasks.writeUInt32LE(fixed.taskCount);
      pending.state.push({ step: journalStep, key: finishedKey, value: count }, { step: journalStep, key: tasksKey, value: tasks });
    }
    await createDeadLetterTopics(runtime.log, pending.outputs, fixed.taskCount);
    await runtime.log.commit({ pipeline: pipeline.name, epoch: epoch + 1, ...pending, journal: toJournal });
    epoch += 1;
    toJournal = [];
    entered = [];
    dirty = false;
    positions = pending.positions;
    newest = time.newest;
    lastCommit = performance.now();
    await all((group) => group.settle());
    totals.epochs += 1;
    totals.records += records;
    totals.outputs += pending.outputs.reduce((sum, o) => sum + o.block.count, 0);
    options.metrics.add('headrace_epochs_total', '', 1);
    options.metrics.add('headrace_commit_seconds_total', '', (performance.now() - started) / 1e3);
    const done = pending.positions.reduce((sum, p) => sum + p.offset, 0);
    if (Number.isFinite(time.watermark)) options.metrics.set('headrace_watermark_delay_ms', '', time.newest - time.watermark);
    options.metrics.set('headrace_state_bytes', '', pending.state.reduce((sum, w) => sum + (w.value?.length ?? 0), 0));
    options.onProgress?.({ done, total, epoch, ...time });
  };
  /** Outcomes enter at the beginning of an epoch, which holds them and what they do. */
  const enter = async (outcomes: readonly Outcomes[]) => {
    entered.push(...outcomeRecords({ place: { entry: index, epoch: epoch + 1, afterEnd, positions }, outcomes }, newest));
    await settleParcels(await all((group) => group.enter(outcomes.filter((o) => group.tasks.includes(o.task)))));
    dirty = true;
  };
  const enterWhatCame = async (): Promise<boolean> => {
    if (!calls || dirty) return false;
    const outcomes = (await all((group) => group.outcomes())).flat();
    if (outcomes.length > 0) await enter(outcomes);
    return outcomes.length > 0;
  };
  /** Nothing else can go on: calls that wait for an epoch begin, outcomes enter, or time passes. */
  const turnToCalls = async ({ wantsEpoch }: Pulse['outside']) => {
    if (dirty || wantsEpoch <= options.clock.now()) await commit(false);
    if (!(await enterWhatCame())) await awaitOutcome(groups, Math.min(commitMs, wantsEpoch - options.clock.now()));
  };
  /** Processes the inputs up to `bounds`. */
  const runTo = async (bounds: readonly Position[]) => {
    const ends = entry.kind === 'end' ? entry.bounds.filter((b) => offsetIn(bounds, b) === b.offset) : [];
    let rows = stepRows;
    while (!options.abort.aborted) {
      if (calls) {
        const { outside } = await pulseOf(groups);
        if (outside.full) {
          await turnToCalls(outside);
          continue;
        }
      }
      const statuses = (await all((group) => group.plan(rows, bounds))).flat();
      const cut = nextCut(statuses, divisible);
      if (cut === undefined) break;
      const moved = statuses.some((s) => s.nextTick <= cut.tick);
      if (!moved && cut.partial === undefined) {
        rows *= 2;
        continue;
      }
      rows = stepRows;
      await settleParcels(await all((group) => group.run(cut, ends)));
      dirty = true;
      const { bytes } = await pulseOf(groups);
      const records = statusRecords(statuses) - committedRecords;
      if (performance.now() - lastCommit >= commitMs || bytes > epochBytes || records > epochRecords) {
        await commit(false);
        committedRecords = statusRecords(statuses);
        await enterWhatCame();
      }
    }
    if (!options.abort.aborted) await settleParcels(await all((group) => group.run({ tick: Number.NEGATIVE_INFINITY }, ends)));
  };
  const recorded = async () => {
    const feed = await options.outcomes?.peek();
    return feed?.place.entry === index ? feed : undefined;
  };

  if (running === undefined) await settleParcels(await all((group) => group.open()));
  await enterWhatCame();
  for (let feed = await recorded(); feed !== undefined && !feed.place.afterEnd; feed = await recorded()) {
    await runTo(feed.place.positions);
    if (dirty) await commit(false);
    await enter(feed.outcomes);
    options.outcomes!.skip();
  }
  await runTo(entry.bounds);
  if (!options.abort.aborted) {
    if (entry.idle !== undefined) await settleParcels(await all((group) => group.idle(entry.idle!)));
    if (ends) await settleParcels(await all((group) => group.finish()));
    dirty ||= ends;
    afterEnd = ends;
    for (let feed = await recorded(); feed !== undefined; feed = await recorded()) {
      if (dirty) await commit(false);
      await enter(feed.outcomes);
      options.outcomes!.skip();
    }
    while (ends && calls && !options.abort.aborted) {
      // What the end has changed has to be committed before anything outside hears of it.
      if (dirty) await commit(false);
      const { outside } = await pulseOf(groups);
      if (outside.waiting === 0) break;
      await turnToCalls(outside);
    }
  }
  if (!options.abort.aborted) await commit(true);
  else if (dirty) await commit(false);
  if (!ends && !options.abort.aborted) return { groups };
  await all((group) => group.close(ends ? 'end' : 'shutdown'));
  return undefined;
}

/** The offset that `positions` have for an input. */
function offsetIn(positions: readonly Position[], { topic, partition }: InputName): number | undefined {
  return positions.find((p) => p.topic === topic && p.partition === partition)?.offset;
}

async function pulseOf(groups: readonly TaskGroup[]): Promise<Pulse> {
  const pulses = await Promise.all(groups.map((group) => group.pulse()));
  return {
    bytes: pulses.reduce((sum, p) => sum + p.bytes, 0),
    nextTimer: pulses.reduce((least, p) => Math.min(least, p.nextTimer), Number.POSITIVE_INFINITY),
    outside: togetherOutside(pulses.map((p) => p.outside)),
  };
}

/** Offsets of all inputs together: how many records have been processed before this step. */
function statusRecords(statuses: readonly InputStatus[]): number {
  return statuses.reduce((sum, s) => sum + s.offset, 0);
}

/**
 * The furthest cut for which everything is read ahead, or undefined when all inputs are at their bound and empty.
 *
 * @param divisible whether a tick that is larger than what is read ahead may be cut; else more has to be read first
 */
export function nextCut(statuses: readonly InputStatus[], divisible = true): Cut | undefined {
  const nextTick = Math.min(...statuses.map((s) => s.nextTick));
  if (nextTick === Number.POSITIVE_INFINITY && statuses.every((s) => s.completeTick === Number.POSITIVE_INFINITY)) return undefined;
  const complete = Math.min(...statuses.map((s) => s.completeTick));
  if (nextTick <= complete || !divisible) return { tick: complete };
  // One tick is larger than what is read ahead: take the first input in order that is not complete as far as it is there.
  const ordered = [...statuses].sort((a, b) => a.task - b.task || a.source - b.source);
  const first = ordered.find((s) => s.completeTick < nextTick);
  if (first === undefined || first.nextTick !== nextTick) return { tick: complete };
  return { tick: nextTick - 1, partial: { tick: nextTick, task: first.task, source: first.source } };
}

/** Whether no records of different ways meet: where they do, their order is that of whole ticks, and no tick may be cut. */
function isLinear({ steps }: PipelineGraph): boolean {
  const written = steps.flatMap((s) => [...(s.role === 'sink' && s.topic !== undefined ? [s.topic] : []), ...(s.sides ?? [])]).map((t) => t[definition].name);
  return !steps.some((s) => s.inputs.length > 1) && new Set(written).size === written.length;
}

async function findInputs(graph: PipelineGraph, pipeline: string, log: LogClient): Promise<{ partitions: Map<string, number>; taskCount: number }> {
  const topics = new Map((await log.topics()).map((t) => [t.name, t]));
  const partitions = new Map<string, number>();
  for (const source of graph.sources) {
    const topic = topics.get(source.topic.name);
    if (topic === undefined) {
      const known = [...topics.keys()].filter((name) => !name.endsWith('.dlq'));
      const hint = known.length === 0 ? 'there are no topics yet' : `there are ${known.join(', ')}`;
      throw new HeadraceError('HR_TOPIC_MISSING', `Topic "${source.topic.name}" does not exist; ${hint}.`, { place: { pipeline, step: source.id, topic: source.topic.name } });
    }
    partitions.set(topic.name, topic.partitions);
  }
  return { partitions, taskCount: Math.max(...partitions.values()) };
}

/** Refuses a pipeline that cannot read what its input topics are written with now; single records that it cannot read are dead letters. */
async function checkSchemas(graph: PipelineGraph, partitions: ReadonlyMap<string, number>, pipeline: string, { log, registry }: Runtime): Promise<void> {
  for (const { id: step, topic } of graph.sources) {
    const latest = await registry.latest(`${topic.name}-value`);
    if (latest === undefined || topic.framing === 'plain') continue;
    try {
      compileReader(parseRecordSchema(latest.schemaText), parseRecordSchema(topic.schema));
    } catch (cause) {
      const place = { pipeline, step, topic: topic.name, ...(await firstRecord(log, topic.name, partitions.get(topic.name)!)) };
      throw new HeadraceError('HR_SCHEMA_MISMATCH', `Records of topic ${topic.name} have schema ${latest.id}, which does not fit: ${(cause as Error).message}`, { cause, place });
    }
  }
}

async function firstRecord(log: LogClient, topic: string, partitions: number): Promise<{ partition?: number; offset?: number }> {
  for (let partition = 0; partition < partitions; partition++) {
    const { start, end } = await log.bounds(topic, partition);
    if (start < end) return { partition, offset: start };
  }
  return {};
}

async function prepareOutputs(graph: PipelineGraph, taskCount: number, runtime: Runtime): Promise<Map<string, { partitions: number; schemaId: number }>> {
  const outputs = new Map<string, { partitions: number; schemaId: number }>();
  const existing = new Map((await runtime.log.topics()).map((t) => [t.name, t]));
  for (const step of graph.steps) {
    if (step.outside && !existing.has(outcomesTopic(step.id))) await runtime.log.createTopic(outcomesTopic(step.id), { partitions: taskCount });
    for (const topic of [...(step.role === 'sink' && step.topic !== undefined ? [step.topic] : []), ...(step.sides ?? [])]) {
      const meta = topic[definition];
      const partitions = existing.get(meta.name)?.partitions ?? meta.partitions ?? taskCount;
      if (!existing.has(meta.name)) await runtime.log.createTopic(meta.name, { partitions, retentionMs: meta.retentionMs });
      outputs.set(meta.name, { partitions, schemaId: await runtime.registry.register(`${meta.name}-value`, JSON.stringify(meta.schema)) });
    }
  }
  return outputs;
}

async function createDeadLetterTopics(log: LogClient, outputs: readonly { readonly topic: string }[], taskCount: number): Promise<void> {
  const names = new Set(outputs.map((o) => o.topic).filter((name) => name.endsWith('.dlq')));
  if (names.size === 0) return;
  const existing = new Set((await log.topics()).map((t) => t.name));
  for (const name of names) if (!existing.has(name)) await log.createTopic(name, { partitions: taskCount });
}
