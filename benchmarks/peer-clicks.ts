import { parseRecordSchema, type AvroRecordSchema } from '../schemas/avro-schema.js';

/** A click of the peer workload; `partition` is where it goes, the other fields are its value. */
export interface PeerClick {
  readonly eventId: number;
  readonly userId: string;
  readonly itemId: string;
  readonly creatorId: string;
  readonly category: number;
  /** Index into `peerEventTypes`. */
  readonly eventType: number;
  readonly watchMs: number;
  readonly durationMs: number;
  readonly timestamp: number;
  readonly surface: string;
  readonly position: number;
  readonly partition: number;
}

export const peerEventTypes = ['IMPRESSION', 'CLICK', 'LIKE', 'SHARE', 'SKIP', 'WATCH'] as const;
export const peerPartitions = 4;

/** Schema of the values: raw Avro, without a registry prefix. */
export const peerClickSchema: AvroRecordSchema = parseRecordSchema({
  type: 'record',
  name: 'ClickEvent',
  fields: [
    { name: 'eventId', type: 'long' },
    { name: 'userId', type: 'string' },
    { name: 'itemId', type: 'string' },
    { name: 'creatorId', type: 'string' },
    { name: 'category', type: 'int' },
    { name: 'eventType', type: { type: 'enum', name: 'EventType', symbols: [...peerEventTypes] } },
    { name: 'watchMs', type: 'int' },
    { name: 'durationMs', type: 'int' },
    { name: 'timestamp', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'surface', type: 'string' },
    { name: 'position', type: 'int' },
  ],
});

/** Longest value that `PeerClicks.encode` writes, in bytes. */
export const peerClickBound = 128;

const base = 1_760_000_400_000;
const paneMs = 300_000;
const flushPerPartition = 16;
const surfaces = ['feed', 'search', 'profile', 'explore'];
const surfaceBytes = surfaces.map((s) => Buffer.from(s));

/**
 * The click stream that Kafka Streams and Flink were measured with: a pure function of the event number, 64-bit
 * arithmetic in 32-bit halves. After `events` clicks come 16 flush events per partition, which move event time on far enough
 * to close all windows.
 *
 * `load(i)` sets the numeric fields below and allocates nothing; `event(i)` gives an object.
 */
export class PeerClicks {
  /** Clicks and flush events. */
  readonly count: number;
  readonly events: number;
  readonly #seedLow: number;
  readonly #seedHigh: number;
  readonly #compression: number;
  #low = 0;
  #high = 0;

  user = 0;
  item = 0;
  category = 0;
  eventType = 0;
  watchMs = 0;
  durationMs = 0;
  timestamp = 0;
  surface = 0;
  position = 0;
  partition = 0;
  /** Number of the flush event within its partition, -1 for a click. */
  flush = -1;

  /** @param options events: clicks without the flush; seed: a safe integer; compression: event time over 6,000 events per second, times */
  constructor(options: { readonly events: number; readonly seed: number; readonly compression?: number }) {
    this.events = options.events;
    this.count = options.events + peerPartitions * flushPerPartition;
    this.#seedLow = options.seed >>> 0;
    this.#seedHigh = Math.floor(options.seed / 2 ** 32) >>> 0;
    this.#compression = options.compression ?? 20;
  }

  /** Makes event `i`, 0 to count - 1, the current one. */
  load(i: number): void {
    this.#low = (this.#seedLow ^ i) >>> 0;
    this.#high = (this.#seedHigh ^ Math.floor(i / 2 ** 32)) >>> 0;
    this.#mix();
    const u = this.#low / 2 ** 32;
    const v = this.#high / 2 ** 32;
    this.#mix();
    const a = this.#low;
    const b = this.#high;
    this.#mix();
    this.user = Math.trunc(100_000 * (u * u * u));
    this.item = Math.trunc(50_000 * (v * v * (v * v)));
    this.category = this.item % 24;
    const r = a % 100;
    this.eventType = r < 55 ? 0 : r < 70 ? 1 : r < 75 ? 2 : r < 77 ? 3 : r < 85 ? 4 : 5;
    this.durationMs = 5_000 + (this.#low % 60_000);
    this.watchMs = this.eventType === 5 ? this.#high % (this.durationMs + 1) : 0;
    this.surface = Math.floor(a / 100) % 4;
    this.position = Math.floor(a / 400) % 50;
    this.timestamp = base + Math.floor((i * this.#compression) / 6);
    if (b % 100 < 5) this.timestamp -= 1 + (Math.floor(b / 100) % 30_000);
    this.partition = this.user % peerPartitions;
    this.flush = -1;
    if (i < this.events) return;
    this.partition = Math.floor((i - this.events) / flushPerPartition);
    this.flush = (i - this.events) % flushPerPartition;
    this.timestamp = base + Math.floor((this.events * this.#compression) / 6) + (this.flush + 1) * paneMs;
  }

  /** Event `i` as an object. */
  event(i: number): PeerClick {
    this.load(i);
    return {
      eventId: i,
      userId: this.flush < 0 ? `u${this.user}` : `~flush-${this.partition}-${this.flush}`,
      itemId: this.flush < 0 ? `i${this.item}` : `~flush-item-${this.flush}`,
      creatorId: `c${this.item % 5_000}`,
      category: this.category,
      eventType: this.eventType,
      watchMs: this.watchMs,
      durationMs: this.durationMs,
      timestamp: this.timestamp,
      surface: surfaces[this.surface]!,
      position: this.position,
      partition: this.partition,
    };
  }

  /** Loads event `i` and writes its value at `at`, where `peerClickBound` bytes are free; gives the end. */
  encode(i: number, target: Uint8Array, at: number): number {
    this.load(i);
    let p = writeLong(target, at, i);
    const start = p;
    p = this.encodeKey(target, p + 1);
    target[start] = (p - start - 1) << 1;
    const item = p;
    p = this.flush < 0 ? writeTagged(target, p + 1, 105, this.item) : writeText(target, p + 1, `~flush-item-${this.flush}`);
    target[item] = (p - item - 1) << 1;
    const creator = p;
    p = writeTagged(target, p + 1, 99, this.item % 5_000);
    target[creator] = (p - creator - 1) << 1;
    target[p++] = this.category << 1;
    target[p++] = this.eventType << 1;
    p = writeLong(target, p, this.watchMs);
    p = writeLong(target, p, this.durationMs);
    p = writeLong(target, p, this.timestamp);
    const surface = surfaceBytes[this.surface]!;
    target[p++] = surface.length << 1;
    for (let k = 0; k < surface.length; k++) target[p++] = surface[k]!;
    return writeLong(target, p, this.position);
  }

  /** Writes the key of the current event, its user id in UTF-8, at `at`; gives the end. */
  encodeKey(target: Uint8Array, at: number): number {
    return this.flush < 0 ? writeTagged(target, at, 117, this.user) : writeText(target, at, `~flush-${this.partition}-${this.flush}`);
  }

  /** splitmix64 of the current state. */
  #mix(): void {
    let low = this.#low + 0x7f4a7c15;
    let high = (this.#high + 0x9e3779b9 + (low > 0xffffffff ? 1 : 0)) >>> 0;
    low >>>= 0;
    // z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9
    let l = (low ^ ((low >>> 30) | (high << 2))) >>> 0;
    let h = (high ^ (high >>> 30)) >>> 0;
    high = (multiplyHigh(l, 0x1ce4e5b9) + Math.imul(h, 0x1ce4e5b9) + Math.imul(l, 0xbf58476d)) >>> 0;
    low = Math.imul(l, 0x1ce4e5b9) >>> 0;
    // z = (z ^ z >>> 27) * 0x94D049BB133111EB
    l = (low ^ ((low >>> 27) | (high << 5))) >>> 0;
    h = (high ^ (high >>> 27)) >>> 0;
    high = (multiplyHigh(l, 0x133111eb) + Math.imul(h, 0x133111eb) + Math.imul(l, 0x94d049bb)) >>> 0;
    low = Math.imul(l, 0x133111eb) >>> 0;
    this.#low = (low ^ ((low >>> 31) | (high << 1))) >>> 0;
    this.#high = (high ^ (high >>> 31)) >>> 0;
  }
}

/** Upper half of the 64-bit product of two unsigned 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const upper = a0 * b1 + (middle % 65_536);
  return a1 * b1 + Math.floor(middle / 65_536) + Math.floor(upper / 65_536);
}

/** Avro long, not negative and below 2^52. */
function writeLong(target: Uint8Array, at: number, value: number): number {
  let z = value * 2;
  while (z > 0x7fffffff) {
    target[at++] = (z % 128) | 128;
    z = Math.floor(z / 128);
  }
  while (z > 127) {
    target[at++] = (z & 127) | 128;
    z >>>= 7;
  }
  target[at++] = z;
  return at;
}

function writeTagged(target: Uint8Array, at: number, tag: number, value: number): number {
  target[at] = tag;
  let digits = 1;
  for (let v = value; v > 9; v = (v / 10) | 0) digits++;
  for (let k = digits, v = value; k > 0; k--, v = (v / 10) | 0) target[at + k] = 48 + (v % 10);
  return at + 1 + digits;
}

function writeText(target: Uint8Array, at: number, text: string): number {
  for (let k = 0; k < text.length; k++) target[at++] = text.charCodeAt(k);
  return at;
}
