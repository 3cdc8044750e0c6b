import { createCluster } from '../../connectors/kafka/cluster.js';
import { columnarClient } from '../../connectors/kafka/columnar-client.js';
import { type KafkaRuntime, openKafka } from '../../connectors/kafka/kafka-runtime.js';
import { kafkaSettings } from '../../connectors/kafka/kafka-settings.js';
import { HeadraceError } from '../../dataflow/errors.js';
import { joinedState } from '../../dataflow/joined-state.js';
import type { StateBackend } from '../../dataflow/ports/state-backend.js';
import { BlockWriter } from '../../dataflow/record-block.js';
import { type BrokerTraits, brokerReleases } from './brokers/broker-traits.js';
import { simulatedBrokers } from './brokers/simulated-brokers.js';
import { calm, drawFate, drawWeather, type Weather } from './faults.js';
import { judge, judgeState, missingOutputs } from './judge.js';
import { type Disk, memoryCopy } from './memory-copy.js';
import { runMember, runPipeline, simulated } from './pipeline-process.js';
import { simulatedNetwork } from './simulated-network.js';
import { type SimulatedProcess, simulatedProcess } from './simulated-process.js';
import { simulatedTime } from './simulated-time.js';

/** What a run has shown. */
export interface Outcome {
  readonly seed: number;
  readonly release: string;
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
  /** Told of everything that happens. */
  readonly trace?: (line: string) => void;
}

const shownMark = ' => ';

/** An answer, for a trace. */
function shown(answer: unknown): string {
  if (answer === undefined) return '';
  if (answer instanceof Error) return `${shownMark}${answer.message}`;
  return `${shownMark}${JSON.stringify(answer, (_key, value: unknown) => (typeof value === 'bigint' ? Number(value) : value instanceof Uint8Array ? `${value.length} bytes` : value)).slice(0, 200)}`;
}

/** The state of some tasks, as one. */
function ownState(state: StateBackend, tasks: ReadonlyMap<number, unknown>): StateBackend {
  return { ...state, ...joinedState(() => [...tasks.keys()].map((task) => state.of(task))) };
}

/** Epoch milliseconds at which a run begins. */
const startTime = 1_790_000_000_000;
/** After the faults have ended, a run has to come to its end in this time. */
const healMs = 400_000;
const settleMs = 200_000;

/**
 * One run of a small pipeline, and of an importer that appends its input, on brokers and a network of which the seed decides everything: the releases of the brokers, how stormy it is, what
 * is lost, late or done twice, which process is killed, stalled or taken over from, and when. Then it heals, and the judge looks at what is committed.
 */
export async function simulate(seed: number, options: SimulationOptions = {}): Promise<Outcome> {
  const time = simulatedTime(seed);
  const { random, chance, between } = time;
  const traits = options.traits ?? brokerReleases[random.below(brokerReleases.length)]!;
  const weather = options.weather ?? drawWeather(time);
  const partitions = 1 + random.below(3);
  const isGroup = options.isGroup ?? chance(0.5);
  const brokers = simulatedBrokers(time, traits, 1 + random.below(3), () => between(0, 2 * weather.markerMs));
  const counts: Record<string, number> = {};
  const wrong: string[] = [];
  let now = weather;
  let fingerprint = seed | 0;

  const note = (what: string, detail: string): void => {
    counts[what] = (counts[what] ?? 0) + 1;
    for (const text of [what, options.trace === undefined ? detail : detail.split(shownMark)[0]!]) for (let i = 0; i < text.length; i++) fingerprint = Math.imul(fingerprint ^ text.charCodeAt(i), 0x01000193);
    fingerprint = Math.imul(fingerprint ^ Math.floor(time.now() * 1_000), 0x01000193);
    options.trace?.(`${time.now().toFixed(1).padStart(9)}  ${what.padEnd(14)} ${detail}`);
  };
  const network = simulatedNetwork({ time, brokers, fate: (key) => drawFate(time, now, key, traits), note: (what, process, request, broker, answer) => note(what, `process ${process.id}, broker ${broker}: ${request.what}${options.trace === undefined ? '' : shown(answer)}`) });
  const settings = {
    ...kafkaSettings({ KAFKA_BROKERS: Array.from({ length: brokers.count }, (_, i) => `broker-${i}:9092`).join(',') })!,
    sessionMs: 3_000,
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
  const openOn = (process: SimulatedProcess, mode: 'write' | 'join'): Promise<KafkaRuntime> =>
    openKafka({ settings, dataDir: `machine-${process.machine}`, ...(mode === 'write' ? { mode, pipeline: simulated.pipeline, tasks: isGroup ? partitions : 1 } : { mode: 'read' }) }, { client: clientOf(process), log: logOptions(process), openCopy: (_pipeline, { dataDir }) => memoryCopy(disks[process.machine]!, dataDir, `machine-${process.machine}`) });

  brokers.createTopic(simulated.input, partitions, new Map([['retention.ms', '-1']]));
  brokers.createTopic(simulated.output, partitions, new Map([['retention.ms', '-1']]));

  const appended: { readonly value: string; isKnown: boolean }[] = [];
  let isImported = false;
  const importAll = async (): Promise<void> => {
    const appends = 1 + random.below(4);
    for (let n = 0; n < appends; n++) {
      const process = begin(-1);
      const runtime = await openKafka({ settings, dataDir: 'none', mode: 'read' }, { client: clientOf(process), log: logOptions(process) }).catch(() => undefined);
      for (let more = 1 + random.below(3); more > 0 && runtime !== undefined; more--) {
        const writers = Array.from({ length: partitions }, () => new BlockWriter());
        const mine: (typeof appended)[number][] = [];
        for (let i = random.below(8); i >= 0; i--) {
          const entry = { value: `v${appended.length}`, isKnown: false };
          appended.push(entry);
          mine.push(entry);
          writers[random.below(partitions)]!.append(Buffer.from(`k${random.below(6)}`), Buffer.from(entry.value), startTime + time.now());
        }
        note('append', `process ${process.id}: ${mine.map((e) => e.value).join(' ')}`);
        try {
          await runtime.log.append(writers.map((w, partition) => ({ topic: simulated.input, partition, block: w.take() })));
          for (const entry of mine) entry.isKnown = true;
          note('appended', `process ${process.id}`);
        } catch (error) {
          note('append failed', `process ${process.id}: ${(error as Error).message}`);
          break;
        }
        await process.clock.wait(between(0, 150));
      }
    }
    isImported = true;
  };

  /** Pipeline processes, the last one last. */
  const running = new Map<SimulatedProcess, { idleSince: number; isLast: boolean}>();
  const startPipeline = (): void => {
    const used = new Set([...running.keys()].map((p) => p.machine));
    const free = [0, 1, 2].filter((m) => !used.has(m));
    if (free.length === 0) return;
    const machine = free[random.below(free.length)]!;
    if (chance(0.2)) disks[machine]!.clear();
    const process = begin(machine);
    const status = { idleSince: -1, isLast: false };
    running.set(process, status);
    note('start', `process ${process.id} on machine ${machine}`);
    const run = async (): Promise<void> => {
      try {
        const runtime = await openOn(process, isGroup ? 'join' : 'write');
        await (isGroup ? runMember : runPipeline)({ runtime, time, process, partitions }, status, {
          opened(epoch, next) {
            note('opened', `process ${process.id} behind epoch ${epoch}`);
            if (!isGroup && isOwner(process)) wrong.push(...judgeState(brokers, isGroup ? ownState(runtime.state, next) : runtime.state, next).map((what) => `process ${process.id}, opened behind epoch ${epoch}: ${what}`));
          },
          committed(epoch, next) {
            note('committed', `process ${process.id}: epoch ${epoch}`);
            wrong.push(...judgeState(brokers, isGroup ? ownState(runtime.state, next) : runtime.state, next).map((what) => `process ${process.id}, epoch ${epoch}: ${what}`));
          },
          idle: (since) => (status.idleSince = since),
          lost: () => note('lost', `process ${process.id}`),
        });
        note('finished', `process ${process.id}`);
        finished.push(process);
      } catch (error) {
        const code = error instanceof HeadraceError ? error.code : undefined;
        note(code === 'HR_EPOCH_FENCED' ? 'fenced' : 'failed', `process ${process.id}: ${(error as Error).message}`);
        if (code === undefined) wrong.push(`process ${process.id}: ${(error as Error).stack}`);
        if (code === 'HR_EPOCH_FENCED' && isOwner(process)) wrong.push(`process ${process.id} was told that another has taken over, and none has`);
        if (code !== 'HR_EPOCH_FENCED' && code !== 'HR_KAFKA_UNREACHABLE' && code !== undefined) wrong.push(`process ${process.id}: ${(error as Error).message}`);
      } finally {
        end(process);
      }
    };
    void run();
  };
  /**
   * Whether it is this process that should go on. A claim of its own that came late counts as one of another. Brokers that forget the owner of a transaction that they abort for another, or because it took too
   * long, refuse it then; with version 1 they do so too when it recovers by itself, and otherwise when a request of an earlier recovery comes late.
   */
  const isOwner = ({ id }: SimulatedProcess): boolean => {
    const seizures = brokers.transactions.seizures.filter((s) => s.transactionalId === `headrace.${simulated.pipeline}`);
    const since = seizures.slice(seizures.findIndex((s) => s.kind === 'claim' && s.process === id) + 1);
    return !since.some((s) => s.kind === 'claim' || (!traits.fence.keepsOwner && (s.process !== id || traits.transactionVersion !== 2 || weather.requestStuck + weather.endStuck > 0)));
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

  startPipeline();
  void importAll();
  await time.runUntil(() => isImported && time.now() > 600, 3_600_000);
  now = calm;
  note('calm', '');
  if (!(await time.runUntil(() => brokers.transactions.isSettled('headrace-append'), settleMs))) wrong.push('an append came to no end');
  const calmAt = time.now();
  let isComplete = !isGroup;
  const lookAgain = (): void => {
    isComplete = missingOutputs(brokers) === 0;
    if (!isComplete) time.after(500, lookAgain);
  };
  if (isGroup) lookAgain();
  const isDone = (): boolean => isComplete && running.size > 0 && [...running].every(([process, status]) => status.idleSince >= calmAt && !process.isStalled);
  if (!isImported) wrong.push('the import came to no end');
  if (!(await time.runUntil(isDone, healMs))) wrong.push('the pipeline came to no end');
  isLastCall = true;
  note('last call', `to ${running.size} processes`);
  for (const status of running.values()) status.isLast = true;
  if (!(await time.runUntil(() => running.size === 0, healMs))) wrong.push('the last epoch came to no end');
  // all may have lost the pipeline to a claim that came late
  if (finished.length === 0 && !isGroup) {
    startPipeline();
    for (const status of running.values()) status.isLast = true;
    if (!(await time.runUntil(() => running.size === 0, healMs))) wrong.push('the last epoch of a new process came to no end');
  }
  if (isGroup ? finished.length === 0 : finished.length !== 1) wrong.push(`${finished.length} processes believe that they have written the last epoch`);
  await time.runUntil(() => brokers.isSettled, settleMs);
  // an open transaction without an owner is aborted after a while
  let restored: KafkaRuntime | undefined;
  disks.push(new Map());
  void openOn(begin(disks.length - 1), 'write').then(
    (runtime) => (restored = runtime),
    (error: unknown) => wrong.push(`a new process cannot open: ${(error as Error).message}`),
  );
  await time.runUntil(() => restored !== undefined || wrong.length > 0, healMs);
  if (restored !== undefined) wrong.push(...judge(brokers, partitions, restored.state, appended));
  for (const line of wrong) note('wrong', line);
  return { seed, release: traits.release, isGroup, weather, wrong, fingerprint: fingerprint >>> 0, counts, events: time.events, lasted: time.now() };
}
