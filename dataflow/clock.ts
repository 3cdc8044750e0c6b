/** Processing time. Injected everywhere, so that tests and replays decide what time it is. */
export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
  /** Calls `fire` once when `ms` milliseconds have passed; the result calls it off. A clock without timers runs no asynchronous steps. */
  after?(ms: number, fire: () => void): () => void;
}

/** Longest time that one timer of Node takes. */
const longestTimer = 2_147_483_647;

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, fire) {
    const timer = setTimeout(fire, Math.min(ms, longestTimer));
    return () => clearTimeout(timer);
  },
};
