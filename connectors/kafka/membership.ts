import { HeadraceError } from '../../dataflow/errors.js';
import type { Cluster } from './cluster.js';
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription } from './consumer-protocol.js';
import { type GroupIdentity, heartbeatRequest, joinGroupRequest, leaveGroupRequest, syncGroupRequest } from './group-requests.js';
import { BrokerError, brokerErrorOf, kafkaError } from './kafka-errors.js';
import type { Request } from './requests.js';
import type { GroupMember } from './transaction-requests.js';
import { spreadTasks } from './spread-tasks.js';

/** What a member has for a while: tasks, and the generation in which they are its own. */
export interface Assignment {
  readonly tasks: readonly number[];
  readonly member: GroupMember;
  /** Nobody else can have had the tasks of this process since it was given them: it has missed no generation. */
  readonly isContinuous: boolean;
}

/** One process in the group of a pipeline. */
export interface Membership {
  /**
   * Joins, or joins again after others have come or gone: everything that this process has done must be committed. Gives tasks that no other process has.
   *
   * @param holds the tasks that it would keep, and whether it has been running them
   */
  join(holds: { readonly tasks: readonly number[]; readonly runs: boolean }): Promise<Assignment>;
  /** Others come or go, or the coordinator has given this process up: it must join again, and what it does not commit before is lost. */
  readonly moving: boolean;
  /** Another process has joined in its place: it can take part no more. */
  readonly replaced: boolean;
  /** Leaves, so that others take the tasks at once. */
  leave(): Promise<void>;
}

export interface MembershipOptions {
  readonly cluster: Cluster;
  /** Name of the group: that of the pipeline. */
  readonly group: string;
  /** Name that this process keeps over restarts, so that it finds its tasks again without waiting for the end of its session. */
  readonly instance: string;
  /** How many tasks there are. */
  readonly tasks: number;
  /** All tasks belong to one process, and the others stand by. */
  readonly whole: boolean;
  /** The topics whose partitions are the tasks, as Kafka's tools show them. */
  readonly topics: ReadonlyMap<string, number>;
}

/** How long a process that has come or gone is waited for until the tasks are spread without it. */
const rebalanceMs = 25_000;
/** Heartbeats in a session. */
const heartbeats = 10;
const longestHeartbeatMs = 500;

/**
 * A member of a group by Kafka's classic protocol: all members stop at an epoch's end, join, and get tasks from the one that leads. Between joining and
 * getting tasks nobody runs any, so a task moves at once. A member that does not come is given up; its generation is over, and its commits are refused.
 */
export function createMembership({ cluster, group, instance, tasks, whole, topics }: MembershipOptions): Membership {
  const { clock, settings } = cluster;
  let identity: GroupIdentity = { group, member: '', instance };
  let generation = -1;
  let moving = true;
  let replaced = false;
  /** As whom it was given tasks last. */
  let given: GroupMember | undefined;
  /** Stops the heartbeats of the generation before. */
  let beating = 0;

  const ask = <R>(request: Request<R>): Promise<R> => cluster.coordinator('group', group, request, 'group');
  const beat = async (mine: number): Promise<void> => {
    const pause = Math.min(longestHeartbeatMs, settings.sessionMs / heartbeats);
    let heard = clock.now();
    while (beating === mine && !moving) {
      await clock.wait(pause);
      if (beating !== mine) return;
      try {
        await ask(heartbeatRequest(identity, generation));
        heard = clock.now();
      } catch (error) {
        if (beating !== mine) return;
        // a coordinator that cannot be reached may be back before the session is over
        if (brokerErrorOf(error) === undefined || passesSoon(error)) {
          cluster.forget();
          moving = clock.now() - heard > settings.sessionMs;
        } else moving = true;
      }
    }
  };
  const joinOnce = async (holds: Parameters<Membership['join']>[0]): Promise<Assignment> => {
    try {
      const joined = await ask(joinGroupRequest(identity, settings.sessionMs, rebalanceMs, encodeSubscription({ topics: [...topics.keys()], ...holds })));
      identity = { ...identity, member: joined.member };
      const shares = joined.leads ? spreadTasks(joined.members.map(({ member, metadata }) => ({ member, ...decodeSubscription(metadata) })), tasks, whole) : new Map<string, readonly number[]>();
      const assignments = new Map([...shares].map(([to, own]) => [to, encodeAssignment({ topics, tasks: own })]));
      const assigned = decodeAssignment(await ask(syncGroupRequest(identity, joined.generation, assignments)));
      generation = joined.generation;
      return { tasks: assigned.tasks, member: { group, generation, member: identity.member }, isContinuous: given?.member === identity.member && given.generation + 1 === generation };
    } catch (error) {
      const answer = brokerErrorOf(error)?.number;
      replaced ||= answer === kafkaError.fencedInstance;
      if (replaced) throw new HeadraceError('HR_EPOCH_FENCED', `Another process has joined group ${group} as ${instance}.`, { cause: error });
      if (answer === kafkaError.unknownMember || answer === kafkaError.memberIdRequired) identity = { ...identity, member: '' };
      if (answer !== undefined && joinsAgain.has(answer)) throw new BrokerError(kafkaError.coordinatorLoading, `joining group ${group}`);
      throw error;
    }
  };
  return {
    get moving() {
      return moving;
    },
    get replaced() {
      return replaced;
    },
    async join(holds) {
      beating += 1;
      const assignment = await cluster.patiently(`joining group ${group}`, () => joinOnce(holds));
      given = assignment.member;
      moving = false;
      void beat(beating);
      return assignment;
    },
    async leave() {
      beating += 1;
      moving = true;
      if (generation < 0) return;
      try {
        await ask(leaveGroupRequest(identity));
      } catch {
        // the session ends by itself
      }
    },
  };
}

/** Answers after which a member joins again: the group has gone on without it. */
const joinsAgain: ReadonlySet<number> = new Set([kafkaError.illegalGeneration, kafkaError.unknownMember, kafkaError.rebalanceInProgress, kafkaError.memberIdRequired]);

/** The coordinator moves or starts. */
function passesSoon(error: unknown): boolean {
  const number = brokerErrorOf(error)?.number;
  return number !== undefined && number >= 14 && number <= 16;
}
