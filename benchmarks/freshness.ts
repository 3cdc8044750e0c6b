import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { topicsOfPipeline } from '../connectors/kafka/internal-topics.js';
import { type KafkaRuntime, openKafka } from '../connectors/kafka/kafka-runtime.js';
import { type KafkaSettings, kafkaSettings } from '../connectors/kafka/kafka-settings.js';
import { redisFeatures } from '../connectors/redis/redis-features.js';
import { type RedisSettings, redisSettings } from '../connectors/redis/redis-settings.js';
import { HeadraceError } from '../dataflow/errors.js';
import type { FeatureReader } from '../dataflow/ports/feature-reader.js';
import { openTopicEncoder } from '../dataflow/topic-encoder.js';
import clickFeatures from '../pipelines/click-features.js';
import { userFeatures } from '../pipelines/click-feature-sets.js';
import { clicks } from '../pipelines/clicks.js';
import type { Imported } from '../runners/import/importer.js';
import { writeEvents } from '../runners/import/write-events.js';
import { nodeFlags } from '../runners/node-flags.js';
import { clickWorld, userId } from '../runners/simulate/click-world.js';
import { planWorld } from '../runners/simulate/world-plan.js';
import type { ClickEvent } from '../schemas/generated/click-event.js';
import { cpuSeconds } from './cpu-seconds.js';
import { deleteTopics } from './delete-topics.js';
import { forgetFeatures } from './forget-features.js';
import { latencies } from './latencies.js';
import { listeningProcess } from './listening-process.js';
import { plainProducer } from './plain-producer.js';
import { profileParts } from './profile-parts.js';

export interface FreshnessOptions {
  /** Events a second. */
  readonly rate: number;
  /** How long it is measured; events come for `warmUpMs` before. */
  readonly seconds: number;
  /** Events of the day before, which are in the state when it begins. */
  readonly history: number;
  readonly workers: number;
  readonly seed: number;
  /** Profiles the pipeline, and tells what an event costs by part; that costs some percent. */
  readonly byPart: boolean;
}

const warmUpMs = 10_000;
/** Events are sent together for so long: what a producer's linger is. */
const sendEveryMs = 5;
const pollEveryMs = 5;
/** One event in so many milliseconds is looked for in Redis. */
const sampleEveryMs = 10;
/** Users that one look asks for: how a service asks. */
const askedAtOnce = 100;
/** How long anything is waited for. */
const patienceMs = 120_000;
const dayMs = 86_400_000;
const items = 20_000;
/** What is made on the broker, and deleted again. */
const topics = ['clicks', 'clicks.dlq', 'labelled-clicks', 'ctr-spikes', ...topicsOfPipeline(clickFeatures.name)];

/** An event that was sent and is not yet seen. */
interface Sent {
  readonly user: string;
  readonly timestamp: number;
  /** When it was to be sent, by `performance.now()`. */
  readonly due: number;
}

/**
 * How fresh features are: from the moment at which an event is to be produced until its user's features in Redis have it, read as services do. Milliseconds.
 *
 * `headrace run click-features` runs as one process on the Kafka of KAFKA_BROKERS (which has none of its topics) and the Redis of REDIS_URL, exactly once. Events come by a clock that waits for
 * nobody: what is sent late, since the producer or a broker was busy, counts from when it was due.
 */
export async function freshness({ rate, seconds, history, workers, seed, byPart }: FreshnessOptions): Promise<Record<string, string | number>> {
  const [kafka, server] = [kafkaSettings(), redisSettings()];
  if (kafka === undefined || server === undefined) throw new HeadraceError('HR_KAFKA_SETTINGS', `${kafka === undefined ? 'KAFKA_BROKERS' : 'REDIS_URL'} is not set.`, { remedy: 'Start both (`npm run services -- start kafka redis`) and set the variables that it prints.' });
  const redis: RedisSettings = { ...server, prefix: `freshness-${process.pid}:` };
  const home = await mkdtemp(join(tmpdir(), 'headrace-freshness-'));
  const runtime = await openKafka({ settings: kafka, dataDir: home, mode: 'read' });
  const reader = redisFeatures(redis);
  const producer = plainProducer(kafka);
  let child: ChildProcess | undefined;
  const there = (await runtime.log.topics()).find(({ name }) => topics.includes(name))?.name;
  if (there !== undefined) throw new HeadraceError('HR_TOPIC_EXISTS', `The broker has the topic ${there} already, which this benchmark would make and delete.`, { remedy: 'Take a broker of its own.' });
  try {
    const world = { seed, users: 60 * rate, items };
    const total = Math.ceil((rate * (warmUpMs + 1_000 * seconds)) / 1_000);
    const past = { ...world, events: history, rate: history / (dayMs / 1_000), start: Date.now() - dayMs };
    const { partitions } = await writeEvents(imported(clickWorld(past)), { log: runtime.log, registry: runtime.registry, input: 'benchmark' });
    const profiles = join(home, 'profiles');
    const command = fileURLToPath(new URL('../runners/headrace.js', import.meta.url));
    child = spawn(process.execPath, [...nodeFlags, ...(byPart ? ['--cpu-prof', `--cpu-prof-dir=${profiles}`] : []), command, 'run', 'click-features', '--workers', String(workers), '--data-dir', home], { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, REDIS_PREFIX: redis.prefix } });
    await caughtUp(runtime, partitions);

    const encoder = await openTopicEncoder(clicks, runtime);
    const live = { ...world, seed: seed + 1, events: total, rate, start: Date.now() };
    // who was found out in the history is remembered for a day
    const bots = new Set([past, live].flatMap((one) => planWorld(one).bots.map(({ user }) => userId(user))));
    const source = clickWorld(live);
    const sent: Sent[] = [];
    const newest = new Map<string, number>();
    const started = performance.now();
    const dueOf = (i: number) => started + (i * 1_000) / rate;
    let count = 0;
    let latest = 0;
    let nextSample = started + warmUpMs;
    const parts = processesBeside(kafka, server, child.pid!);
    const cpuNow = () => parts.map(({ pid }) => cpuSeconds(pid));
    const cpuBefore = cpuNow();
    let cpuFrom: number[] | undefined;
    let failure: unknown;
    /** Sends what is due; of that, picks one event now and then to be looked for. */
    const send = (now: number): void => {
      for (; count < total && dueOf(count) <= now; count++) {
        const event = source.next().value!;
        encoder.add(event);
        const due = dueOf(count);
        // one that is not its user's newest shows in no feature that tells it apart, and bots have none
        const isNewest = event.timestamp > (newest.get(event.userId) ?? 0);
        if (isNewest) newest.set(event.userId, event.timestamp);
        if (due < nextSample || !isNewest || bots.has(event.userId)) continue;
        sent.push({ user: event.userId, timestamp: event.timestamp, due });
        nextSample += sampleEveryMs;
        latest = Math.max(latest, now - due);
      }
      if (encoder.count > 0) producer.send(encoder.take()).catch((error: unknown) => (failure ??= error));
    };
    const generating = (async () => {
      while (count < total && failure === undefined) {
        const now = performance.now();
        if (now >= started + warmUpMs) cpuFrom ??= cpuNow();
        send(now);
        await delay(sendEveryMs);
      }
      if (failure !== undefined) throw failure;
      return cpuNow().map((to, i) => to - cpuFrom![i]!);
    })();
    generating.catch(() => undefined);

    const seen: number[] = [];
    const deadline = () => started + warmUpMs + 1_000 * seconds + patienceMs;
    let isOver = false;
    void generating.finally(() => (isOver = true)).catch(() => undefined);
    while (!(isOver && sent.length === 0) && performance.now() < deadline()) {
      await see(reader, sent, seen);
      await delay(pollEveryMs);
    }
    const whileSent = await generating;
    const cpuAll = cpuNow().map((to, i) => to - cpuBefore[i]!);
    const ofParts = Object.fromEntries(parts.flatMap(({ name }, i) => [[`${name}Cores`, round(whileSent[i]! / seconds, 2)], [`${name}PerEventUs`, round((cpuAll[i]! * 1e6) / total, 1)]]));
    await stop(child);
    const pipelineUs = (cpuAll[0]! * 1e6) / total;
    return {
      workload: 'freshness',
      rate,
      seconds,
      partitions,
      workers,
      users: world.users,
      items,
      history,
      sampled: seen.length + sent.length,
      neverSeen: sent.length,
      sentLateMaxMs: Math.round(latest),
      ...ofParts,
      ...(byPart ? await partsOf(profiles, pipelineUs) : {}),
      ...latencies(Float64Array.from([...seen, ...sent.map(() => patienceMs)]), 'Ms'),
    };
  } finally {
    if (child !== undefined) await stop(child);
    await Promise.all([reader.close(), producer.close(), runtime.close()]);
    await deleteTopics(kafka, topics);
    await forgetFeatures(redis);
    await rm(home, { recursive: true, force: true });
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

/** Of what an event costs the pipeline, what goes to each part, in microseconds. @param folder with a profile a thread; the first is that of the main thread */
async function partsOf(folder: string, us: number): Promise<Record<string, number>> {
  const [file] = (await readdir(folder)).sort();
  return Object.fromEntries([...profileParts(join(folder, file!))].map(([part, share]) => [`${part}Us`, round(us * share, 1)]));
}

/** Takes out of `sent` what Redis has by now, and notes how long that took. */
async function see(reader: FeatureReader, sent: Sent[], seen: number[]): Promise<void> {
  for (let from = 0; from < sent.length; ) {
    const asked = sent.slice(from, from + askedAtOnce);
    const answers = await reader.get(userFeatures, asked.map(({ user }) => user));
    const now = performance.now();
    const missing = asked.filter(({ timestamp, due }, i) => {
      if (!((answers[i]!.features['last_seen_1h'] ?? 0) >= timestamp)) return true;
      seen.push(now - due);
      return false;
    });
    sent.splice(from, asked.length, ...missing);
    from += missing.length;
  }
}

/** What shares the processors during a run, by name: the pipeline, this process (which makes and looks for the events), and the broker and the Redis where they are on this machine. */
function processesBeside(kafka: KafkaSettings, redis: RedisSettings, pipeline: number): { readonly name: string; readonly pid: number }[] {
  const [broker, store] = [listeningProcess(kafka.brokers[0]!.port), listeningProcess(redis.port)];
  return [{ name: 'pipeline', pid: pipeline }, ...(broker === undefined ? [] : [{ name: 'broker', pid: broker }]), ...(store === undefined ? [] : [{ name: 'redis', pid: store }]), { name: 'generator', pid: process.pid }];
}

function round(x: number, digits: number): number {
  return Number(x.toFixed(digits));
}

async function caughtUp(runtime: KafkaRuntime, partitions: number): Promise<void> {
  const ends = await Promise.all(Array.from({ length: partitions }, async (_, p) => (await runtime.log.bounds('clicks', p)).end));
  for (let waited = 0; waited < patienceMs; waited += 100) {
    const positions = (await runtime.log.committed(clickFeatures.name))?.positions ?? [];
    if (ends.every((end, p) => (positions.find((at) => at.partition === p)?.offset ?? 0) >= end)) return;
    await delay(100);
  }
  throw new HeadraceError('HR_ARGUMENT', `The history was not processed within ${patienceMs / 1_000} s.`);
}

function* imported(world: Iterable<ClickEvent>): Iterable<Imported> {
  for (const event of world) yield { event };
}
