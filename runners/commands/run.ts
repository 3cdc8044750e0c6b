import { setMaxListeners } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../dataflow/clock.js';
import { formatMs } from '../../dataflow/duration.js';
import { HeadraceError } from '../../dataflow/errors.js';
import { createMetrics, type MetricName, type Metrics } from '../../dataflow/metrics.js';
import type { Pipeline } from '../../dataflow/pipeline.js';
import { deadLetterTopic } from '../engine/dead-letters.js';
import type { StateFate, StateRules } from '../engine/state-changes.js';
import { buildGraph, type PipelineGraph, tickOf, writtenTopics } from '../engine/task.js';
import { loadPipeline } from '../load-pipeline.js';
import { openRuntime, runtimePlace } from '../open-runtime.js';
import { runHealth } from '../operations/run-health.js';
import { runServer, type RunServerOptions } from '../operations/run-server.js';
import { runInProcess } from '../run-in-process.js';
import { formatDuration, formatNumber, formatShort } from '../terminal/number-format.js';
import { progress } from '../terminal/progress.js';
import { usageError, wholeNumber } from './arguments.js';
import { type Call, type Command, exitCodes } from './command.js';
import { type CommandLog, commandLog } from './command-log.js';
import { listen, type Listening, tokenFor } from './listen.js';

/** `headrace run`: a pipeline over the topics of a data directory. */
export const run: Command = {
  name: 'run',
  usage: ['run PIPELINE [--bounded] [--workers N] [--commit-ms N] [--http [HOST:]PORT] [--log text|json] [--drop-state STEP,…] [--move-state OLD=NEW,…]'],
  about:
    'Runs a pipeline, exactly once: outputs, state and positions are committed together, and a run that is stopped in any way goes on\n' +
    'where it was. PIPELINE is the name of a shipped pipeline (click-features, propensity-log, head-training, head-on-base, model-drift, feature-skew) or a .ts or .js file with a pipeline as default export.\n' +
    'Topics, state and positions are in the data directory, or on Kafka when KAFKA_BROKERS names its brokers.\n' +
    'Without --bounded it waits for more records until Ctrl-C or SIGTERM, and stops after the epoch that it is in, within 10 s.\n' +
    'A changed pipeline says what becomes of the state of each step; what does not fit is refused unless --drop-state or --move-state tell.\n' +
    '--http (or HEADRACE_HTTP) serves /metrics for Prometheus, /healthz and /readyz; another host than loopback needs HEADRACE_TOKEN, which\n' +
    '/metrics then asks for. Its log goes to standard error: for a person on a terminal, else JSON lines; --log or HEADRACE_LOG choose.',
  options: {
    bounded: { what: 'stop at the end of the input, with every window closed' },
    workers: { value: 'N', what: 'worker threads (default 1: everything in one thread)' },
    'commit-ms': { value: 'N', what: 'milliseconds between commits, and between looks for records while there are none (default 200, at least 10; bounded 2,000)' },
    http: { value: '[HOST:]PORT', what: 'serve metrics and health there (default: nowhere; the host is 127.0.0.1)' },
    'drop-state': { value: 'STEP,…', what: 'forget the state of these steps if it does not fit the pipeline any more' },
    'move-state': { value: 'OLD=NEW,…', what: 'a step has another id now: its state moves there' },
    log: { value: 'text|json', what: 'how the log is written (default: text on a terminal, else json)' },
  },
  operands: [1, 1],
  endsOnAbort: true,
  async run(call) {
    const log = await commandLog(call, { pipeline: call.operands[0] });
    try {
      return await withinGrace(runPipeline(call, log), call.abort, call.operands[0]!);
    } catch (error) {
      return log.failed(error);
    }
  },
};

async function runPipeline(call: Call, log: CommandLog): Promise<number> {
  const workers = wholeNumber(call, 'workers', 1, 1_024);
  const bounded = call.options.has('bounded');
  const commitMs = wholeNumber(call, 'commit-ms', bounded ? 1 : shortestCommitMs, 3_600_000);
  const source = call.operands[0]!;
  const pipeline = await loadPipeline(source);
  const graph = buildGraph(pipeline);
  const stateRules = rulesOf(call);
  const inputs = await readInputs(graph, pipeline, call);
  const settings = [...(commitMs === undefined ? [] : [`commit every ${formatMs(commitMs)}`]), `${workers ?? 1} ${workers === undefined || workers === 1 ? 'thread' : 'worker threads'}`, bounded ? 'bounded' : 'live'];
  const started = performance.now();
  log.started(banner(pipeline, graph, runtimePlace(call), inputs, settings), { data: runtimePlace(call), bounded, workers: workers ?? 1 });

  const bar = progress({ label: pipeline.name, unit: 'records', ...(bounded ? { total: inputs.waiting } : {}), ...(log.progressStream && { stream: log.progressStream }) });
  const metrics = createMetrics();
  const health = runHealth(metrics, systemClock);
  const endpoint = await serveRun(call, { pipeline: pipeline.name, metrics, health }, log);
  const stopping = () => log.info(`Stopping ${pipeline.name} after this epoch; a second signal ends it at once.`);
  call.abort.addEventListener('abort', stopping, { once: true });
  let caughtUp = false;
  try {
    const result = await runInProcess(pipeline, {
      dataDir: call.dataDir,
      bounded,
      metrics,
      abort: call.abort,
      ...(commitMs === undefined ? {} : { commitMs }),
      source,
      redis: call.redis,
      clickHouse: call.clickHouse,
      ...(workers === undefined ? {} : { workers }),
      warn: log.warn,
      stateRules,
      onState: (fates) => tellFates(log, fates),
      observer: health,
      onProgress(reached) {
        health.committed(reached);
        bar.update(reached.done - inputs.processed);
      },
      wait(ms) {
        if (!caughtUp && !bounded) log.info(`${pipeline.name} has processed all records and waits for more. Ctrl-C stops it.`);
        caughtUp = true;
        return waitFor(ms, call.abort);
      },
    }, call.kafka);
    bar.done();
    const wallS = Number(((performance.now() - started) / 1e3).toFixed(3));
    if (bounded && call.abort.aborted) log.info(`${pipeline.name} was stopped before the end of its input; run it again and it goes on from there.`);
    await printSummary(call, pipeline.name, result, metrics, wallS);
    return exitCodes.done;
  } finally {
    bar.done();
    await endpoint?.close();
  }
}

function rulesOf(call: Call): StateRules {
  const list = (name: string) => call.options.get(name)?.split(',').map((one) => one.trim()).filter((one) => one !== '') ?? [];
  const move = list('move-state').map((pair) => {
    const [from, to, ...more] = pair.split('=');
    if (from === undefined || from === '' || to === undefined || to === '' || more.length > 0) throw usageError(call.command, `--move-state has "${pair}"; give OLD=NEW.`);
    return { from, to };
  });
  return { drop: list('drop-state'), move };
}

/** What becomes of each step's state, where there was state and not all of it just carries over. */
function tellFates(log: CommandLog, fates: readonly StateFate[]): void {
  if (fates.every(({ fate }) => fate === 'new') || fates.every(({ fate }) => fate === 'carriesOver')) return;
  const words = { carriesOver: 'carries over', new: 'is new', dropped: 'was dropped', moved: 'has moved', gone: 'has no step', differs: 'differs' };
  const lines = fates.map(({ step, kind, fate, from }) => `${step}${kind === undefined ? '' : ` (${kind})`} ${words[fate]}${from === undefined ? '' : ` from ${from}`}`);
  log.info(`  state    ${lines.join('\n           ')}`, { state: fates.map(({ step, fate }) => ({ step, fate })) });
}

/** Milliseconds that a run has to end after a signal: less than the 10 s after which Docker and Kubernetes kill at the earliest. */
const stopGraceMs = 9_000;
/** A live run commits as often, and looks for records as often while there are none. */
const shortestCommitMs = 10;

/** The run, or an error when it has not ended in time after the signal: a broker that does not answer is not waited for then. */
async function withinGrace<R>(running: Promise<R>, abort: AbortSignal, pipeline: string): Promise<R> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<never>((_, reject) => {
    const begin = () => {
      const late = new HeadraceError('HR_STOP_TIMEOUT', `${pipeline} has not ended within ${stopGraceMs / 1e3} s of the signal.`, { place: { pipeline } });
      timer = setTimeout(() => reject(late), stopGraceMs);
    };
    if (abort.aborted) begin();
    else abort.addEventListener('abort', begin, { once: true });
  });
  try {
    return await Promise.race([running, over]);
  } finally {
    clearTimeout(timer);
  }
}

/** Serves metrics and health where `--http` or HEADRACE_HTTP says. */
async function serveRun(call: Call, of: Pick<RunServerOptions, 'pipeline' | 'metrics' | 'health'>, log: CommandLog): Promise<Listening | undefined> {
  const given = call.options.get('http') ?? process.env['HEADRACE_HTTP']?.trim();
  if (given === undefined || given === '') return undefined;
  const address = /^(?:\[?([^\s[\]]+?)\]?:)?(\d{1,5})$/.exec(given);
  const port = Number(address?.[2]);
  if (address === null || port > 65_535) throw usageError(call.command, `--http (or HEADRACE_HTTP) is "${given}"; give a port, or HOST:PORT.`);
  const host = address[1] ?? '127.0.0.1';
  const listening = await listen(call, runServer({ ...of, token: tokenFor(call, host) }), host, port);
  log.info(`Metrics and health at ${listening.url}/metrics, /healthz and /readyz.`, { url: listening.url });
  return listening;
}

interface Inputs {
  /** Partitions and records of the topics that are there. */
  readonly topics: ReadonlyMap<string, { readonly partitions: number; readonly records: number }>;
  /** Sum of the committed positions, as `JobProgress.done` counts. */
  readonly processed: number;
  /** Records between the committed positions and the ends. */
  readonly waiting: number;
}

/** What there is to read, for the banner; the run itself reports what is missing. */
async function readInputs(graph: PipelineGraph, pipeline: Pipeline, { dataDir, kafka, notice }: Call): Promise<Inputs> {
  const topics = new Map<string, { partitions: number; records: number }>();
  if (kafka === undefined && !existsSync(join(dataDir, 'data.mdb'))) return { topics, processed: 0, waiting: 0 };
  const runtime = await openRuntime({ dataDir, kafka, mode: 'read', warn: notice });
  try {
    const positions = (await runtime.log.committed(pipeline.name))?.positions ?? [];
    const known = new Map((await runtime.log.topics()).map((t) => [t.name, t.partitions]));
    let waiting = 0;
    for (const name of new Set(graph.sources.map((s) => s.topic.name))) {
      const partitions = known.get(name);
      if (partitions === undefined) continue;
      let records = 0;
      for (let p = 0; p < partitions; p++) {
        const { start, end } = await runtime.log.bounds(name, p);
        records += end - start;
        waiting += end - (positions.find((at) => at.topic === name && at.partition === p)?.offset ?? 0);
      }
      topics.set(name, { partitions, records });
    }
    return { topics, waiting, processed: positions.reduce((sum, p) => sum + p.offset, 0) };
  } finally {
    await runtime.close();
  }
}

function banner(pipeline: Pipeline, graph: PipelineGraph, place: string, inputs: Inputs, settings: readonly string[]): string {
  const read = [...new Set(graph.sources.map((s) => s.topic.name))].map((name) => {
    const topic = inputs.topics.get(name);
    return topic === undefined ? name : `${name} (${topic.partitions} partitions, ${formatNumber(topic.records)} records)`;
  });
  const written = [...new Set(writtenTopics(graph))];
  return [
    `headrace run ${pipeline.name}`,
    `  data     ${place}`,
    `  inputs   ${read.join(', ')}`,
    `  outputs  ${written.join(', ') || 'none'}`,
    `  tick     ${formatMs(tickOf(pipeline, graph.sources))}, ${settings.join(', ')}`,
  ].join('\n');
}

function waitFor(ms: number, abort: AbortSignal): Promise<void> {
  // outcomes that come quickly leave some waits behind, each until its time is over
  setMaxListeners(0, abort);
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      abort.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    abort.addEventListener('abort', end);
    if (abort.aborted) end();
  });
}

async function printSummary(call: Call, pipeline: string, result: { records: number; epochs: number }, metrics: Metrics, wallS: number): Promise<void> {
  const counted = metrics.snapshot();
  const of = (metric: MetricName) => counted.filter((m) => m.name === metric && m.value > 0);
  const sum = (metric: MetricName) => of(metric).reduce((total, m) => total + m.value, 0);
  const written = of('headrace_records_out_total');
  const dead = of('headrace_dead_letters_total');
  const values = {
    pipeline,
    records: result.records,
    outputs: sum('headrace_records_out_total'),
    epochs: result.epochs,
    late: sum('headrace_records_late_total'),
    deadLetters: sum('headrace_dead_letters_total'),
    skipped: sum('headrace_records_skipped_total'),
    wallS,
    warehouseTables: Object.fromEntries(of('headrace_warehouse_records_total').map((m) => [m.step, m.value])),
    outputTopics: Object.fromEntries(written.map((m) => [m.step, m.value])),
    deadLetterTopics: Object.fromEntries(dead.map((m) => [deadLetterTopic(m.step), m.value])),
  };
  await call.output.print(values, () =>
    [
      `${pipeline}: ${formatNumber(values.records)} records in ${formatDuration(wallS * 1e3)} (${formatShort(values.records / Math.max(wallS, 1e-3))}/s), ${formatNumber(values.epochs)} epochs`,
      ...written.map((m) => `  ${formatNumber(m.value)} records to topic ${m.step}`),
      ...of('headrace_warehouse_records_total').map((m) => `  ${formatNumber(m.value)} records to table ${m.step}`),
      ...(values.late > 0 ? [`  ${formatNumber(values.late)} records later than the lateness of their window`] : []),
      ...(values.skipped > 0 ? [`  ${formatNumber(values.skipped)} records skipped by an error policy`] : []),
      ...dead.map((m) => `  ${formatNumber(m.value)} dead letters: headrace topic read ${deadLetterTopic(m.step)}`),
    ].join('\n'),
  );
}
