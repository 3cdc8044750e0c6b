import { splitmix, type Random } from '../../dataflow/splitmix.js';

/** Time and chance of a simulation: everything that happens is an event here, in an order that the seed alone decides. */
export interface SimulatedTime {
  readonly random: Random;
  /** Milliseconds since the start. */
  now(): number;
  /** Calls `run` after some milliseconds; events of one time come in the order in which they were asked for. */
  after(ms: number, run: () => void): void;
  /** Runs events until `isDone`, then stops between two of them. @returns false when nothing is left to happen, or `limitMs` has passed */
  runUntil(isDone: () => boolean, limitMs: number): Promise<boolean>;
  /** Whether it comes to pass, with a probability. */
  chance(probability: number): boolean;
  /** A number in [from, to). */
  between(from: number, to: number): number;
  readonly events: number;
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Events of one instant. */
const mostAtOnce = 100_000;

/** Node runs a tick when all promises have been followed up: what an event led to has happened then. */
const followUp = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

export function simulatedTime(seed: number): SimulatedTime {
  const random = splitmix(seed);
  const heap: Event[] = [];
  let now = 0;
  let order = 0;
  let events = 0;
  /** Events before those of this instant. */
  let since = 0;

  const isBefore = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
  const push = (event: Event): void => {
    let at = heap.length;
    for (; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  };
  const pop = (): Event | undefined => {
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  };
  return {
    random,
    now: () => now,
    after: (ms, run) => push({ at: now + Math.max(0, ms), order: order++, run }),
    async runUntil(isDone, limitMs) {
      const until = now + limitMs;
      await followUp();
      while (!isDone()) {
        const event = pop();
        if (event === undefined) return false;
        if (event.at > until) {
          push(event);
          return false;
        }
        if (event.at > now) since = events;
        now = event.at;
        events += 1;
        if (events - since > mostAtOnce) throw new Error(`at ${now.toFixed(1)} ms time stands still: something waits for no time, again and again`);
        event.run();
        await followUp();
      }
      return true;
    },
    chance: (probability) => random.unit() < probability,
    between: (from, to) => from + random.unit() * (to - from),
    get events() {
      return events;
    },
  };
}
