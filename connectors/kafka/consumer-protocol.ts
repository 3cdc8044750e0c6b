/*
 * What members of a group tell one another, in the encoding of Kafka's own consumers (ConsumerProtocolSubscription and ConsumerProtocolAssignment, version 0),
 * so that its tools show the group: int16 version, then topics or topics with partitions, then bytes of our own: int32s, the tasks, and in a subscription before them 1 for one that has been running. Big-endian.
 */

/** What a member brings along. */
export interface Subscription {
  readonly topics: readonly string[];
  /** The tasks that it would keep. */
  readonly tasks: readonly number[];
  /** Whether it has been running them. */
  readonly runs: boolean;
}

/** What a member gets. */
export interface AssignedTasks {
  /** Partitions of each topic that is read. */
  readonly topics: ReadonlyMap<string, number>;
  readonly tasks: readonly number[];
}

export function encodeSubscription({ topics, tasks, runs }: Subscription): Uint8Array {
  return Buffer.concat([int16(0), int32(topics.length), ...topics.map(text), bytes(Buffer.concat([runs ? 1 : 0, ...tasks].map(int32)))]);
}

/** The tasks of a subscription. */
export function decodeSubscription(encoded: Uint8Array): Omit<Subscription, 'topics'> {
  const at = cursor(encoded);
  at.int16();
  for (let left = at.int32(); left > 0; left--) at.skip(at.int16());
  const [runs, ...tasks] = at.numbers();
  return { tasks, runs: runs === 1 };
}

export function encodeAssignment({ topics, tasks }: AssignedTasks): Uint8Array {
  const lists = [...topics].map(([topic, partitions]) => ({ topic, own: tasks.filter((task) => task < partitions) }));
  return Buffer.concat([int16(0), int32(lists.length), ...lists.flatMap(({ topic, own }) => [text(topic), int32(own.length), ...own.map(int32)]), bytes(Buffer.concat(tasks.map(int32)))]);
}

/** The tasks of an assignment; none when it is empty. */
export function decodeAssignment(encoded: Uint8Array): Pick<AssignedTasks, 'tasks'> {
  if (encoded.length === 0) return { tasks: [] };
  const at = cursor(encoded);
  at.int16();
  for (let left = at.int32(); left > 0; left--) {
    at.skip(at.int16());
    at.skip(4 * at.int32());
  }
  return { tasks: at.numbers() };
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
    numbers: () => Array.from({ length: Math.max(0, self.int32()) / 4 }, () => self.int32()),
  };
  return self;
}
