/*
 * What members of a group tell one another, in the encoding of Kafka's own consumers (ConsumerProtocolSubscription and ConsumerProtocolAssignment, version 0),
 * so that its tools show the group: int16 version, then topics or topics with partitions, then bytes of our own. In a subscription these are the name of the process and then int32s: its number, 1 for one that goes on, the generation, the number
 * of tasks that run, these, and the tasks of which there are copies; in an assignment int32s: 1 when another round follows, the generation of the subscription, and the tasks. Big-endian.
 */

/** One of the processes that have the name of a member, one after the other: a process keeps that name over restarts. */
export interface Incarnation {
  /** Which of them it is: one that came later has a higher number. */
  readonly number: number;
  /** A name that no other process has. */
  readonly process: string;
}

/** Whether one came after another; of two with one number, as copies of a directory have them, the one with the greater name counts as later. */
export function isLater(one: Incarnation, other: Incarnation): boolean {
  return one.number > other.number || (one.number === other.number && one.process > other.process);
}

/** What a member brings along. */
export interface Subscription {
  readonly topics: readonly string[];
  readonly incarnation: Incarnation;
  /** The tasks that it runs, or has been running. */
  readonly runs: readonly number[];
  /** It goes on running them until it is told to let go. */
  readonly goesOn: boolean;
  /** The generation that it has joined last; -1: none. What it runs is its own only if no generation was without it (KIP-792). */
  readonly generation: number;
  /** The tasks that it has copies of. */
  readonly copies: readonly number[];
}

/** What a member gets. */
export interface AssignedTasks {
  /** Partitions of each topic that is read. */
  readonly topics: ReadonlyMap<string, number>;
  readonly tasks: readonly number[];
  /** Some tasks are with nobody until who runs them has let go, and joins again. */
  readonly isPartial: boolean;
  /** `generation` of the subscription for which it was made. */
  readonly since: number;
}

export function encodeSubscription({ topics, incarnation, runs, goesOn, generation, copies }: Subscription): Uint8Array {
  const own = Buffer.concat([text(incarnation.process), ...[incarnation.number, goesOn ? 1 : 0, generation, runs.length, ...runs, ...copies].map(int32)]);
  return Buffer.concat([int16(0), int32(topics.length), ...topics.map(text), bytes(own)]);
}

/** What a subscription says of tasks. */
export function decodeSubscription(encoded: Uint8Array): Omit<Subscription, 'topics'> {
  const at = cursor(encoded);
  at.int16();
  for (let left = at.int32(); left > 0; left--) at.skip(at.int16());
  at.int32();
  const process = at.text();
  const [number, goesOn, generation, running, ...tasks] = at.numbers();
  return { incarnation: { number: number!, process }, goesOn: goesOn === 1, generation: generation!, runs: tasks.slice(0, running), copies: tasks.slice(running) };
}

export function encodeAssignment({ topics, tasks, isPartial, since }: AssignedTasks): Uint8Array {
  const lists = [...topics].map(([topic, partitions]) => ({ topic, own: tasks.filter((task) => task < partitions) }));
  return Buffer.concat([int16(0), int32(lists.length), ...lists.flatMap(({ topic, own }) => [text(topic), int32(own.length), ...own.map(int32)]), bytes(Buffer.concat([isPartial ? 1 : 0, since, ...tasks].map(int32)))]);
}

/** What an assignment says; nothing when it is empty. */
export function decodeAssignment(encoded: Uint8Array): Omit<AssignedTasks, 'topics'> {
  if (encoded.length === 0) return { tasks: [], isPartial: false, since: -1 };
  const at = cursor(encoded);
  at.int16();
  for (let left = at.int32(); left > 0; left--) {
    at.skip(at.int16());
    at.skip(4 * at.int32());
  }
  at.int32();
  const [isPartial, since, ...tasks] = at.numbers();
  return { tasks, isPartial: isPartial === 1, since: since! };
}

function int16(value: number): Buffer {
  const out = Buffer.alloc(2);
  out.writeInt16BE(value);
  return out;
}

function int32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeInt32BE(value);
  return out;
}

function text(value: string): Buffer {
  const encoded = Buffer.from(value);
  return Buffer.concat([int16(encoded.length), encoded]);
}

function bytes(value: Uint8Array): Buffer {
  return Buffer.concat([int32(value.length), value]);
}

function cursor(encoded: Uint8Array) {
  const view = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.length);
  let at = 0;
  const move = (by: number) => (at += by) - by;
  const self = {
    int16: () => view.readInt16BE(move(2)),
    int32: () => view.readInt32BE(move(4)),
    skip: move,
    text() {
      const size = self.int16();
      return view.toString('utf8', at, move(size) + size);
    },
    /** All that is left. */
    numbers: () => Array.from({ length: Math.floor((view.length - at) / 4) }, () => self.int32()),
  };
  return self;
}
