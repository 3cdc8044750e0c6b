import { trafficCurve } from './traffic-curve.js';
import { firstBotStream, sessionStream, taste, type WorldPlan } from './world-plan.js';

/** Events in order of arrival; row `i` of every column belongs to one event. Users and items are numbers of the plan. */
export interface WorldColumns {
  readonly count: number;
  /** Order of creation: unique in a world. */
  readonly sequence: Float64Array;
  /** Milliseconds after the start: when it happened, and how much later it arrives. */
  readonly time: Float64Array;
  readonly delay: Float64Array;
  readonly user: Int32Array;
  readonly item: Int32Array;
  /** Index into the symbols of EventType. */
  readonly type: Uint8Array;
  readonly position: Uint8Array;
  readonly watchMs: Int32Array;
  readonly surface: Uint8Array;
}

export const [IMPRESSION, CLICK, LIKE, SHARE, SKIP, WATCH] = [0, 1, 2, 3, 4, 5] as const;

/** Positions on a page of a feed; the chance of a click falls with the position. */
export const positions = 10;

/** Delays from here on (ms) are the late ones; the others are under 20 s. */
export const lateFrom = 120_000;

const positionWeights = Float64Array.from({ length: positions }, (_, p) => 1 / (1 + 0.12 * p));
const leastViews = 3;
const moreViews = 22;

/** How the position changes the chance of a click; its mean over all impressions is 1. */
export const positionBias: Float64Array = (() => {
  let weight = 0;
  let views = 0;
  for (let m = 0; m < moreViews; m++) {
    // views per session are 3 + floor(22 u²)
    const share = Math.sqrt((m + 1) / moreViews) - Math.sqrt(m / moreViews);
    for (let i = 0; i < leastViews + m; i++) weight += share * positionWeights[i % positions]!;
    views += share * (leastViews + m);
  }
  return positionWeights.map((w) => (w * views) / weight);
})();

/** Planted probability that an impression is clicked; `time` in ms after the start. */
export function clickProbability(plan: WorldPlan, user: number, item: number, position: number, time: number): number {
  const { viral } = plan;
  const category = plan.category[item]!;
  const ctr = item === viral.item && time >= viral.from ? viral.ctr : plan.ctr[item]!;
  return Math.min(0.95, (ctr * taste(plan, user, category) * positionBias[position]!) / plan.meanTaste[category]!);
}

/** Plays the plan and yields its events in order of arrival, some ten thousand at a time. */
export function* worldColumns(plan: WorldPlan): Generator<WorldColumns> {
  if (plan.events === 0) return;
  const { random, duration, viral } = plan;
  const timeAt = trafficCurve(plan.start, duration);
  const pending = pendingEvents();
  // whole milliseconds, since the sort key packs them
  const slice = Math.min(3_600_000, Math.max(30_000, Math.ceil((65_536 * duration) / plan.events)));
  const nextOfBot = new Int32Array(plan.bots.length);
  let sequence = 0;
  let humans = 0;
  let session = 0;

  const push = (time: number, user: number, item: number, type: number, position: number, watchMs: number, surface: number): void => {
    const u = random.unit();
    // 0.1 % are 2 to 10 minutes late, 5 % up to 20 s
    const delay = u < 0.001 ? lateFrom + random.below(480_001) : u < 0.051 ? random.below(20_000) : 0;
    pending.push(sequence++, time, delay, user, item, type, position, watchMs, surface);
  };

  const view = (start: number): void => {
    random.seed(sessionStream, session++);
    const user = plan.userAt(random.unit(), random.unit());
    const surface = random.below(4);
    const u = random.unit();
    const views = leastViews + Math.floor(moreViews * u * u);
    let time = Math.floor(start);
    const happens = (item: number, type: number, position: number, watchMs: number): void => {
      if (time >= duration || humans === plan.humanEvents) return;
      humans++;
      push(time, user, item, type, position, watchMs, surface);
    };
    for (let i = 0; i < views && time < duration; i++) {
      let item = plan.itemAt(random.unit(), random.unit());
      if (time >= viral.from && random.unit() < viral.extraShare) item = viral.item;
      const position = i % positions;
      const click = random.unit() < clickProbability(plan, user, item, position, time);
      happens(item, IMPRESSION, position, 0);
      const pause = random.unit();
      time += 400 + Math.floor(5_000 * pause * pause);
      if (click) {
        happens(item, CLICK, position, 0);
        if (random.unit() < 0.9) {
          const watched = random.unit();
          const watchMs = Math.floor(plan.itemDuration[item]! * watched * (2 - watched));
          time += watchMs + 50;
          happens(item, WATCH, position, watchMs);
          const mood = random.unit();
          if (mood < 0.19) {
            time += 300 + random.below(3_000);
            happens(item, mood < 0.15 ? LIKE : SHARE, position, 0);
          }
        }
      } else if (random.unit() < 0.3) happens(item, SKIP, position, 0);
      const gap = random.unit();
      time += 300 + Math.floor(6_000 * gap * gap);
    }
  };

  for (let boundary = slice; ; boundary += slice) {
    for (;;) {
      if (humans === plan.humanEvents) break;
      // sessions last about two minutes: half of that earlier, events follow the curve
      const due = timeAt(humans / plan.humanEvents);
      const start = due - Math.min(60_000, due / 2);
      if (start >= boundary) break;
      view(start);
    }
    let waiting = humans < plan.humanEvents;
    for (const [b, bot] of plan.bots.entries()) {
      while (nextOfBot[b]! < bot.events) {
        const i = nextOfBot[b]!;
        random.seed(firstBotStream + b, i);
        const u = random.unit();
        const time = bot.kind === 'regular' ? bot.from + i * bot.period : bot.from + Math.floor((i + u) * bot.period);
        if (time >= boundary) {
          waiting = true;
          break;
        }
        nextOfBot[b] = i + 1;
        // a velocity bot clicks on a few items over and over, the others look around
        const item = bot.kind === 'velocity' ? (b * 7 + random.below(5)) % plan.items : plan.itemAt(random.unit(), random.unit());
        push(time, bot.user, item, bot.kind === 'velocity' ? CLICK : IMPRESSION, i % positions, 0, 0);
      }
    }
    const columns = pending.take(waiting ? boundary : Infinity, boundary - slice);
    if (columns.count > 0) yield columns;
    if (!waiting) return;
  }
}

/** Events that have happened and not yet arrived, in no order. */
function pendingEvents() {
  let size = 1 << 14;
  let count = 0;
  const numbers = { sequence: new Float64Array(size), time: new Float64Array(size), delay: new Float64Array(size) };
  const integers = { user: new Int32Array(size), item: new Int32Array(size), watchMs: new Int32Array(size) };
  const bytes = { type: new Uint8Array(size), position: new Uint8Array(size), surface: new Uint8Array(size) };
  let keys = new Float64Array(size);

  const grow = (): void => {
    size *= 2;
    for (const name of names(numbers)) numbers[name] = extended(new Float64Array(size), numbers[name]);
    for (const name of names(integers)) integers[name] = extended(new Int32Array(size), integers[name]);
    for (const name of names(bytes)) bytes[name] = extended(new Uint8Array(size), bytes[name]);
    keys = new Float64Array(size);
  };
  return {
    push(sequence: number, time: number, delay: number, user: number, item: number, type: number, position: number, watchMs: number, surface: number): void {
      if (count === size) grow();
      const i = count++;
      numbers.sequence[i] = sequence;
      numbers.time[i] = time;
      numbers.delay[i] = delay;
      integers.user[i] = user;
      integers.item[i] = item;
      integers.watchMs[i] = watchMs;
      bytes.type[i] = type;
      bytes.position[i] = position;
      bytes.surface[i] = surface;
    },
    /** Those that arrive before `boundary`, sorted; none of them arrives before `since`. */
    take(boundary: number, since: number): WorldColumns {
      let n = 0;
      let kept = 0;
      const rows = new Int32Array(count);
      const stay = new Int32Array(count);
      for (let i = 0; i < count; i++) {
        const arrival = numbers.time[i]! + numbers.delay[i]!;
        // arrival and row in one number that sorts natively: 2^25 ms and 2^28 rows at most
        if (arrival < boundary) keys[n++] = (arrival - since) * 0x10000000 + i;
        else stay[kept++] = i;
      }
      const order = keys.subarray(0, n).sort();
      for (let i = 0; i < n; i++) rows[i] = order[i]! % 0x10000000;
      const pick = <A extends Float64Array | Int32Array | Uint8Array>(from: A, into: A): A => {
        for (let i = 0; i < n; i++) into[i] = from[rows[i]!]!;
        for (let i = 0; i < kept; i++) from[i] = from[stay[i]!]!;
        return into;
      };
      const columns = {
        count: n,
        sequence: pick(numbers.sequence, new Float64Array(n)),
        time: pick(numbers.time, new Float64Array(n)),
        delay: pick(numbers.delay, new Float64Array(n)),
        user: pick(integers.user, new Int32Array(n)),
        item: pick(integers.item, new Int32Array(n)),
        watchMs: pick(integers.watchMs, new Int32Array(n)),
        type: pick(bytes.type, new Uint8Array(n)),
        position: pick(bytes.position, new Uint8Array(n)),
        surface: pick(bytes.surface, new Uint8Array(n)),
      };
      count = kept;
      return columns;
    },
  };
}

function names<T extends object>(of: T): (keyof T)[] {
  return Object.keys(of) as (keyof T)[];
}

function extended<A extends Float64Array | Int32Array | Uint8Array>(into: A, from: A): A {
  into.set(from);
  return into;
}
