import type { Clock } from '../../connectors/kafka/clock.js';
import type { SimulatedTime } from './simulated-time.js';

/** A process that runs code under test: it can be killed and stalled wherever that code waits. */
export interface SimulatedProcess {
  readonly id: number;
  readonly machine: number;
  readonly clock: Clock;
  readonly isAlive: boolean;
  readonly isStalled: boolean;
  /** Runs something in the process: now, when it goes on again, or never. */
  run(what: () => void): void;
  /** Runs it after some milliseconds. */
  after(ms: number, what: () => void): void;
  /** Ends it: whatever it waits for never comes. */
  kill(): void;
  /** As SIGSTOP and, after some milliseconds, SIGCONT. */
  stall(ms: number): void;
}

export function simulatedProcess(time: SimulatedTime, id: number, machine: number): SimulatedProcess {
  let isAlive = true;
  let stalledUntil = 0;
  const held: (() => void)[] = [];
  const run = (what: () => void): void => {
    if (!isAlive) return;
    if (stalledUntil > time.now() || held.length > 0) held.push(what);
    else what();
  };
  const goOn = (): void => {
    if (!isAlive || stalledUntil > time.now()) return;
    // one at a time: what a promise leads to comes before the next
    held.shift()?.();
    if (held.length > 0) time.after(0, goOn);
  };
  const after = (ms: number, what: () => void): void => time.after(ms, () => run(what));
  return {
    id,
    machine,
    get isAlive() {
      return isAlive;
    },
    get isStalled() {
      return stalledUntil > time.now();
    },
    clock: { now: time.now, wait: (ms) => new Promise((resolve) => after(ms, resolve)) },
    run,
    after,
    kill() {
      isAlive = false;
      held.length = 0;
    },
    stall(ms) {
      stalledUntil = Math.max(stalledUntil, time.now() + ms);
      time.after(ms, goOn);
    },
  };
}
