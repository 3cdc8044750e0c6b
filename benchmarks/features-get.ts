import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { embeddedFeatures } from '../connectors/embedded/embedded-features.js';
import { openEmbedded } from '../connectors/embedded/embedded-runtime.js';
import clickFeatures from '../pipelines/click-features.js';
import { itemFeatures, userFeatures } from '../pipelines/click-feature-sets.js';
import { writeEvents } from '../runners/import/write-events.js';
import { runEmbedded } from '../runners/run-embedded.js';
import { clickWorld } from '../runners/simulate/click-world.js';

const lookUps = 20_000;

/** Look-ups of user and item features in process, over a simulated day: latency at random entities and random times, microseconds. */
export async function featuresGet(options: { readonly events: number; readonly seed: number }): Promise<Record<string, string | number>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'headrace-features-get-'));
  try {
    const writing = openEmbedded({ dataDir, mode: 'write', owner: 'benchmark' });
    const events = function* () {
      for (const event of clickWorld(options)) yield { event };
    };
    const { from, to } = await writeEvents(events(), { log: writing.log, registry: writing.registry, input: 'benchmark' });
    await writing.close();
    const cpu = process.cpuUsage();
    await runEmbedded(clickFeatures, { dataDir, bounded: true });
    const spent = process.cpuUsage(cpu);
    const reading = openEmbedded({ dataDir, mode: 'read' });
    const store = embeddedFeatures(reading.state, clickFeatures.name);
    const sets = [userFeatures, itemFeatures].map((set) => ({ set, entities: [...store.entities(set as never)] }));
    const micros = new Float64Array(lookUps);
    let state = options.seed >>> 0;
    const random = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
    for (let i = -1_000; i < lookUps; i++) {
      const { set, entities } = sets[i & 1]!;
      const entity = entities[Math.floor(random() * entities.length)]!;
      const at = from! + random() * (to! - from!);
      const started = performance.now();
      store.get(set as never, entity, at);
      if (i >= 0) micros[i] = (performance.now() - started) * 1e3;
    }
    await reading.close();
    micros.sort();
    return {
      workload: 'features-get',
      events: options.events,
      clickFeaturesEventsPerCpuS: Math.round(options.events / ((spent.user + spent.system) / 1e6)),
      lookUps,
      p50Us: Math.round(micros[lookUps / 2]!),
      p99Us: Math.round(micros[Math.floor(lookUps * 0.99)]!),
      maxUs: Math.round(micros[lookUps - 1]!),
    };
  } finally {
    await rm(dataDir, { recursive: true });
  }
}
