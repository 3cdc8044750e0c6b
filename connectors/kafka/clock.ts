/** Time as clients of Kafka need it, so that a simulation can have its own. */
export interface Clock {
  /** Milliseconds that only grow. */
  now(): number;
  wait(ms: number): Promise<void>;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};
