import type { LogClient } from '../../dataflow/ports/log-client.js';
import type { SchemaRegistry } from '../../dataflow/ports/schema-registry.js';
import { openTopicEncoder } from '../../dataflow/topic-encoder.js';
import { decisions as decisionsTopic } from '../../pipelines/decisions.js';
import { outcomes as outcomesTopic } from '../../pipelines/outcomes.js';
import type { Outcome } from '../../schemas/generated/outcome.js';
import type { WorldDecision } from './decision-world.js';

/** What was written. */
export interface WrittenDecisions {
  readonly decisions: number;
  readonly outcomes: number;
  readonly partitions: number;
  /** Mean of what the policy earned in the mean. */
  readonly value: number;
  /** Decisions with a click, and clicks. */
  readonly clicks: number;
}

/** Decisions in one atomic append. */
const blockDecisions = 4_096;

/**
 * Writes decisions and their outcomes to their topics, both in the order of their times. Each block is atomic.
 *
 * @throws HR_TOPIC_EXISTS, HR_DISK_FULL, HR_STATE_LOCKED; AbortError between blocks once `abort` is aborted
 */
export async function writeDecisions(world: Iterable<WorldDecision>, options: { readonly log: LogClient; readonly registry: SchemaRegistry; readonly partitions?: number | undefined; readonly abort?: AbortSignal; readonly onProgress?: (written: number) => void }): Promise<WrittenDecisions> {
  const [decisionRows, outcomeRows] = [await openTopicEncoder(decisionsTopic, options), await openTopicEncoder(outcomesTopic, options)];
  const total = { decisions: 0, outcomes: 0, value: 0, clicks: 0 };
  let waiting: Outcome[] = [];
  const write = async (until: number): Promise<void> => {
    const due = waiting.filter(({ time }) => time < until).sort((a, b) => a.time - b.time);
    waiting = waiting.filter(({ time }) => time >= until);
    for (const outcome of due) outcomeRows.add(outcome);
    total.outcomes += due.length;
    const outputs = [...decisionRows.take(), ...outcomeRows.take()];
    if (outputs.length > 0) await options.log.append(outputs);
    options.onProgress?.(total.decisions);
    // lets signals and timers in
    await new Promise<void>((resolve) => setImmediate(resolve));
    options.abort?.throwIfAborted();
  };
  for (const { decision, outcomes, expected } of world) {
    decisionRows.add(decision);
    waiting.push(...outcomes);
    total.decisions += 1;
    total.value += expected;
    total.clicks += new Set(outcomes.map(({ outcomeId }) => outcomeId)).size;
    if (decisionRows.count >= blockDecisions) await write(decision.time);
  }
  await write(Number.POSITIVE_INFINITY);
  return { ...total, partitions: decisionRows.partitions, value: total.decisions === 0 ? 0 : total.value / total.decisions };
}
