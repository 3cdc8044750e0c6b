import type { HeadraceError } from '../dataflow/errors.js';

/** Tries again while the failure is one that passes, with pauses that grow to a second, until patience is over. */
export type Patiently = <T>(what: string, attempt: () => Promise<T>) => Promise<T>;

/** For whom to have patience, and how much. */
export interface PatienceOptions {
  /** In messages: `Kafka`. */
  readonly who: string;
  /** Whether a failure may pass. */
  isPassing(error: unknown): boolean;
  /** Milliseconds, asked anew before each pause. */
  patienceMs(): number;
  /** A failure in words: what a person can act on. */
  reasonOf(error: unknown): string;
  /** A failure that does not pass, as what is thrown. */
  asError(error: unknown): HeadraceError;
  /** What is thrown when patience is over. @param tried `was tried for 12 s (what): reason.` */
  unreachable(tried: string, cause: unknown): HeadraceError;
  /** Told once for each wait of more than a few seconds. */
  readonly warn?: ((message: string) => void) | undefined;
  /** Told when such a wait begins, and when it ends well. */
  readonly reachable?: ((isReachable: boolean) => void) | undefined;
  /** Milliseconds that only grow, and a pause. @default those of the system */
  readonly clock?: { now(): number; wait(ms: number): Promise<void> } | undefined;
  /** Before it is tried again. */
  readonly onFailure?: ((error: unknown) => void) | undefined;
}

const firstPauseMs = 5;
const longestPauseMs = 1_000;
/** A wait of this length is told. */
const tellAfterMs = 3_000;
const systemClock = { now: () => performance.now(), wait: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)) };

/** How long a server is waited for. */
export function patience({ who, isPassing, patienceMs, reasonOf, asError, unreachable, warn, reachable, clock = systemClock, onFailure }: PatienceOptions): Patiently {
  return async (what, attempt) => {
    const started = clock.now();
    let told = false;
    for (let pause = firstPauseMs; ; pause = Math.min(longestPauseMs, pause * 2)) {
      try {
        const answer = await attempt();
        if (told) reachable?.(true);
        return answer;
      } catch (error) {
        if (!isPassing(error)) throw asError(error);
        const waited = clock.now() - started;
        if (waited + pause > patienceMs()) throw unreachable(`was tried for ${Math.ceil(waited / 1_000)} s (${what}): ${reasonOf(error)}.`, error);
        if (waited > tellAfterMs && !told) {
          told = true;
          reachable?.(false);
          warn?.(`Waiting for ${who} (${what}): ${reasonOf(error)}.`);
        }
        onFailure?.(error);
        await clock.wait(pause);
      }
    }
  };
}
