import type { JournalEntry, LogClient, Position, StateWrite } from '../../dataflow/ports/log-client.js';
import type { FeaturePublisher } from '../../dataflow/ports/feature-publisher.js';
import { awaitOutcome, pulseOf } from './group-answers.js';
import type { Hosting } from './hosting.js';
import type { JobOptions, JobSetting } from './job.js';
import { progressWrites, tasksWrite } from './job-state.js';
import { nextCut } from './next-cut.js';
import { outcomeRecords } from './outcome-history.js';
import type { Parcel } from './exchange-port.js';
import type { ParcelRoute } from './parcel-route.js';
import { phase, type Place } from './place.js';
import { type PipelineGraph, type TaskOutput, writesApart } from './task.js';
import type { InputName, InputStatus, Outcomes, Pulse, TaskGroup } from './task-group.js';

/** Bytes of output after which an epoch is committed, whatever the clock says. */
const epochBytes = 24 << 20;
/** Records after which an epoch is committed, whatever the clock says: they bound the state that an epoch changes. */
const epochRecords = 1 << 20;

/** How soon others are asked again whether they have come nearer. */
const nearerMs = 50;

/** How a stretch is run. */
export interface EntryOptions extends JobOptions {
  /** Tasks are to be given back: what is under way is committed, and the rest left to who has them next. */
  readonly isMoving: () => boolean;
  /** Other processes have tasks of this pipeline, too. */
  readonly shared: boolean;
  /** How records come from task to task. */
  readonly route: ParcelRoute;
}

/** Runs a stretch of input: up to the bounds of a journal entry. */
export async function runEntry(
  options: EntryOptions,
  fixed: Omit<JobSetting, 'positions' | 'packsParcels'>,
  { entry, index, isNew }: { readonly entry: JournalEntry; readonly index: number; readonly isNew: boolean },
  hosting: Hosting,
  totals: { records: number; outputs: number; epochs: number },
): Promise<void> {
  const { pipeline, runtime, route } = options;
  const committed = await runtime.log.committed(pipeline.name);
  const isFresh = hosting.groups === undefined;
  hosting.hasNew = false;
  const groups = (hosting.groups ??= options.groups({ ...fixed, packsParcels: route.parcelsWait, positions: committed?.positions ?? [] }));
  const total = entry.bounds.reduce((sum, b) => sum + b.offset, 0);
  const ends = entry.kind === 'end';
  const commitMs = options.commitMs ?? (options.bounded ? 2_000 : 200);
  const stepRows = options.stepRows ?? 16_384;
  const elapsed = options.elapsed ?? (() => performance.now());
  const divisible = fixed.taskCount === 1 && isLinear(fixed.graph);
  const calls = worksOutside(fixed.graph, options.publisher) && !fixed.environment.replaying;
  let epoch = committed?.epoch ?? 0;
  let positions = committed?.positions ?? [];
  let committedRecords = positions.reduce((sum, p) => sum + p.offset, 0);
  let toJournal: readonly JournalEntry[] = isNew ? [options.shared ? { ...entry, index } : entry] : [];
  const isOver = () => options.abort.aborted || options.isMoving();
  let entered: TaskOutput[] = [];
  let afterEnd = false;
  let newest = Number.NEGATIVE_INFINITY;
  let lastCommit = elapsed();
  let dirty = false;

  const all = async <R>(call: (group: TaskGroup) => Promise<R>): Promise<R[]> => Promise.all(groups.map(call));
  let at: Place = { entry: index, phase: phase.open, tick: Number.POSITIVE_INFINITY };
  /** All tasks have come to a place of the entry, where `call` makes them post what it answers with. */
  const comeTo = async (part: number, tick: number, call: (group: TaskGroup) => Promise<Parcel[]>) => {
    at = { entry: index, phase: part, tick };
    await route.settle((await all(call)).flat(), at);
  };
  const commit = async (isLast: boolean) => {
    const started = elapsed();
    if (isLast) await comeTo(phase.done, Number.POSITIVE_INFINITY, async () => []);
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
    pending.outputs.sort((a, b) => {
      if (a.stretch !== b.stretch) return a.stretch < b.stretch ? -1 : 1;
      return a.tick === b.tick ? a.writer - b.writer || a.task - b.task : a.tick < b.tick ? -1 : 1;
    });
    pending.state.push(...fixed.firstWrites);
    if (toJournal.length > 0 || isLast) {
      // of several entries that were left unfinished, each task has its own
      const tasks = isNew ? fixed.tasks : fixed.tasks.filter((task) => entry.bounds.some((b) => b.partition === task));
      pending.state.push(...progressWrites(tasks, { index, entry, isFinished: isLast }), ...(isLast ? tasks.map((task) => tasksWrite(task, fixed.taskCount)) : []));
    }
    const { parcels, state } = route.flush();
    pending.state.push(...state);
    await createDeadLetterTopics(runtime.log, pending.outputs, fixed.taskCount);
    await runtime.log.commit({ pipeline: pipeline.name, epoch: epoch + 1, ...(options.shared ? { tasks: fixed.tasks } : {}), ...pending, parcels, journal: toJournal, times: { at: options.clock.now(), newest: Number.isFinite(time.newest) ? time.newest : null, watermark: time.watermark === Number.POSITIVE_INFINITY ? 'end' : time.watermark === Number.NEGATIVE_INFINITY ? 'none' : time.watermark } });
    epoch += 1;
    fixed.firstWrites.length = 0;
    toJournal = [];
    entered = [];
    dirty = false;
    positions = pending.positions;
    newest = time.newest;
    lastCommit = elapsed();
    await all((group) => group.settle());
    totals.epochs += 1;
    totals.records += records;
    totals.outputs += pending.outputs.reduce((sum, o) => sum + o.block.count, 0);
    options.metrics.add('headrace_epochs_total', '', 1);
    options.metrics.add('headrace_commit_seconds_total', '', (elapsed() - started) / 1e3);
    const done = pending.positions.reduce((sum, p) => sum + p.offset, 0);
    if (Number.isFinite(time.watermark)) options.metrics.set('headrace_watermark_delay_ms', '', time.newest - time.watermark);
    options.metrics.set('headrace_state_bytes', '', pending.state.reduce((sum, w) => sum + (w.value?.length ?? 0), 0));
    options.onProgress?.({ done, total, epoch, positions, ...time });
  };
  /** Outcomes enter at the beginning of an epoch, which holds them and what they do. */
  const enter = async (outcomes: readonly Outcomes[]) => {
    entered.push(...outcomeRecords({ place: { entry: index, epoch: epoch + 1, afterEnd, positions }, outcomes }, newest));
    await comeTo(at.phase, at.tick, (group) => group.enter(outcomes.filter((o) => group.tasks.includes(o.task))));
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
  /** Takes what others have sent, and waits while they are too far behind. */
  const comeNearer = async () => {
    await route.receive();
    while (route.isAhead && !isOver()) {
      if (route.isDue) await commit(false);
      await options.wait(Math.min(commitMs, nearerMs));
      await route.receive();
    }
  };
  /** Processes the inputs up to `bounds`. */
  const runTo = async (bounds: readonly Position[]) => {
    const ends = entry.kind === 'end' ? entry.bounds.filter((b) => offsetIn(bounds, b) === b.offset) : [];
    let rows = stepRows;
    while (!isOver()) {
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
      await comeTo(phase.records, cut.partial?.tick ?? cut.tick, (group) => group.run(cut, ends, isNew));
      dirty = true;
      const bytes = route.bytes + (await pulseOf(groups)).bytes;
      const records = statusRecords(statuses) - committedRecords;
      if (elapsed() - lastCommit >= commitMs || bytes > epochBytes || records > epochRecords) {
        await commit(false);
        committedRecords = statusRecords(statuses);
        await enterWhatCame();
        await comeNearer();
      }
    }
    if (!isOver()) await comeTo(phase.tail, Number.POSITIVE_INFINITY, (group) => group.run({ tick: Number.NEGATIVE_INFINITY }, ends, isNew));
  };
  const recorded = async () => {
    const feed = await options.outcomes?.peek();
    return feed?.place.entry === index ? feed : undefined;
  };

  if (isFresh) {
    await route.open((await all((group) => group.open())).flat(), index);
    options.observer?.restored();
  }
  await enterWhatCame();
  for (let feed = await recorded(); feed !== undefined && !feed.place.afterEnd; feed = await recorded()) {
    await runTo(feed.place.positions);
    if (dirty) await commit(false);
    await enter(feed.outcomes);
    options.outcomes!.skip();
  }
  await runTo(entry.bounds);
  // decided once: from here on the entry is gone through to its end, or left
  const isLeft = isOver();
  if (!isLeft) {
    if (entry.idle !== undefined) await comeTo(phase.idle, Number.POSITIVE_INFINITY, (group) => group.idle(entry.idle!));
    if (ends) await comeTo(phase.end, Number.POSITIVE_INFINITY, (group) => group.finish());
    dirty ||= ends;
    afterEnd = ends;
    for (let feed = await recorded(); feed !== undefined; feed = await recorded()) {
      if (dirty) await commit(false);
      await enter(feed.outcomes);
      options.outcomes!.skip();
    }
    while (ends && calls && !isOver()) {
      // What the end has changed has to be committed before anything outside hears of it.
      if (dirty) await commit(false);
      const { outside } = await pulseOf(groups);
      if (outside.waiting === 0) break;
      await turnToCalls(outside);
    }
  }
  const isFinished = !isLeft && !(ends && calls && isOver());
  if (isFinished) await commit(true);
  else if (dirty) await commit(false);
  if (!ends || !isFinished) return;
  hosting.groups = undefined;
  await all((group) => group.close('end'));
}

/** The offset that `positions` have for an input. */
function offsetIn(positions: readonly Position[], { topic, partition }: InputName): number | undefined {
  return positions.find((p) => p.topic === topic && p.partition === partition)?.offset;
}

/** Whether steps have work outside of the stream: calls, or features to publish. */
export function worksOutside({ steps }: PipelineGraph, publisher: FeaturePublisher | undefined): boolean {
  return steps.some((step) => step.outside || (step.publishes && publisher !== undefined));
}

/** Offsets of all inputs together: how many records have been processed before this step. */
function statusRecords(statuses: readonly InputStatus[]): number {
  return statuses.reduce((sum, s) => sum + s.offset, 0);
}

/** Whether no records of different ways meet: where they do, their order is that of whole ticks, and no tick may be cut. */
function isLinear(graph: PipelineGraph): boolean {
  return !graph.steps.some((s) => s.inputs.length > 1) && writesApart(graph);
}

async function createDeadLetterTopics(log: LogClient, outputs: readonly { readonly topic: string }[], taskCount: number): Promise<void> {
  const names = new Set(outputs.map((o) => o.topic).filter((name) => name.endsWith('.dlq')));
  if (names.size === 0) return;
  const existing = new Set((await log.topics()).map((t) => t.name));
  for (const name of names) if (!existing.has(name)) await log.createTopic(name, { partitions: taskCount });
}
