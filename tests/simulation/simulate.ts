import { createCluster } from '../../connectors/kafka/cluster.js';
import { columnarClient } from '../../connectors/kafka/columnar-client.js';
import { gatherState } from '../../connectors/kafka/state/gather-state.js';
import { type KafkaRuntime, openKafka } from '../../connectors/kafka/kafka-runtime.js';
import { brokerErrorOf, kafkaError } from '../../connectors/kafka/kafka-errors.js';
import { kafkaSettings } from '../../connectors/kafka/kafka-settings.js';
import { HeadraceError } from '../../dataflow/errors.js';
import { type BrokerTraits, brokerReleases } from './brokers/broker-traits.js';
import { simulatedBrokers } from './brokers/simulated-brokers.js';
import { countingWorkload } from './counting-workload.js';
import { engineWorkload } from './engine-workload.js';
import { calm, drawFate, drawScaling, drawWeather, type Weather } from './faults.js';
import { judge } from './judge.js';
import { type Disk, memoryCopy } from './memory-copy.js';
import { allPipelines } from './pipelines/all-pipelines.js';
import { type NetworkOptions, simulatedNetwork } from './simulated-network.js';
import { type SimulatedProcess, simulatedProcess } from './simulated-process.js';
import { simulatedTime } from './simulated-time.js';
import type { Workload } from './workload.js';

/** What a run has shown. */
export interface Outcome {
  readonly seed: number;
  readonly release: string;
  /** The pipeline that ran. */
  readonly pipeline: string;
  /** Whether processes shared the tasks, or one took over from the other. */
  readonly isGroup: boolean;
  readonly weather: Weather;
  /** What is wrong; empty, as a rule. */
  readonly wrong: readonly string[];
  /** A digest of everything that has happened: the same seed gives the same. */
  readonly fingerprint: number;
  /** How often each thing has happened. */
  readonly counts: Readonly<Record<string, number>>;
  readonly events: number;
  /** Milliseconds of simulated time. */
  readonly lasted: number;
}

export interface SimulationOptions {
  /** @default by the seed */
  readonly traits?: BrokerTraits;
  /** @default by the seed */
  readonly weather?: Weather;
  /** @default by the seed */
  readonly isGroup?: boolean;
  /** One of `allPipelines`, on the engine, or `sim`, without it. @default by the seed: each twentieth is on the engine */
  readonly pipeline?: string;
  /** Mean milliseconds between looks at the state from outside. @default none */
  readonly lookMs?: number;
  /** Told of everything that happens. */
  readonly trace?: (line: string) => void;
}

/** An answer, for a trace. */
function shownAnswer(answer: unknown): string {
  if (answer === undefined) return '';
  if (answer instanceof Error) return ` => ${answer.message}`;
  return ` => ${JSON.stringify(answer, (_key, value: unknown) => (typeof value === 'bigint' ? Number(value) : value instanceof Uint8Array ? `${value.length} bytes` : value)).slice(0, 200)}`;
}

/** Epoch milliseconds at which a run begins. */
const startTime = 1_790_000_000_000;
/** After the faults have ended, a run has to come to its end in this time. */
const healMs = 400_000;
const settleMs = 200_000;

/** Which pipeline a seed runs on the engine; undefined: the one without. */
function pipelineOf(seed: number, asked: string | undefined): (typeof allPipelines)[number] | undefined {
  if (asked === undefined) return seed % 20 === 3 ? allPipelines[Math.floor(seed / 20) % allPipelines.length] : undefined;
  const found = allPipelines.find(({ name }) => name === asked);
  if (found === undefined && asked !== 'sim') throw new Error(`no simulated pipeline is called ${asked}; there are sim, ${allPipelines.map(({ name }) => name).join(', ')}`);
  return found;
}

/**
 * One run of a small pipeline, and of an importer that appends its input, on brokers and a network of which the seed decides everything: the releases of the brokers, how stormy it is, what
 * is lost, late or done twice, which process is killed, stalled or taken over from, and when. Then it heals, and the judge looks at what is committed.
 */
export async function simulate(seed: number, options: SimulationOptions = {}): Promise<Outcome> {
  const time = simulatedTime(seed);
  const { random, chance, between } = time;
  const traits = options.traits ?? brokerReleases[random.below(brokerReleases.length)]!;
  const engine = pipelineOf(seed, options.pipeline);
  const isGroup = (options.isGroup ?? chance(0.5)) || engine !== undefined;
  const isScaling = isGroup && options.weather === undefined && chance(0.4);
  const drawn = options.weather ?? (isScaling ? drawScaling(time, drawWeather(time)) : drawWeather(time));
  // a job takes longer to start than what has no engine
  const weather = engine === undefined ? drawn : { ...drawn, killMs: 3 * drawn.killMs, stallMs: 3 * drawn.stallMs, takeoverMs: 3 * drawn.takeoverMs, leaveMs: 3 * drawn.leaveMs, brokerStopMs: 2 * drawn.brokerStopMs };
  const partitions = 1 + random.below(isScaling ? 6 : 3);
  const brokers = simulatedBrokers(time, traits, 1 + random.below(3), () => between(0, 2 * weather.markerMs));
  const counts: Record<string, number> = {};
  const wrong: string[] = [];
  let now = weather;
  let fingerprint = seed | 0;

  const take = (text: string): void => {
    for (let i = 0; i < text.length; i++) fingerprint = Math.imul(fingerprint ^ text.charCodeAt(i), 0x01000193);
  };
  const note = (what: string, detail: string): void => {
    counts[what] = (counts[what] ?? 0) + 1;
    take(what);
    take(detail);
    fingerprint = Math.imul(fingerprint ^ Math.floor(time.now() * 1_000), 0x01000193);
    options.trace?.(`${time.now().toFixed(1).padStart(9)}  ${what.padEnd(14)} ${detail}`);
  };
  /** The same of a request, many times more often. */
  const noteRequest: NetworkOptions['note'] = (what, process, request, broker, answer) => {
    counts[what] = (counts[what] ?? 0) + 1;
    if (request.key === 28 && brokerErrorOf(answer)?.number === kafkaError.illegalGeneration) counts['positions refused'] = (counts['positions refused'] ?? 0) + 1;
    take(what);
    take(request.what);
    fingerprint = Math.imul(fingerprint ^ process.id ^ (broker << 16), 0x01000193);
    fingerprint = Math.imul(fingerprint ^ Math.floor(time.now() * 1_000), 0x01000193);
    options.trace?.(`${time.now().toFixed(1).padStart(9)}  ${what.padEnd(14)} process ${process.id}, broker ${broker}: ${request.what}${shownAnswer(answer)}`);
  };
  const network = simulatedNetwork({ time, brokers, fate: (key) => drawFate(time, now, key, traits), note: noteRequest });
  const settings = {
    ...kafkaSettings({ KAFKA_BROKERS: Array.from({ length: brokers.count }, (_, i) => `broker-${i}:9092`).join(',') })!,
    sessionMs: 3_000,
    // in half of the groups
    standby: isGroup && seed % 4 < 2 ? 1 : 0,
    compression: chance(0.8) ? ('none' as const) : ('lz4' as const),
    batchBytes: chance(0.5) ? 1_000_000 : 200 + random.below(600),
    fetchBytes: chance(0.5) ? 1_048_576 : 300 + random.below(3_000),
  };
  const processes: SimulatedProcess[] = [];
  const disks = Array.from({ length: 3 }, (): Disk => new Map());
  const begin = (machine: number): SimulatedProcess => {
    const process = simulatedProcess(time, processes.length, machine);
    processes.push(process);
    return process;
  };
  const clientOf = (process: SimulatedProcess) => columnarClient(createCluster({ settings, clock: process.clock, transport: network.transport(process) }));
  const logOptions = (process: SimulatedProcess) => ({
    now: () => startTime + time.now(),
    uniqueName: () => `${process.id}-${random.next() >>> 0}`,
    rounds: { roundBytes: 1_500, sliceBytes: 300 },
  });
  /** Counts what becomes of shares. */
  const told = (runtime: KafkaRuntime, process: SimulatedProcess): KafkaRuntime => ({
    ...runtime,
    async join(shared) {
      const shares = await runtime.join(shared);
      let had: readonly number[] = [];
      const next = async () => {
        const share = await shares.next();
        if (share.kept.length > 0) note('goes on', `process ${process.id} with ${share.kept.join(' ')} of ${had.join(' ')}, and has ${share.tasks.join(' ')}`);
        if (share.kept.length > 0 && share.kept.length < had.length) note('lets go', `process ${process.id}`);
        if (share.kept.length > 0 && share.kept.length < share.tasks.length) note('gets more', `process ${process.id}`);
        had = share.tasks;
        return share;
      };
      return Object.create(shares, { next: { value: next } }) as typeof shares;
    },
  });
  const copyClock = (process: SimulatedProcess) => ({
    after(ms: number, fire: () => void) {
      let isOn = true;
      process.after(ms, () => void (isOn && fire()));
      return () => void (isOn = false);
    },
  });
  const openOn = (process: SimulatedProcess, mode: 'write' | 'join'): Promise<KafkaRuntime> =>
    openKafka({ settings, dataDir: `machine-${process.machine}`, copyMayLag: seed % 3 === 0, ...(mode === 'write' ? { mode, pipeline, tasks: isGroup ? partitions : 1 } : { mode: 'read' }) }, { client: clientOf(process), log: logOptions(process), copyClock: copyClock(process), registry: { now: logOptions(process).now, wait: process.clock.wait, random: random.unit }, openCopy: (_pipeline, { dataDir }) => memoryCopy(disks[process.machine]!, dataDir, `machine-${process.machine}`, process.id) });

  /**
   * Whether it is this process that should go on. A claim of its own that came late counts as one of another. Brokers that forget the owner of a transaction that they abort for another, or because it took too
   * long, refuse it then; with version 1 they do so too when it recovers by itself, and otherwise when a request of an earlier recovery comes late.
   */
  const isOwner = ({ id }: SimulatedProcess): boolean => {
    const seizures = brokers.transactions.seizures.filter((s) => s.transactionalId === `headrace.${pipeline}`);
    const since = seizures.slice(seizures.findIndex((s) => s.kind === 'claim' && s.process === id) + 1);
    return !since.some((s) => s.kind === 'claim' || (!traits.fence.keepsOwner && (s.process !== id || traits.transactionVersion !== 2 || weather.requestStuck + weather.endStuck > 0)));
  };
  const simulation = { time, brokers, partitions, isGroup, startTime, isOwner };
  const workload: Workload = engine === undefined ? countingWorkload(simulation) : engineWorkload(simulation, engine);
  const { pipeline } = workload;

  const appended: { readonly name: string; isKnown: boolean }[] = [];
  let isImported = false;
  const importAll = async (): Promise<void> => {
    const appends = isScaling ? 6 + random.below(8) : 1 + random.below(4);
    for (let n = 0; n < appends; n++) {
      const process = begin(-1);
      const runtime = await openKafka({ settings, dataDir: 'none', mode: 'read' }, { client: clientOf(process), log: logOptions(process) }).catch(() => undefined);
      for (let more = 1 + random.below(3); more > 0 && runtime !== undefined; more--) {
        const { names, outputs } = workload.records();
        const mine = names.map((name) => ({ name, isKnown: false }));
        appended.push(...mine);
        note('append', `process ${process.id}: ${names.join(' ')}`);
        try {
          await runtime.log.append(outputs);
          for (const entry of mine) entry.isKnown = true;
          note('appended', `process ${process.id}`);
        } catch (error) {
          note('append failed', `process ${process.id}: ${(error as Error).message}`);
          break;
        }
        await process.clock.wait(between(0, ((isScaling ? 3 : 1) * workload.stormMs) / 4));
      }
    }
    isImported = true;
  };

  /** Pipeline processes, the last one last. */
  const running = new Map<SimulatedProcess, { idleSince: number; readonly last: AbortController }>();
  const startPipeline = (): void => {
    const used = new Set([...running.keys()].map((p) => p.machine));
    const free = [0, 1, 2].filter((m) => !used.has(m));
    if (free.length === 0) return;
    const machine = free[random.below(free.length)]!;
    if (chance(0.2)) disks[machine]!.clear();
    const process = begin(machine);
    const status = { idleSince: -1, last: new AbortController() };
    running.set(process, status);
    note('start', `process ${process.id} on machine ${machine}`);
    const run = async (): Promise<void> => {
      try {
        const runtime = await openOn(process, isGroup ? 'join' : 'write');
        await workload.run({
          runtime: told(runtime, process),
          process,
          last: status.last.signal,
          report: {
            opened: (epoch) => note('opened', `process ${process.id} behind epoch ${epoch}`),
            committed: (epoch) => note('committed', `process ${process.id}: epoch ${epoch}`),
            idle: (since) => (status.idleSince = since),
            lost: () => note('lost', `process ${process.id}`),
            wrong: (what) => wrong.push(what),
          },
        });
        note('finished', `process ${process.id}`);
        finished.push(process);
      } catch (error) {
        const code = error instanceof HeadraceError ? error.code : undefined;
        note(code === 'HR_EPOCH_FENCED' ? 'fenced' : 'failed', `process ${process.id}: ${(error as Error).message}`);
        if (code === undefined) wrong.push(`process ${process.id}: ${(error as Error).stack}`);
        // each machine has one process at a time, so no member can have a successor
        if (code === 'HR_EPOCH_FENCED' && (isGroup || isOwner(process))) wrong.push(`process ${process.id} was told that another has taken over, and none has`);
        if (code !== 'HR_EPOCH_FENCED' && code !== 'HR_KAFKA_UNREACHABLE' && code !== undefined) wrong.push(`process ${process.id}: ${(error as Error).message}`);
      } finally {
        end(process);
      }
    };
    void run();
  };
  const finished: SimulatedProcess[] = [];
  let isLastCall = false;
  const end = (process: SimulatedProcess): void => {
    running.delete(process);
    process.kill();
    if (running.size === 0 && !isLastCall) time.after(between(1, 100), () => running.size === 0 && !isLastCall && startPipeline());
  };
  const any = (): SimulatedProcess | undefined => [...running.keys()][random.below(Math.max(1, running.size))];

  /** Something of the world that happens now and then. */
  const everyNow = (meanMs: number, happen: () => void): void => {
    if (meanMs === Number.POSITIVE_INFINITY) return;
    time.after(between(0, 2 * meanMs), () => {
      if (now === calm) return;
      happen();
      everyNow(meanMs, happen);
    });
  };
  everyNow(weather.moveMs, () => {
    const places = brokers.places();
    const what = places[random.below(places.length)];
    if (what === undefined) return;
    note('move', what);
    brokers.move(what, between(0, 300));
  });
  everyNow(weather.brokerStopMs, () => {
    const broker = random.below(brokers.count);
    if (!brokers.isUp(broker)) return;
    note('broker stops', String(broker));
    brokers.stop(broker);
    network.cutBroker(broker);
    time.after(between(50, 3_000), () => brokers.start(broker));
  });
  everyNow(weather.killMs, () => {
    const process = any();
    if (process === undefined) return;
    note('kill', `process ${process.id}`);
    end(process);
  });
  everyNow(weather.stallMs, () => {
    const process = any();
    const ms = chance(0.8) ? between(10, 2_000) : between(2_000, 90_000);
    if (process === undefined) return;
    note('stall', `process ${process.id} for ${Math.round(ms)} ms`);
    process.stall(ms);
    if (chance(0.7)) startPipeline();
  });
  everyNow(weather.takeoverMs, startPipeline);
  everyNow(isGroup ? weather.leaveMs : Number.POSITIVE_INFINITY, () => {
    const process = any();
    if (process === undefined || running.size < 2) return;
    note('leave', `process ${process.id}`);
    running.get(process)!.last.abort();
  });
  everyNow(options.lookMs ?? Number.POSITIVE_INFINITY, () => {
    const process = begin(-1);
    const copy = memoryCopy(new Map(), 'a look', 'a look', 1);
    gatherState(pipeline, clientOf(process), copy)
      .then((committed) => {
        note('look', `process ${process.id}: epoch ${committed?.epoch ?? 0}`);
        wrong.push(...(workload.judgeLook?.(copy.state, committed?.positions ?? []) ?? []).map((what) => `a look at epoch ${committed?.epoch}: ${what}`));
      })
      .catch((error: unknown) => {
        // a broker that is away for too long, and changelogs that are deleted under it again and again, are told
        note('look failed', `process ${process.id}: ${(error as Error).message}`);
        if (!(error instanceof HeadraceError)) wrong.push(`a look: ${(error as Error).stack}`);
      });
  });

  startPipeline();
  void importAll();
  await time.runUntil(() => isImported && time.now() > (isScaling ? 3 : 1) * workload.stormMs, 3_600_000);
  now = calm;
  note('calm', '');
  if (!(await time.runUntil(() => brokers.transactions.isSettled('headrace-append'), settleMs))) wrong.push('an append came to no end');
  const calmAt = time.now();
  let isComplete = false;
  const lookAgain = (): void => {
    isComplete = workload.isComplete();
    if (!isComplete) time.after(500, lookAgain);
  };
  lookAgain();
  const isDone = (): boolean => isComplete && (running.size > 0 || workload.isBounded) && [...running].every(([process, status]) => (status.idleSince >= calmAt || workload.isBounded) && !process.isStalled);
  if (!isImported) wrong.push('the import came to no end');
  if (!(await time.runUntil(isDone, healMs))) wrong.push('the pipeline came to no end');
  isLastCall = true;
  note('last call', `to ${running.size} processes`);
  for (const status of running.values()) status.last.abort();
  if (!(await time.runUntil(() => running.size === 0, healMs))) wrong.push('the last epoch came to no end');
  // all may have lost the pipeline to a claim that came late
  if (finished.length === 0 && !isGroup) {
    startPipeline();
    for (const status of running.values()) status.last.abort();
    if (!(await time.runUntil(() => running.size === 0, healMs))) wrong.push('the last epoch of a new process came to no end');
  }
  if (isGroup ? finished.length === 0 && !workload.isBounded : finished.length !== 1) wrong.push(`${finished.length} processes believe that they have written the last epoch`);
  await time.runUntil(() => brokers.isSettled, settleMs);
  // an open transaction without an owner is aborted after a while
  let isOver = false;
  disks.push(new Map());
  const looker = begin(disks.length - 1);
  void openOn(looker, workload.finishesAs)
    .then(async (runtime) => wrong.push(...(await workload.finish({ runtime, process: looker }))))
    .catch((error: unknown) => wrong.push(`a new process cannot open: ${(error as Error).message}`))
    .finally(() => (isOver = true));
  await time.runUntil(() => isOver, healMs);
  await time.runUntil(() => brokers.isSettled, settleMs);
  if (!isOver) wrong.push('a new process came to no end');
  else wrong.push(...judge(brokers, workload, appended), ...(await workload.judge()));
  for (const line of wrong) note('wrong', line);
  return { seed, release: traits.release, pipeline, isGroup, weather, wrong, fingerprint: fingerprint >>> 0, counts, events: time.events, lasted: time.now() };
}
