import { HeadraceError } from '../../dataflow/errors.js';
import { type Clock, systemClock } from './clock.js';
import { asKafkaError, isPassing, reasonOf } from './kafka-errors.js';
import type { KafkaSettings } from './kafka-settings.js';

/**
 * Tries again while the failure is one that passes, with pauses that grow to a second, for as long as the settings say.
 *
 * @throws HR_KAFKA_UNREACHABLE when it lasts, HR_KAFKA_DENIED, HR_KAFKA
 */
export type Patiently = <T>(what: string, attempt: () => Promise<T>) => Promise<T>;

export interface PatienceOptions {
  readonly settings: KafkaSettings;
  /** Told once for each wait of more than a few seconds. */
  readonly warn?: ((message: string) => void) | undefined;
  /** Told when such a wait begins, and when it ends well. */
  readonly reachable?: ((isReachable: boolean) => void) | undefined;
  /** @default that of the system */
  readonly clock?: Clock | undefined;
  /** Brokers that have never answered are not waited for as long. */
  readonly hasAnswered: () => boolean;
  /** Nothing is tried again then. */
  readonly isClosed: () => boolean;
  /** Before it is tried again. */
  readonly onFailure?: (error: unknown) => void;
}

const firstPauseMs = 5;
const longestPauseMs = 1_000;
/** A wait of this length is told. */
const tellAfterMs = 3_000;
const firstPatienceMs = 10_000;

/** How long brokers are waited for, whichever library speaks to them. */
export function patience({ settings, warn, reachable, clock = systemClock, hasAnswered, isClosed, onFailure }: PatienceOptions): Patiently {
  return async (what, attempt) => {
    const started = clock.now();
    let told = false;
    for (let pause = firstPauseMs; ; pause = Math.min(longestPauseMs, pause * 2)) {
      try {
        const answer = await attempt();
        if (told) reachable?.(true);
        return answer;
      } catch (error) {
        if (!isPassing(error) || isClosed()) throw asKafkaError(error);
        const waited = clock.now() - started;
        const patienceMs = hasAnswered() ? settings.patienceMs : Math.min(settings.patienceMs, firstPatienceMs);
        if (waited + pause > patienceMs) {
          throw new HeadraceError('HR_KAFKA_UNREACHABLE', `Kafka at ${settings.brokers.map((b) => `${b.host}:${b.port}`).join(', ')} was tried for ${Math.ceil(waited / 1_000)} s (${what}): ${reasonOf(error)}.`, { cause: error });
        }
        if (waited > tellAfterMs && !told) {
          told = true;
          reachable?.(false);
          warn?.(`Waiting for Kafka (${what}): ${reasonOf(error)}.`);
        }
        onFailure?.(error);
        await clock.wait(pause);
      }
    }
  };
}
