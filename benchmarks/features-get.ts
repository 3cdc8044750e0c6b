import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { embeddedFeatures } from '../connectors/embedded/embedded-features.js';
import { openEmbedded } from '../connectors/embedded/embedded-runtime.js';
import { redisFeatures } from '../connectors/redis/redis-features.js';
import { type RedisSettings, redisSettings } from '../connectors/redis/redis-settings.js';
import type { FeatureSet } from '../dataflow/features/features.js';
import clickFeatures from '../pipelines/click-features.js';
import { itemFeatures, userFeatures } from '../pipelines/click-feature-sets.js';
import { writeEvents } from '../runners/import/write-events.js';
import { nodeFlags } from '../runners/node-flags.js';
import { runEmbedded } from '../runners/run-embedded.js';
import { clickWorld } from '../runners/simulate/click-world.js';
import { forgetFeatures } from './forget-features.js';
import { latencies } from './latencies.js';

const lookUps = 20_000;
/** The first thousand or so run in code that is not compiled yet: among 2,000 they are what 99 % tells of. */
const batches = 10_000;
const batchSize = 100;

type Result = Record<string, string | number>;
type Sets = readonly { readonly set: FeatureSet; readonly entities: readonly string[] }[];

/**
 * Look-ups of user and item features over a simulated day, one after the other, at random entities: in process at random times, and, where REDIS_URL names a server, in Redis through the library
 * and through `headrace serve features`, one and a hundred at a time. Microseconds.
 */
export async function* featuresGet(options: { readonly events: number; readonly seed: number }): AsyncIterable<Result> {
  const dataDir = await mkdtemp(join(tmpdir(), 'headrace-features-get-'));
  const server = redisSettings();
  const redis = server && { ...server, prefix: `features-get-${process.pid}:` };
  try {
    const writing = openEmbedded({ dataDir, mode: 'write', owner: 'benchmark' });
    const events = function* () {
      for (const event of clickWorld(options)) yield { event };
    };
    const { from, to } = await writeEvents(events(), { log: writing.log, registry: writing.registry, input: 'benchmark' });
    await writing.close();
    const cpu = process.cpuUsage();
    await runEmbedded(clickFeatures, { dataDir, bounded: true, redis });
    const spent = process.cpuUsage(cpu);
    const reading = openEmbedded({ dataDir, mode: 'read' });
    const store = embeddedFeatures(reading.state, clickFeatures.name);
    const sets: Sets = [userFeatures, itemFeatures].map((set) => ({ set: set as unknown as FeatureSet, entities: [...store.entities(set as never)] }));
    const random = randomFrom(options.seed);
    const workload = { workload: 'features-get', events: options.events };
    const embedded = await measure(lookUps, random, sets, 1, (set, [entity]) => void store.get(set as never, entity!, from! + random() * (to! - from!)));
    yield { ...workload, way: 'embedded, library', clickFeaturesEventsPerCpuS: Math.round(options.events / ((spent.user + spent.system) / 1e6)), ...embedded };
    await reading.close();
    if (redis === undefined) return;

    const reader = redisFeatures(redis);
    for (const size of [1, batchSize]) yield { ...workload, way: 'Redis, library', ...(await measure(size === 1 ? lookUps : batches, random, sets, size, (set, ids) => reader.get(set, ids))) };
    yield { ...workload, way: 'Redis, library, as JSON text', ...(await measure(batches, random, sets, batchSize, (set, ids) => reader.getJson(set, ids))) };
    await reader.close();
    yield* overHttp(dataDir, redis, (look) => [1, batchSize].map((size) => async () => ({ ...workload, way: 'Redis, HTTP', ...(await measure(size === 1 ? lookUps : batches, random, sets, size, look)) })));
  } finally {
    if (redis !== undefined) await forgetFeatures(redis);
    await rm(dataDir, { recursive: true });
  }
}

/** Times so many look-ups of `size` entities of one set, the sets in turn. A tenth more are made first, and not counted. */
async function measure(count: number, random: () => number, sets: Sets, size: number, look: (set: FeatureSet, ids: readonly string[]) => unknown): Promise<Result> {
  const micros = new Float64Array(count);
  let cpu = process.cpuUsage();
  for (let i = -Math.ceil(count / 10); i < count; i++) {
    if (i === 0) cpu = process.cpuUsage();
    const { set, entities } = sets[i & 1]!;
    const ids = Array.from({ length: size }, () => entities[Math.floor(random() * entities.length)]!);
    const started = performance.now();
    const found = look(set, ids);
    // one that answers at once is not made to wait a turn
    if (found instanceof Promise) await found;
    if (i >= 0) micros[i] = (performance.now() - started) * 1e3;
  }
  const { user, system } = process.cpuUsage(cpu);
  return { ids: size, lookUps: count, clientCpuUs: Math.round((user + system) / count), ...latencies(micros, 'Us') };
}

/** Starts the server as users do, and asks it over one connection that stays open. */
async function* overHttp(dataDir: string, redis: RedisSettings, tasks: (look: (set: FeatureSet, ids: readonly string[]) => Promise<void>) => readonly (() => Promise<Result>)[]): AsyncIterable<Result> {
  const command = fileURLToPath(new URL('../runners/headrace.js', import.meta.url));
  const child = spawn(process.execPath, [...nodeFlags, command, 'serve', 'features', '--port', '0', '--json', '--data-dir', dataDir], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, REDIS_PREFIX: redis.prefix } });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
    const { url } = JSON.parse(line) as { url: string };
    const look = ({ name }: FeatureSet, ids: readonly string[]): Promise<void> =>
      new Promise((resolve, reject) => {
        get(`${url}/features/${name}${ids.length === 1 ? `/${ids[0]!}` : `?ids=${ids.join(',')}`}`, { agent }, (answer) => {
          if (answer.statusCode !== 200) reject(new Error(`the server answers ${answer.statusCode}`));
          answer.resume().once('end', resolve);
        }).once('error', reject);
      });
    for (const task of tasks(look)) yield await task();
  } finally {
    agent.destroy();
    child.kill('SIGTERM');
  }
}

function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
}
