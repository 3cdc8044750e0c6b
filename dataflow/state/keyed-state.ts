import type { KeyedBy } from '../batch.js';
import { packPlain, unpackPlain } from './plain-bytes.js';
import { maxKeyBytes } from '../ports/state-backend.js';
import { entityBytes, type StateTable } from './state-table.js';

/** One value and any timers for each key; what is not in memory is read from the table. */
export interface KeyedState<S> {
  keyedBy: KeyedBy | undefined;
  /** Latest `now` of `expire` that was not the end of the input, also of an earlier run; -Infinity before the first. */
  readonly reached: number;
  /** The state of a key, made new when there is none or when it has expired before `time`. */
  get(key: string, time?: number): S;
  /** The state may have changed; a record of event time `time` was seen. */
  touch(key: string, time: number): void;
  clear(key: string): void;
  setTimer(key: string, time: number): void;
  /** Takes the earliest timer up to `now`, if there is one. */
  nextTimer(now: number): { readonly key: string; readonly time: number } | undefined;
  /** Event time is at `now`: keys without records since `now - expire` are forgotten. */
  reach(now: number): void;
  /** Keys held in memory. */
  readonly held: number;
  /** Puts what has changed into the table. */
  save(): void;
}

interface Entry<S> {
  state: S;
  lastSeen: number;
  dirty: boolean;
  /** When the table says that it is to be looked at again; NaN: it does not say. */
  due: number;
}

const stateKind = 0;
const timerKind = 1;
const metaKind = 2;
const dueKind = 4;
const reachedKind = 3;

/**
 * @param expire milliseconds of event time after which a key is forgotten; Infinity: never
 * @param cached number of keys held in memory; entries of the running epoch come on top
 */
export function createKeyedState<S>(options: {
  readonly table: StateTable;
  readonly task: number;
  readonly init: (key: string) => S;
  readonly expire: number;
  readonly cached: number;
}): KeyedState<S> {
  const { table, task } = options;
  const cache = new Map<string, Entry<S> | undefined>();
  const dirty = new Set<string>();
  const timers = createTimerHeap();
  const metaKey = prefix(task, metaKind);
  const stored = table.get(metaKey);
  let keyedBy = stored === undefined ? undefined : (JSON.parse(Buffer.from(stored).toString()) as KeyedBy);
  const reachedKey = prefix(task, reachedKind);
  const storedReached = table.get(reachedKey);
  let reached = storedReached === undefined ? Number.NEGATIVE_INFINITY : Buffer.from(storedReached).readDoubleLE(0);
  let savedReached = reached;
  for (const { key, value } of table.range(prefix(task, timerKind), prefix(task, timerKind + 1))) {
    timers.push(Buffer.from(key).readDoubleBE(3), Buffer.from(value).toString());
  }
  const stateKey = (key: string) => behind(task, stateKind, key);
  const timerKey = (time: number, key: string) => {
    const bytes = behind(task, timerKind, key, 8);
    bytes.writeDoubleBE(time, prefixBytes);
    return bytes;
  };
  const load = (key: string): Entry<S> | undefined => {
    const bytes = table.get(stateKey(key));
    if (bytes === undefined) return undefined;
    const [state, lastSeen] = unpackPlain(bytes) as [S, number];
    // What `expire` would have forgotten, had it been in memory.
    if (reached - lastSeen > options.expire) return undefined;
    return { state, lastSeen, dirty: false, due: dueOf(lastSeen) };
  };

  // Keys are looked at again when they may have expired, not at every step of the watermark.
  const sweepMs = Math.max(1, Math.floor(options.expire / 8));
  const dueOf = (lastSeen: number) => Math.ceil((lastSeen + options.expire) / sweepMs) * sweepMs;
  const dueKey = (due: number, key: string) => {
    const bytes = behind(task, dueKind, key, 8);
    bytes.writeBigUInt64BE(BigInt(due) + (1n << 63n), prefixBytes);
    return bytes;
  };
  const sweep = () => {
    for (const { key: marker, value } of [...table.range(prefix(task, dueKind), dueKey(Math.floor(reached), ''))]) {
      const key = Buffer.from(value).toString();
      const entry = cache.get(key) ?? (cache.has(key) ? undefined : load(key));
      if (entry === undefined || reached - entry.lastSeen > options.expire) {
        cache.delete(key);
        table.delete(stateKey(key));
      }
      table.delete(marker);
      // where another time to expire was declared before, its next one may not be there
      if (entry !== undefined && reached - entry.lastSeen <= options.expire) table.put(dueKey(dueOf(entry.lastSeen), key), value);
    }
  };

  return {
    get keyedBy() {
      return keyedBy;
    },
    set keyedBy(by) {
      keyedBy = by;
      table.put(metaKey, Buffer.from(JSON.stringify(by)));
    },
    get held() {
      return cache.size;
    },
    get reached() {
      return reached;
    },
    get(key, time = Number.NEGATIVE_INFINITY) {
      let entry = cache.get(key);
      if (entry === undefined && !cache.has(key)) entry = load(key);
      if (entry === undefined || Math.max(time, reached) - entry.lastSeen > options.expire) entry = { state: options.init(key), lastSeen: reached, dirty: false, due: Number.NaN };
      // Deleting first moves the key to the young end: the map is in the order of last use.
      cache.delete(key);
      cache.set(key, entry);
      return entry.state;
    },
    touch(key, time) {
      const entry = cache.get(key);
      if (entry === undefined) return;
      if (!entry.dirty) dirty.add(key);
      entry.dirty = true;
      entry.lastSeen = Math.max(entry.lastSeen, time);
    },
    clear(key) {
      cache.set(key, undefined);
      table.delete(stateKey(key));
    },
    setTimer(key, time) {
      if (timers.push(time, key)) table.put(timerKey(time, key), Buffer.from(key));
    },
    nextTimer(now) {
      const timer = timers.popUntil(now);
      if (timer !== undefined) table.delete(timerKey(timer.time, timer.key));
      return timer;
    },
    reach(now) {
      if (now !== Number.POSITIVE_INFINITY) reached = Math.max(reached, now);
    },
    save() {
      if (reached !== savedReached) {
        const bytes = Buffer.alloc(8);
        bytes.writeDoubleLE(reached);
        table.put(reachedKey, bytes);
        savedReached = reached;
      }
      for (const key of dirty) {
        const entry = cache.get(key);
        if (!entry?.dirty) continue;
        table.put(stateKey(key), packPlain([entry.state, entry.lastSeen]));
        entry.dirty = false;
        const due = dueOf(entry.lastSeen);
        if (Number.isFinite(due) && due !== entry.due) table.put(dueKey(due, key), Buffer.from(key));
        entry.due = due;
      }
      dirty.clear();
      if (Number.isFinite(options.expire) && Number.isFinite(reached)) sweep();
      for (const key of cache.keys()) {
        if (cache.size <= options.cached) break;
        cache.delete(key);
      }
    },
  };
}

const prefixBytes = 3;
/** Length of a key up to which `entityBytes` does not cut it, whatever its characters; where it escapes nothing either, it only ends it. */
const plainLength = Math.floor(maxKeyBytes / 2 / 3);

function prefix(task: number, kind: number): Buffer {
  const bytes = Buffer.allocUnsafe(prefixBytes);
  bytes.writeUInt16BE(task);
  bytes[2] = kind;
  return bytes;
}

/** The prefix, `room` bytes to fill, and a key as `entityBytes` writes it. */
function behind(task: number, kind: number, key: string, room = 0): Buffer {
  if (key.length <= plainLength && !key.includes('\0')) {
    const end = prefixBytes + room + Buffer.byteLength(key);
    const bytes = Buffer.allocUnsafe(end + 2);
    bytes.writeUInt16BE(task);
    bytes[2] = kind;
    bytes.write(key, prefixBytes + room);
    bytes[end] = 0;
    bytes[end + 1] = 0;
    return bytes;
  }
  const entity = entityBytes(Buffer.from(key));
  const bytes = Buffer.allocUnsafe(prefixBytes + room + entity.length);
  bytes.writeUInt16BE(task);
  bytes[2] = kind;
  bytes.set(entity, prefixBytes + room);
  return bytes;
}

/** Timers in the order (time, key), each once. */
function createTimerHeap() {
  const heap: { time: number; key: string }[] = [];
  const known = new Set<string>();
  const before = (a: { time: number; key: string }, b: { time: number; key: string }) => a.time < b.time || (a.time === b.time && a.key < b.key);
  const name = (time: number, key: string) => `${time} ${key}`;
  const swap = (i: number, j: number) => {
    [heap[i], heap[j]] = [heap[j]!, heap[i]!];
  };
  return {
    push(time: number, key: string): boolean {
      if (known.has(name(time, key))) return false;
      known.add(name(time, key));
      heap.push({ time, key });
      for (let i = heap.length - 1; i > 0 && before(heap[i]!, heap[(i - 1) >> 1]!); i = (i - 1) >> 1) swap(i, (i - 1) >> 1);
      return true;
    },
    popUntil(now: number): { time: number; key: string } | undefined {
      const first = heap[0];
      if (first === undefined || first.time > now) return undefined;
      known.delete(name(first.time, first.key));
      const last = heap.pop()!;
      if (heap.length > 0) {
        heap[0] = last;
        for (let i = 0; ; ) {
          const left = 2 * i + 1;
          if (left >= heap.length) break;
          const child = left + 1 < heap.length && before(heap[left + 1]!, heap[left]!) ? left + 1 : left;
          if (!before(heap[child]!, heap[i]!)) break;
          swap(i, child);
          i = child;
        }
      }
      return first;
    },
  };
}
