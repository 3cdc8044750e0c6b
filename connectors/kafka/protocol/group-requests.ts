import { checkAnswer } from '../kafka-errors.js';
import type { Request } from './requests.js';

/** The protocol type that Kafka's own tools can show. */
const protocolType = 'consumer';
/** Name of our way to spread tasks. */
const protocolName = 'headrace';

/** Who asks, in a group. */
export interface GroupIdentity {
  readonly group: string;
  /** As the coordinator has named it; empty before. */
  readonly member: string;
  /** The name that a process keeps over restarts (static membership, KIP-345). */
  readonly instance: string;
}

/** A group as a member that has joined knows it. */
export interface Joined {
  readonly generation: number;
  readonly member: string;
  /** Whether this member spreads the tasks. */
  readonly leads: boolean;
  /** All members, for the one that leads. */
  readonly members: readonly { readonly member: string; readonly metadata: Uint8Array }[];
}

/** Joins a group; the answer comes when all of its members have, or have been given up after `rebalanceMs`. */
export function joinGroupRequest({ group, member, instance }: GroupIdentity, sessionMs: number, rebalanceMs: number, metadata: Uint8Array): Request<Joined> {
  const what = `joining group ${group}`;
  return {
    key: 11,
    version: 7,
    what,
    encode: (w) =>
      void w
        .appendString(group)
        .appendInt32(sessionMs)
        .appendInt32(rebalanceMs)
        .appendString(member)
        .appendString(instance)
        .appendString(protocolType)
        .appendArray([protocolName], (w, name) => w.appendString(name).appendBytes(Buffer.from(metadata)))
        .appendTaggedFields(),
    decode(r) {
      r.int32();
      checkAnswer(r.int16(), what);
      const generation = r.int32();
      r.text();
      r.text();
      const leader = r.text();
      const own = r.text()!;
      const members = r.array(() => {
        const name = r.text()!;
        r.text();
        const found = { member: name, metadata: Uint8Array.from(r.bytes()) };
        r.tags();
        return found;
      });
      return { generation, member: own, leads: leader === own && members.length > 0, members };
    },
  };
}

/** Asks for what this member gets, and tells what each gets when it leads. */
export function syncGroupRequest({ group, member, instance }: GroupIdentity, generation: number, assignments: ReadonlyMap<string, Uint8Array>): Request<Uint8Array> {
  const what = `the tasks of group ${group}`;
  return {
    key: 14,
    version: 5,
    what,
    encode: (w) =>
      void w
        .appendString(group)
        .appendInt32(generation)
        .appendString(member)
        .appendString(instance)
        .appendString(protocolType)
        .appendString(protocolName)
        .appendArray([...assignments], (w, [to, bytes]) => w.appendString(to).appendBytes(Buffer.from(bytes)))
        .appendTaggedFields(),
    decode(r) {
      r.int32();
      checkAnswer(r.int16(), what);
      r.text();
      r.text();
      return Uint8Array.from(r.bytes());
    },
  };
}

export function heartbeatRequest({ group, member, instance }: GroupIdentity, generation: number): Request<void> {
  const what = `membership of group ${group}`;
  return {
    key: 12,
    version: 4,
    what,
    encode: (w) => void w.appendString(group).appendInt32(generation).appendString(member).appendString(instance).appendTaggedFields(),
    decode(r) {
      r.int32();
      checkAnswer(r.int16(), what);
    },
  };
}

export function leaveGroupRequest({ group, member, instance }: GroupIdentity): Request<void> {
  const what = `leaving group ${group}`;
  return {
    key: 13,
    version: 4,
    what,
    encode: (w) => void w.appendString(group).appendArray([member], (w, name) => w.appendString(name).appendString(instance)).appendTaggedFields(),
    decode(r) {
      r.int32();
      checkAnswer(r.int16(), what);
    },
  };
}
