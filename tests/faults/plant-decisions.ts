import { openEmbedded } from '../../connectors/embedded/embedded-runtime.js';
import { BlockWriter } from '../../dataflow/record-block.js';
import { openTopicEncoder } from '../../dataflow/topic-encoder.js';
import { decisions } from '../../pipelines/decisions.js';
import { outcomes } from '../../pipelines/outcomes.js';
import { decisionWorld } from '../../runners/simulate/decision-world.js';
import type { Outcome } from '../../schemas/generated/outcome.js';
import { softmax } from '../../serving/explore/softmax.js';

/** Decisions in one append. */
const slice = 60;

/**
 * Decisions of two hours and their outcomes in small blocks, the outcomes somewhat out of order: some come an hour after they happened, some twice, some of decisions that are not
 * there, and some records cannot be read.
 */
export async function plantDecisions(dataDir: string, options: { readonly decisions: number; readonly seed: number; readonly partitions?: number }): Promise<void> {
  const { partitions = 4 } = options;
  const { log, registry, close } = openEmbedded({ dataDir, mode: 'write' });
  try {
    const [decisionRows, outcomeRows] = [await openTopicEncoder(decisions, { log, registry, partitions }), await openTopicEncoder(outcomes, { log, registry, partitions })];
    const waiting: { readonly outcome: Outcome; readonly arrives: number }[] = [];
    let n = 0;
    const write = async (until: number): Promise<void> => {
      const due = waiting.filter(({ arrives }) => arrives < until).sort((a, b) => a.arrives - b.arrives);
      for (const { outcome } of due) outcomeRows.add(outcome);
      waiting.splice(0, waiting.length, ...waiting.filter(({ arrives }) => arrives >= until));
      const broken = new BlockWriter();
      broken.append(Buffer.from('d'), Buffer.from('not Avro at all'), 0);
      await log.append([...decisionRows.take(), ...outcomeRows.take(), { topic: 'outcomes', partition: n % partitions, block: broken.take() }]);
    };
    for (const { decision, outcomes: followed } of decisionWorld({ decisions: options.decisions, seed: options.seed, users: 100, items: 40, rate: options.decisions / 7_200, policy: softmax({ temperature: 0.1, slots: 3 }) })) {
      n += 1;
      // the decision itself is missing, its outcomes are there
      if (n % 41 !== 0) decisionRows.add(decision);
      followed.forEach((outcome, i) => waiting.push({ outcome, arrives: outcome.time + ((n + i) % 23 === 0 ? 3_600_000 : ((n * 7 + i) % 20) * 1_000) }));
      if (n % slice === 0) await write(decision.time);
    }
    await write(Number.POSITIVE_INFINITY);
  } finally {
    await close();
  }
}
