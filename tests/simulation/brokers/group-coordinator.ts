import { kafkaError } from '../../../connectors/kafka/kafka-errors.js';
import type { GroupMember, ProducerIdentity } from '../../../connectors/kafka/protocol/transaction-requests.js';
import type { SimulatedTime } from '../simulated-time.js';

/** Numbers of errors that only groups have. */
export const groupError = { illegalGeneration: 22, unknownMember: 25, rebalanceInProgress: 27, fencedInstance: 82, unstableOffset: 88 } as const;

/** Who asks to join. */
export interface JoinRequest {
  readonly member: string;
  readonly instance: string;
  readonly sessionMs: number;
  readonly rebalanceMs: number;
  readonly metadata: Uint8Array;
}

/** The group as it is told to one that has joined. */
export interface JoinAnswer {
  readonly error: number;
  readonly generation: number;
  readonly leader: string;
  readonly member: string;
  readonly members: readonly { readonly member: string; readonly instance: string; readonly metadata: Uint8Array }[];
}

/** Consumer groups: their offsets, those of open transactions, and their members by the classic protocol, all of them static (KIP-345). */
export interface GroupCoordinator {
  join(group: string, request: JoinRequest, reply: (answer: JoinAnswer) => void): void;
  sync(group: string, member: string, instance: string, generation: number, assignments: ReadonlyMap<string, Uint8Array>, reply: (error: number, assignment: Uint8Array) => void): void;
  heartbeat(group: string, member: string, instance: string, generation: number): number;
  /** @param member empty: whoever is there as `instance` */
  leave(group: string, member: string, instance: string): number;
  /** Takes offsets as part of a transaction. */
  commit(from: GroupMember, owner: ProducerIdentity, offsets: ReadonlyMap<string, number>): number;
  /** Ends the transaction of a producer in a group. */
  mark(group: string, owner: ProducerIdentity, isCommit: boolean): void;
  /** Committed offsets; undefined where an open transaction may change them. */
  offsets(group: string): ReadonlyMap<string, number | undefined>;
  /** Who is in a group; what they have told and were given only where it is between no two rounds. */
  members(group: string): readonly { readonly id: string; readonly instance: string; readonly metadata: Uint8Array; readonly assignment: Uint8Array }[];
  /** Another broker coordinates the group, and knows what was written down: rounds whose tasks were spread, and not the one that is being played. */
  fail(group: string): void;
  /** No offsets of an open transaction. */
  readonly isSettled: boolean;
}

interface Member {
  readonly id: string;
  readonly instance: string;
  metadata: Uint8Array;
  sessionMs: number;
  heardAt: number;
  joining: ((answer: JoinAnswer) => void) | undefined;
  syncing: ((error: number, assignment: Uint8Array) => void) | undefined;
  assignment: Uint8Array;
}

interface Group {
  state: 'empty' | 'joining' | 'syncing' | 'stable';
  generation: number;
  leader: string;
  /** By instance. */
  readonly members: Map<string, Member>;
  /** Which rebalance this is. */
  rebalance: number;
  /** The last one that was written down. */
  stored: { readonly generation: number; readonly leader: string; readonly members: readonly Omit<Member, 'heardAt' | 'joining' | 'syncing'>[] } | undefined;
  readonly committed: Map<string, number>;
  readonly pending: Map<bigint, Map<string, number>>;
  readonly epochs: Map<bigint, number>;
}

const nothing = new Uint8Array(0);
const notCoordinator = 16;

export function groupCoordinator(time: SimulatedTime): GroupCoordinator {
  const groups = new Map<string, Group>();
  let named = 0;

  const groupOf = (name: string): Group => {
    let group = groups.get(name);
    if (group === undefined) groups.set(name, (group = { state: 'empty', generation: 0, leader: '', members: new Map(), rebalance: 0, stored: undefined, committed: new Map(), pending: new Map(), epochs: new Map() }));
    return group;
  };
  const store = (group: Group): void => {
    const members = [...group.members.values()].map(({ id, instance, metadata, sessionMs, assignment }) => ({ id, instance, metadata, sessionMs, assignment }));
    group.stored = { generation: group.generation, leader: group.leader, members };
  };
  const refusal = (error: number, member: string): JoinAnswer => ({ error, generation: -1, leader: '', member, members: [] });
  const told = (group: Group, { id }: Member, isLeader: boolean): JoinAnswer => ({
    error: 0,
    generation: group.generation,
    leader: group.leader,
    member: id,
    members: isLeader ? [...group.members.values()].map(({ id, instance, metadata }) => ({ member: id, instance, metadata })) : [],
  });
  const watch = (name: string, group: Group, member: Member): void => {
    member.heardAt = time.now();
    const since = member.heardAt;
    time.after(member.sessionMs, () => {
      const isWaiting = member.joining !== undefined || (member.syncing !== undefined && group.state === 'syncing');
      if (group.members.get(member.instance) !== member || member.heardAt !== since) return;
      if (isWaiting) watch(name, group, member);
      else remove(name, group, member);
    });
  };
  const remove = (name: string, group: Group, member: Member): void => {
    group.members.delete(member.instance);
    if (group.state === 'stable' || group.state === 'syncing') rebalance(name, group, 0);
    else completeIfAll(name, group);
  };
  const rebalance = (name: string, group: Group, rebalanceMs: number): void => {
    // who waits for tasks joins again
    for (const member of group.members.values()) {
      member.syncing?.(groupError.rebalanceInProgress, nothing);
      member.syncing = undefined;
    }
    group.state = 'joining';
    group.rebalance += 1;
    const mine = group.rebalance;
    // static members that do not come stay until their session ends
    time.after(Math.max(rebalanceMs, 1_000), () => {
      if (group.state === 'joining' && group.rebalance === mine) complete(name, group);
    });
    completeIfAll(name, group);
  };
  const completeIfAll = (name: string, group: Group): void => {
    if (group.state === 'joining' && [...group.members.values()].every((m) => m.joining !== undefined)) complete(name, group);
  };
  const complete = (name: string, group: Group): void => {
    const joined = [...group.members.values()].filter((m) => m.joining !== undefined);
    group.generation += 1;
    if (joined.length === 0) {
      group.state = group.members.size === 0 ? 'empty' : 'joining';
      if (group.state === 'joining') rebalance(name, group, 60_000);
      else store(group);
      return;
    }
    group.state = 'syncing';
    if (!joined.some((m) => m.id === group.leader)) group.leader = joined[0]!.id;
    for (const member of joined) {
      const reply = member.joining!;
      member.joining = undefined;
      member.assignment = nothing;
      watch(name, group, member);
      reply(told(group, member, member.id === group.leader));
    }
  };
  /** 0 when this is a member of the generation. */
  const check = (group: Group, id: string, generation: number, instance?: string): number => {
    const member = instance === undefined ? [...group.members.values()].find((m) => m.id === id) : group.members.get(instance);
    if (member === undefined) return groupError.unknownMember;
    if (member.id !== id) return groupError.fencedInstance;
    return generation === group.generation ? 0 : groupError.illegalGeneration;
  };
  return {
    join(name, { member: id, instance, sessionMs, rebalanceMs, metadata }, reply) {
      const group = groupOf(name);
      const known = group.members.get(instance);
      if (id !== '') {
        if (known === undefined) return reply(refusal(groupError.unknownMember, id));
        if (known.id !== id) return reply(refusal(groupError.fencedInstance, id));
        const isSame = Buffer.compare(known.metadata, metadata) === 0;
        known.metadata = metadata;
        if (isSame && (group.state === 'syncing' || (group.state === 'stable' && group.leader !== id))) {
          watch(name, group, known);
          return reply(told(group, known, group.leader === id));
        }
        known.joining?.(refusal(groupError.rebalanceInProgress, id));
        known.joining = reply;
        return group.state === 'joining' ? completeIfAll(name, group) : rebalance(name, group, rebalanceMs);
      }
      named += 1;
      const member: Member = { id: `${instance}-${named}`, instance, metadata, sessionMs, heardAt: time.now(), joining: undefined, syncing: undefined, assignment: known?.assignment ?? nothing };
      known?.joining?.(refusal(groupError.fencedInstance, known.id));
      known?.syncing?.(groupError.fencedInstance, nothing);
      if (known !== undefined && group.leader === known.id) group.leader = member.id;
      group.members.set(instance, member);
      if (known !== undefined && group.state === 'stable') {
        watch(name, group, member);
        store(group);
        // it takes the place of itself: nobody else is disturbed, and it does not lead this time
        return reply({ ...told(group, member, false), leader: group.leader === member.id ? known.id : group.leader });
      }
      member.joining = reply;
      return group.state === 'joining' ? completeIfAll(name, group) : rebalance(name, group, rebalanceMs);
    },
    sync(name, id, instance, generation, assignments, reply) {
      const group = groupOf(name);
      const error = check(group, id, generation, instance);
      if (error !== 0) return reply(error, nothing);
      const member = group.members.get(instance)!;
      if (group.state === 'joining' || group.state === 'empty') return reply(groupError.rebalanceInProgress, nothing);
      watch(name, group, member);
      if (group.state === 'stable') return reply(0, member.assignment);
      member.syncing = reply;
      if (group.leader !== id) return undefined;
      group.state = 'stable';
      for (const each of group.members.values()) {
        each.assignment = assignments.get(each.id) ?? nothing;
        each.syncing?.(0, each.assignment);
        each.syncing = undefined;
        watch(name, group, each);
      }
      store(group);
      return undefined;
    },
    members(name) {
      const { state, members } = groupOf(name);
      return [...members.values()].map((member) => (state === 'stable' ? member : { ...member, metadata: nothing, assignment: nothing }));
    },
    fail(name) {
      const group = groupOf(name);
      const { stored } = group;
      const before = [...group.members.values()];
      group.members.clear();
      group.rebalance += 1;
      group.state = stored === undefined || stored.members.length === 0 ? 'empty' : 'stable';
      group.generation = stored?.generation ?? group.generation;
      group.leader = stored?.leader ?? '';
      for (const member of stored?.members ?? []) {
        const known: Member = { ...member, heardAt: 0, joining: undefined, syncing: undefined };
        group.members.set(member.instance, known);
        watch(name, group, known);
      }
      for (const { id, joining, syncing } of before) {
        joining?.(refusal(notCoordinator, id));
        syncing?.(notCoordinator, nothing);
      }
    },
    heartbeat(name, id, instance, generation) {
      const group = groupOf(name);
      const error = check(group, id, generation, instance);
      if (error !== 0) return error;
      watch(name, group, group.members.get(instance)!);
      return group.state === 'joining' ? groupError.rebalanceInProgress : 0;
    },
    leave(name, id, instance) {
      const group = groupOf(name);
      const member = group.members.get(instance);
      if (member === undefined) return groupError.unknownMember;
      if (id !== '' && member.id !== id) return groupError.fencedInstance;
      remove(name, group, member);
      return 0;
    },
    commit({ group: name, member, generation }, owner, offsets) {
      const group = groupOf(name);
      if (member !== '' || generation >= 0) {
        const error = check(group, member, generation);
        if (error !== 0) return error;
      }
      // the partition of the group's offsets checks epochs as any other
      if (owner.epoch < (group.epochs.get(owner.id) ?? -1)) return kafkaError.invalidProducerEpoch;
      group.epochs.set(owner.id, owner.epoch);
      const pending = group.pending.get(owner.id) ?? new Map<string, number>();
      for (const [at, offset] of offsets) pending.set(at, offset);
      group.pending.set(owner.id, pending);
      return 0;
    },
    mark(name, owner, isCommit) {
      const group = groupOf(name);
      group.epochs.set(owner.id, owner.epoch);
      if (isCommit) for (const [at, offset] of group.pending.get(owner.id) ?? []) group.committed.set(at, offset);
      group.pending.delete(owner.id);
    },
    offsets(name) {
      const group = groupOf(name);
      const found = new Map<string, number | undefined>(group.committed);
      for (const pending of group.pending.values()) for (const at of pending.keys()) found.set(at, undefined);
      return found;
    },
    get isSettled() {
      return [...groups.values()].every((g) => g.pending.size === 0);
    },
  };
}
