import type { Clock } from '../../dataflow/clock.js';
import { HeadraceError } from '../../dataflow/errors.js';
import type { Metrics } from '../../dataflow/metrics.js';
import type { Pipeline } from '../../dataflow/pipeline.js';
import type { ArtefactStore } from '../../dataflow/ports/artefact-store.js';
import { joinEntries } from '../../dataflow/journal-entries.js';
import type { FeaturePublisher } from '../../dataflow/ports/feature-publisher.js';
import type { JournalEntry, LogClient, Position, StateWrite } from '../../dataflow/ports/log-client.js';
import type { SchemaRegistry } from '../../dataflow/ports/schema-registry.js';
import type { StateBackend } from '../../dataflow/ports/state-backend.js';
import type { Share, SharedPipeline, TaskShares } from '../../dataflow/ports/task-shares.js';
import { entryBounds, entryPace, type EntryPace } from './entry-bounds.js';
import { awaitOutcome, pulseOf } from './group-answers.js';
import { changeHosting, closeHosting, createHosting, type Hosting } from './hosting.js';
import { loggedRoute } from './logged-route.js';
import { directRoute, type ParcelRoute } from './parcel-route.js';
import { type TaskProgress, taskProgress } from './job-state.js';
import type { RecordedOutcomes } from './outcome-history.js';
import { probeTask, type TaskProbe } from './probe-task.js';
import { checkSchemas, checkTasks, createOwnInputs, findInputs, prepareOutputs } from './prepare-job.js';
import { runEntry, worksOutside } from './run-entry.js';
import { formWrites, settleState, type StateFate, type StateRules } from './state-changes.js';
import { buildGraph, type PipelineGraph, type TaskEnvironment, writesApart } from './task.js';
import type { InputName, TaskGroup } from './task-group.js';

/** Log, state, schemas and artefacts that a job works on. */
export interface Runtime {
  readonly log: LogClient;
  readonly state: StateBackend;
  readonly registry: SchemaRegistry;
  readonly artefacts: ArtefactStore;
  /** Shares the tasks of a pipeline with other processes. @default all tasks are this process's own */
  readonly join?: (shared: SharedPipeline) => Promise<TaskShares>;
}

/** How a job runs. */
export interface JobOptions {
  readonly pipeline: Pipeline;
  readonly runtime: Runtime;
  readonly clock: Clock;
  /** Milliseconds that only grow: epochs end by them, and not by a clock that may be set. @default `performance.now` */
  readonly elapsed?: () => number;
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
  /** How many `groups` makes for a number of tasks. @default one */
  readonly groupCount?: (tasks: number) => number;
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
  readonly observer?: RunObserver | undefined;
  /** What may be done about stored state that does not fit the pipeline. @default nothing: it is refused */
  readonly stateRules?: StateRules;
  /** Told once what becomes of the state of each step. */
  readonly onState?: (fates: readonly StateFate[]) => void;
}

/** Hears how a run stands, for health checks. */
export interface RunObserver {
  /** The runtime is open. */
  connected(log: LogClient): void;
  /** The runtime has become out of reach, or is in reach again. */
  reachable(isReachable: boolean): void;
  /** This process has these input partitions now, and goes on from `committed`. */
  assigned(inputs: readonly InputName[], committed: readonly Position[]): void;
  /** Their state is restored. */
  restored(): void;
  /** The runtime is about to be closed. */
  ended(): void;
}

/** What a job found out at its start. */
export interface JobSetting {
  readonly graph: PipelineGraph;
  readonly taskCount: number;
  /** The tasks of this process. */
  readonly tasks: readonly number[];
  readonly partitions: ReadonlyMap<string, number>;
  readonly positions: readonly Position[];
  readonly environment: TaskEnvironment;
  /** Parcels may have to wait, or go to other processes: no thread can keep them. */
  readonly packsParcels: boolean;
  /** Writes that go with the next epoch, and are taken from here then. */
  readonly firstWrites: StateWrite[];
}

/** How far a job is. */
export interface JobProgress {
  readonly done: number;
  readonly total: number;
  readonly epoch: number;
  /** Up to where each input is processed. */
  readonly positions: readonly Position[];
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

/**
 * Runs a pipeline: reads ahead, cuts all inputs at one place in the order (tick, task, source), processes up to the cut, and
 * commits outputs, state and offsets as one epoch. A restart goes on from the last commit. Where a runtime shares tasks among processes, it does so for those that
 * are its own, until others come or go.
 *
 * @throws HR_TOPIC_MISSING, HR_SCHEMA_MISMATCH, HR_STATE_MISMATCH before anything runs; HR_STEP, HR_DISK_FULL and others while it runs
 */
export async function runJob(options: JobOptions): Promise<JobResult> {
  const { pipeline, runtime } = options;
  const graph = buildGraph(pipeline);
  await createOwnInputs(graph, runtime.log);
  const { partitions, taskCount } = await findInputs(graph, pipeline.name, runtime.log);
  await checkSchemas(graph, partitions, pipeline.name, runtime);
  checkTasks(runtime.state, pipeline.name, taskCount);
  const outputs = await prepareOutputs(graph, taskCount, runtime);
  const totals = { records: 0, outputs: 0, epochs: 0 };
  const all = Array.from({ length: taskCount }, (_, i) => i);
  const probe = options.journal === undefined ? probeTask(pipeline, taskCount, { ...options, artefacts: runtime.artefacts, inputs: partitions, outputs }) : undefined;
  const shares = probe && (await runtime.join?.({ pipeline: pipeline.name, tasks: taskCount, whole: probe.sendsToOthers && !canSpread(graph, options), exchanges: probe.sendsToOthers, topics: partitions, terms: termsOf(options, taskCount, probe) }));
  const hosting = createHosting();
  let share: Share = { tasks: [], kept: [] };
  try {
    for (;;) {
      try {
        // where nothing is kept nothing may be open while others get tasks
        if (!mayKeep(shares)) await closeHosting(hosting);
        const before = share;
        share = (await shares?.next()) ?? { tasks: all, kept: [] };
        tellMoves(options.metrics, before, share);
        if (await runShare(options, { graph, taskCount, tasks: share.tasks, partitions, outputs }, { share, hosting, probe, shares, totals })) return totals;
      } catch (error) {
        await closeHosting(hosting);
        if (shares === undefined || !(error instanceof HeadraceError) || error.code !== 'HR_EPOCH_FENCED') throw error;
        options.warn('lost tasks', `The brokers refuse a commit of ${pipeline.name} from this process: it was silent for too long, or the end of a transaction was lost. It takes part again; what it had not committed is done by who has its tasks then.`);
        await shares.lose();
      }
    }
  } finally {
    await closeHosting(hosting);
    await shares?.leave();
  }
}

/** What processes that share a pipeline have to run alike. */
function termsOf({ bounded }: JobOptions, taskCount: number, { stages }: TaskProbe): string {
  return `${bounded ? 'with' : 'without'} --bounded, as ${taskCount} tasks, ${stages.length === 0 ? 'which send nothing to one another' : `which send to one another in ${stages.length} stages`}`;
}

/** Whether tasks may stay open from one share to the next: what they send to others is named by the share. */
function mayKeep(shares: TaskShares | undefined): boolean {
  return shares !== undefined && shares.parcels === undefined;
}

function tellMoves(metrics: Metrics, before: Share, { tasks, kept }: Share): void {
  metrics.add('headrace_tasks_taken_total', '', tasks.length - kept.length);
  metrics.add('headrace_tasks_given_back_total', '', before.tasks.length - kept.length);
}

/** What a share is run with. */
interface ShareRun {
  readonly share: Share;
  readonly hosting: Hosting;
  /** Undefined in a replay. */
  readonly probe: TaskProbe | undefined;
  readonly shares: TaskShares | undefined;
  readonly totals: { records: number; outputs: number; epochs: number };
}

/** Runs tasks until there is another share. The answer is whether there is nothing left to do. */
async function runShare(
  options: JobOptions,
  { outputs, ...fixed }: Omit<JobSetting, 'positions' | 'packsParcels' | 'environment' | 'firstWrites'> & { readonly outputs: TaskEnvironment['outputs'] },
  { share, hosting, probe, shares, totals }: ShareRun,
): Promise<boolean> {
  const { pipeline, runtime } = options;
  const { graph, tasks, partitions } = fixed;
  const isMoving = () => shares?.moving ?? false;
  const inputs = [...partitions].flatMap(([topic, n]) => tasks.filter((task) => task < n).map((partition) => ({ topic, partition })));
  options.observer?.assigned(inputs, options.observer && tasks.length > 0 ? ((await runtime.log.committed(pipeline.name))?.positions ?? []) : []);
  if (tasks.length === 0) {
    await closeHosting(hosting);
    while (!isMoving() && !options.abort.aborted) await options.wait(options.commitMs ?? 200);
    return options.abort.aborted;
  }
  const parcels = shares?.parcels;
  await changeHosting(hosting, share, options.groupCount?.(tasks.length) ?? 1, (await runtime.log.committed(pipeline.name))?.positions ?? []);
  // Calls that are under way end with the hosting, whatever it ends of.
  const environment = (hosting.environment ??= { ...options, abort: AbortSignal.any([options.abort, hosting.over.signal]), state: runtime.state, artefacts: runtime.artefacts, inputs: partitions, outputs, replaying: options.journal !== undefined });
  const firstWrites: StateWrite[] = [];
  if (probe !== undefined) {
    const place = { ...runtime, tasks, shared: shares !== undefined };
    options.onState?.(await settleState(place, pipeline.name, probe.forms, options.stateRules ?? {}));
    firstWrites.push(...formWrites(place, pipeline.name, probe.forms));
  }
  const groups = () => hosting.groups;
  const route = parcels === undefined ? directRoute(groups) : loggedRoute({ pipeline: pipeline.name, parcels, state: runtime.state, tasks, taskCount: fixed.taskCount, stages: probe!.stages, groups, hasRun: (task) => taskProgress(runtime.state, pipeline.name, task) !== undefined, now: () => options.clock.now() });
  const arrivals: Arrivals = new Map();
  const pace = entryPace(options.commitMs ?? 200);
  const elapsed = options.elapsed ?? (() => performance.now());
  const known = tasks.flatMap((task) => taskProgress(runtime.state, pipeline.name, task) ?? []);
  // nothing may come of an entry that its tasks are beyond, since others have drained it
  let newest = known.reduce((most, { index }) => Math.max(most, index), route.entry);
  // of what is finished only the bounds of the last one are needed
  let last = joined(known);
  const begun = known.filter((k) => !k.isFinished);
  const unfinished = [...new Set(begun.map(({ index }) => index))].sort((a, b) => a - b).map((index) => ({ index, entry: joined(begun.filter((k) => k.index === index))! }));
  // the state is here; tasks are opened over it when there are records
  if (unfinished.length === 0 || hosting.groups !== undefined) options.observer?.restored();
  let lastIsOurs = false;
  const turn = async (n: number): Promise<Turn | undefined> => {
    if (options.journal !== undefined) return options.journal[n] && { entry: options.journal[n], index: n, isNew: true };
    const resumed = unfinished[n];
    if (resumed !== undefined) return { ...resumed, isNew: false };
    const entry = await nextEntry(options, { graph, tasks, partitions }, { last, newest }, arrivals, hosting, route, pace, isMoving);
    // what has come from others is drained and committed within the last entry, if that is one of all tasks
    if (entry === 'due') return { entry: { kind: 'live', bounds: last?.bounds ?? [] }, index: lastIsOurs ? newest : newest + 1, isNew: !lastIsOurs };
    return entry && { entry, index: Math.max(newest + 1, route.furthest), isNew: true };
  };
  // all that was sent to these tasks is there now, and comes before what they do next
  await route.receive();
  for (let n = 0; ; n++) {
    const next = await turn(n);
    if (next === undefined) break;
    const before = { at: elapsed(), records: totals.records };
    await runEntry({ ...options, isMoving, shared: shares !== undefined, route }, { ...fixed, environment, firstWrites }, next, hosting, totals);
    pace.took(totals.records - before.records, elapsed() - before.at);
    if (next.isNew) {
      last = next.entry;
      newest = next.index;
      lastIsOurs = true;
    }
    if (options.abort.aborted || isMoving()) break;
  }
  return options.abort.aborted || !isMoving();
}

/** A journal entry to go through, or to go on with. */
interface Turn {
  readonly entry: JournalEntry;
  readonly index: number;
  readonly isNew: boolean;
}

/**
 * Whether the tasks of a pipeline may be in several processes though they send records to one another. A call's outcomes enter between records, at a place that only one process knows; so do
 * the records of several steps in one topic; and the end of the input is that of all tasks.
 */
function canSpread(graph: PipelineGraph, { bounded }: JobOptions): boolean {
  return !bounded && !graph.steps.some((s) => s.outside) && writesApart(graph);
}

/** What several tasks have begun as one entry. */
function joined([first, ...others]: readonly TaskProgress[]): JournalEntry | undefined {
  return first && joinEntries([first.entry, ...others.map(({ entry }) => entry)]);
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

/**
 * The next stretch of input; 'due' when other processes have sent something that can be worked on without one; or undefined when a bounded run has nothing left to do, or tasks are to be given back.
 * Waits for input in a live run.
 */
async function nextEntry(
  options: JobOptions,
  inputs: Pick<JobSetting, 'graph' | 'tasks' | 'partitions'>,
  { last, newest }: { readonly last: JournalEntry | undefined; readonly newest: number },
  arrivals: Arrivals,
  hosting: Hosting,
  route: ParcelRoute,
  pace: EntryPace,
  isMoving: () => boolean,
): Promise<JournalEntry | 'due' | undefined> {
  const { graph } = inputs;
  while (!isMoving()) {
    await route.receive();
    const { groups } = hosting;
    const bounds = await entryBounds(options.runtime.log, inputs, { last, isShared: route.isShared, pace: options.bounded ? undefined : pace });
    const moved = bounds.some((b) => b.offset > (last?.bounds.find((p) => p.topic === b.topic && p.partition === b.partition)?.offset ?? 0));
    if (options.bounded) return moved || last?.kind !== 'end' ? { kind: 'end', bounds } : undefined;
    const silent = silentInputs(graph, bounds, arrivals, options.clock.now());
    if (silent.length > 0) return { kind: 'idle', bounds: last?.bounds ?? [], idle: silent };
    if (moved) return { kind: 'live', bounds };
    // others cannot go on before these tasks have come as far
    if (route.furthest > newest) return { kind: 'live', bounds };
    if (route.isDue) return 'due';
    const now = options.clock.now();
    const pulse = groups && (await pulseOf(groups));
    if (pulse !== undefined && (pulse.nextTimer <= now || pulse.outside.ready > 0 || pulse.outside.wantsEpoch <= now)) return { kind: 'live', bounds };
    // Calls that were under way when the last run stopped are made again, also where no record comes.
    if ((groups === undefined || hosting.hasNew) && worksOutside(graph, options.publisher)) return { kind: 'live', bounds };
    if (options.abort.aborted) return undefined;
    const commitMs = options.commitMs ?? 200;
    await (pulse === undefined || pulse.outside.waiting === 0 ? options.wait(commitMs) : awaitOutcome(groups!, Math.min(commitMs, pulse.outside.wantsEpoch - now)));
  }
  return undefined;
}
