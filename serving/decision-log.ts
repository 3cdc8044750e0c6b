import { HeadraceError } from '../dataflow/errors.js';
import type { LogClient } from '../dataflow/ports/log-client.js';
import type { SchemaRegistry } from '../dataflow/ports/schema-registry.js';
import { openTopicEncoder } from '../dataflow/topic-encoder.js';
import type { WritableTopic } from '../dataflow/topic.js';
import type { Decision } from '../schemas/generated/decision.js';
import { type DecisionFacts, decisionOf, type LoggedPmf } from './decision-of.js';
import type { Item } from './explore/item.js';
import { dropStream, seededRandom } from './explore/seeded-random.js';

/** Settings of `openDecisionLog`. */
export interface DecisionLogOptions {
  readonly log: LogClient;
  readonly registry: SchemaRegistry;
  /** `decisions`, or a topic of one's own with the same records. */
  readonly topic: WritableTopic<Decision>;
  /** Partitions of the topic when it is created. @default those it has, or 4 */
  readonly partitions?: number;
  /** What is written of the distributions. `scheme` saves 8 bytes a slot and candidate where they can be computed again. @default 'whole' */
  readonly pmf?: LoggedPmf;
  /** Bytes that may wait for the log; beyond, `log` refuses. @default 64 MiB */
  readonly maxWaiting?: number;
}

/** Writes decisions to a topic. */
export interface DecisionLog {
  /**
   * Logs a decision, and resolves when it is in the log: await it before the answer leaves. Decisions that come while the log is busy go into its next commit
   * together.
   *
   * @returns whether it was logged; false when it is one that `pdrop` leaves out
   * @throws HR_DECISION a pdrop outside of [0, 1), or a decision that does not fit the topic; HR_DECISION_BACKLOG more than `maxWaiting` is waiting; whatever the log
   * refuses a commit for
   */
  log<C extends Item>(facts: DecisionFacts<C>): Promise<boolean>;
  /** Resolves when everything is in the log; nothing is taken any more. */
  close(): Promise<void>;
}

const defaultMaxWaiting = 64 << 20;

/**
 * Opens a log of decisions for a service.
 *
 * @throws HR_TOPIC_EXISTS the topic is there with other settings
 * @example
 * const log = await openDecisionLog({ log: runtime.log, registry: runtime.registry, topic: decisions });
 * const choice = softmax().choose(items, { seed: decisionId });
 * await log.log({ decisionId, choice, userId });
 */
export async function openDecisionLog(options: DecisionLogOptions): Promise<DecisionLog> {
  const { log, pmf = 'whole', maxWaiting = defaultMaxWaiting } = options;
  const encoder = await openTopicEncoder(options.topic, options);
  let waiting: { readonly resolve: (logged: boolean) => void; readonly reject: (error: unknown) => void }[] = [];
  let writing: Promise<void> | undefined;
  let isClosed = false;

  const write = async (): Promise<void> => {
    // lets decisions of this turn of the event loop come together
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      try {
        await log.append(encoder.take());
        for (const { resolve } of batch) resolve(true);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    writing = undefined;
  };

  return {
    async log(facts) {
      const { choice, pdrop = 0 } = facts;
      if (isClosed) throw new HeadraceError('HR_DECISION_BACKLOG', 'The log of decisions is closed.');
      if (!(pdrop >= 0 && pdrop < 1)) throw new HeadraceError('HR_DECISION', `Decision ${facts.decisionId}: pdrop is ${String(pdrop)}; it is at least 0 and less than 1.`);
      if (pdrop > 0 && seededRandom(choice.seed, dropStream).real() < pdrop) return false;
      if (encoder.size > maxWaiting) throw new HeadraceError('HR_DECISION_BACKLOG', `${encoder.count} decisions are waiting for the log.`);
      try {
        encoder.add(decisionOf(facts, pmf));
      } catch (cause) {
        throw new HeadraceError('HR_DECISION', `Decision ${facts.decisionId} does not fit the topic: ${(cause as Error).message}`, { cause });
      }
      return new Promise<boolean>((resolve, reject) => {
        waiting.push({ resolve, reject });
        writing ??= write();
      });
    },
    async close() {
      isClosed = true;
      await writing;
    },
  };
}
