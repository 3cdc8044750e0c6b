import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../dataflow/clock.js';

/** A clock that stands still until someone waits, and then goes from one timer to the next. */
export interface VirtualClock extends Required<Clock> {
  /** Waits until `ms` milliseconds of its time have passed. Other work goes first: time moves when nothing else has anything to do. */
  wait(ms: number): Promise<void>;
}

/**
 * Time for tests: hours of time-outs and retries pass in milliseconds, and always in the same order.
 *
 * @param start epoch milliseconds @default 0
 * @example
 * const clock = virtualClock();
 * const run = await runPipeline(job, { inputs: { jobs }, clock });
 */
export function virtualClock(start = 0): VirtualClock {
  let now = start;
  let order = 0;
  const timers = new Set<{ readonly at: number; readonly order: number; readonly fire: () => void }>();
  const clock: VirtualClock = {
    now: () => now,
    after(ms, fire) {
      const timer = { at: now + ms, order: order++, fire };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    async wait(ms) {
      let over = false;
      clock.after(ms, () => (over = true));
      while (!over) {
        await nextTurn();
        let next: { readonly at: number; readonly order: number; readonly fire: () => void } | undefined;
        for (const timer of timers) if (next === undefined || timer.at < next.at || (timer.at === next.at && timer.order < next.order)) next = timer;
        if (next === undefined) continue;
        timers.delete(next);
        now = Math.max(now, next.at);
        next.fire();
      }
    },
  };
  return clock;
}
