import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedded } from '../connectors/embedded/embedded-runtime.js';
import { splitmix } from '../dataflow/splitmix.js';
import { decisions } from '../pipelines/decisions.js';
import { openDecisionLog } from '../serving/decision-log.js';
import { epsilonGreedy } from '../serving/explore/epsilon-greedy.js';
import type { Policy } from '../serving/explore/policy.js';
import type { ScoredItem } from '../serving/explore/item.js';
import { softmax } from '../serving/explore/softmax.js';

const candidates = 100;
const warm = 2_000;
/** Requests that a service has in hand at a time: their decisions share commits. */
const atOnce = 512;

/**
 * A decision among 100 candidates, from scores to the log on the disk: CPU and wall microseconds a decision with 512 requests in hand, the CPU of choosing alone, and how
 * long a single request waits for its commit.
 */
export async function* decide(options: { readonly decisions: number; readonly seed: number }): AsyncGenerator<Record<string, string | number>> {
  const policies: Readonly<Record<string, Policy<ScoredItem>>> = { softmax: softmax({ temperature: 0.5, floor: 1e-4 }), 'epsilon-greedy': epsilonGreedy({ epsilon: 0.05 }), 'plackett-luce, 10 slots': softmax({ temperature: 0.5, slots: 10 }) };
  const random = splitmix(options.seed);
  const pages = Array.from({ length: 64 }, (_, page) => Array.from({ length: candidates }, (_, i) => ({ itemId: `item-${page}-${i}`, score: random.unit(), creatorId: `creator-${i % 40}`, category: `category-${i % 8}` })));
  for (const [name, policy] of Object.entries(policies)) {
    const dataDir = await mkdtemp(join(tmpdir(), 'headrace-decide-'));
    const runtime = openEmbedded({ dataDir, mode: 'write', owner: 'benchmark' });
    try {
      const log = await openDecisionLog({ ...runtime, topic: decisions });
      const choose = (d: number) => policy.choose(pages[d % pages.length]!, { seed: `decision-${d}`, time: 1_760_000_000_000 + d });
      const one = (d: number) => log.log({ decisionId: `decision-${d}`, choice: choose(d), userId: `user-${d % 1_000}`, surface: 'feed', context: { hour: d % 24 } });
      const many = async (from: number, to: number): Promise<void> => {
        for (let d = from; d < to; d += atOnce) await Promise.all(Array.from({ length: Math.min(atOnce, to - d) }, (_, i) => one(d + i)));
      };
      await many(0, warm);
      const cpu = process.cpuUsage();
      const started = performance.now();
      await many(warm, warm + options.decisions);
      const wallUs = (performance.now() - started) * 1e3;
      const spent = process.cpuUsage(cpu);
      const chooseCpu = process.cpuUsage();
      for (let d = 0; d < options.decisions; d++) choose(d);
      const chosen = process.cpuUsage(chooseCpu);
      const waits = new Float64Array(200);
      for (let i = 0; i < waits.length; i++) {
        const begun = performance.now();
        await one(warm + options.decisions + i);
        waits[i] = (performance.now() - begun) * 1e3;
      }
      waits.sort();
      yield {
        workload: 'decide',
        policy: name,
        candidates,
        decisions: options.decisions,
        wallUsPerDecision: Number((wallUs / options.decisions).toFixed(1)),
        cpuUsPerDecision: Number(((spent.user + spent.system) / options.decisions).toFixed(1)),
        chooseCpuUs: Number(((chosen.user + chosen.system) / options.decisions).toFixed(1)),
        alone50Us: Math.round(waits[100]!),
        alone99Us: Math.round(waits[198]!),
      };
      await log.close();
    } finally {
      await runtime.close();
      await rm(dataDir, { recursive: true });
    }
  }
}
