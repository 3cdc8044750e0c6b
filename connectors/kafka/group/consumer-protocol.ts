/*
 * What members of a group tell one another, in the encoding of Kafka's own consumers (ConsumerProtocolSubscription and ConsumerProtocolAssignment, version 0),
 * so that its tools show the group: int16 version, then topics or topics with partitions, then bytes of our own. In a subscription these are the name of the process, its terms, and then int32s: its number, 1 for one that goes on, the generation, the
 * number of tasks that run, these, the number of those of which copies are kept up to date, these, and those of which there are copies; in an assignment the names of the spread and of the process, the terms of the group, and then int32s: 1 when another
 * round follows, the generation of the subscription, 1 when what it told stands, the number of tasks, these, and those to keep copies of. Big-endian.
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
  /** How it runs the pipeline, as far as all members have to run it alike. */
  readonly terms: string;
  /** The tasks that it runs, or has been running. */
  readonly runs: readonly number[];
  /** It goes on running them until it is told to let go. */
  readonly goesOn: boolean;
  /** The generation that it has been given tasks in last; -1: none. What it runs is its own only if it was in each generation since (KIP-792). */
  readonly generation: number;
  /** The tasks whose state it keeps a copy of that follows the changelog. */
  readonly standby: readonly number[];
  /** The tasks that it has copies of. */
  readonly copies: readonly number[];
}

/** What a member gets. */
export interface AssignedTasks {
  /** Partitions of each topic that is read. */
  readonly topics: ReadonlyMap<string, number>;
  readonly tasks: readonly number[];
  /** Tasks that others run, to keep copies of. */
  readonly standby: readonly number[];
  /** Some tasks are with nobody until who runs them has let go, and joins again. */
  readonly isPartial: boolean;
  /** `generation` of the subscription for which it was made. */
  readonly since: number;
  /** What that told to run is with its member: in no generation since has it been with others. */
  readonly isKept: boolean;
  /** A name of its own for each time that somebody has spread tasks. */
  readonly spread: string;
  /** The process that had told it. */
  readonly process: string;
  /** What members have to run alike, as those do that were there first: who runs it otherwise gets nothing. */
  readonly terms: string;
}

export function encodeSubscription({ topics, incarnation, terms, runs, goesOn, generation, standby, copies }: Subscription): Uint8Array {
  const own = Buffer.concat([text(incarnation.process), text(terms), ...[incarnation.number, goesOn ? 1 : 0, generation, runs.length, ...runs, standby.length, ...standby, ...copies].map(int32)]);
  return Buffer.concat([int16(0), int32(topics.length), ...topics.map(text), bytes(own)]);
}

/** What a subscription says of tasks. */
export function decodeSubscription(encoded: Uint8Array): Omit<Subscription, 'topics'> {
  const at = cursor(encoded);
  at.int16();
  for (let left = at.int32(); left > 0; left--) at.text();
  at.int32();
  const process = at.text();
  const terms = at.text();
  const [number, goesOn, generation, ...lists] = at.numbers();
  const [runs, more] = counted(lists);
  const [standby, copies] = counted(more);
  return { incarnation: { number: number!, process }, terms, goesOn: goesOn === 1, generation: generation!, runs, standby, copies };
}

export function encodeAssignment({ topics, tasks, standby, isPartial, since, isKept, spread, process, terms }: AssignedTasks): Uint8Array {
  const lists = [...topics].map(([topic, partitions]) => ({ topic, own: tasks.filter((task) => task < partitions) }));
  const own = Buffer.concat([text(spread), text(process), text(terms), ...[isPartial ? 1 : 0, since, isKept ? 1 : 0, tasks.length, ...tasks, ...standby].map(int32)]);
  return Buffer.concat([int16(0), int32(lists.length), ...lists.flatMap(({ topic, own }) => [text(topic), int32(own.length), ...own.map(int32)]), bytes(own)]);
}

/** An assignment, of a member of ours or of anybody. */
export interface DecodedAssignment {
  /** Its partitions as `TOPIC/PARTITION`. */
  readonly inputs: readonly string[];
  /** Undefined where there is nothing of ours. */
  readonly own: Omit<AssignedTasks, 'topics'> | undefined;
}

export function decodeAssignment(encoded: Uint8Array): DecodedAssignment {
  if (encoded.length === 0) return { inputs: [], own: undefined };
  const at = cursor(encoded);
  at.int16();
  const inputs: string[] = [];
  for (let topics = at.int32(); topics > 0; topics--) {
    const topic = at.text();
    for (let partitions = at.int32(); partitions > 0; partitions--) inputs.push(`${topic}/${at.int32()}`);
  }
  at.int32();
  if (at.left === 0) return { inputs: inputs.sort(), own: undefined };
  const [spread, process, terms] = [at.text(), at.text(), at.text()];
  const [isPartial, since, isKept, ...lists] = at.numbers();
  const [tasks, standby] = counted(lists);
  return { inputs: inputs.sort(), own: { tasks, standby, isPartial: isPartial === 1, since: since!, isKept: isKept === 1, spread, process, terms } };
}

/** A list that its length stands before, and what is behind it. */
function counted([length = 0, ...list]: readonly number[]): [number[], number[]] {
  return [list.slice(0, length), list.slice(length)];
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
    text: () => view.toString('utf8', move(self.int16()), at),
    get left() {
      return view.length - at;
    },
    /** All that is left. */
    numbers: () => Array.from({ length: Math.floor(self.left / 4) }, () => self.int32()),
  };
  return self;
}
