import { HeadraceError } from '../../../dataflow/errors.js';
import type { Cluster } from '../cluster.js';
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription, type Incarnation } from './consumer-protocol.js';
import { type GroupIdentity, heartbeatRequest, type Joined, joinGroupRequest, leaveGroupRequest, syncGroupRequest } from '../protocol/group-requests.js';
import { hasSuccessor } from './has-successor.js';
import { brokerErrorOf, kafkaError } from '../kafka-errors.js';
import type { Request } from '../protocol/requests.js';
import { spreadRound, spreadStandby, type TaskHolder } from './spread-tasks.js';
import { type CommittingMember, inGeneration } from '../transactions/transaction.js';

/** What a member has for a while: tasks, and as whom it commits them. */
export interface Assignment {
  readonly tasks: readonly number[];
  /** Tasks of others, to keep copies of. */
  readonly standby: readonly number[];
  readonly member: CommittingMember;
  /** From one assignment to the next of the same life nobody else can have had the tasks of this process: it has missed no generation. */
  readonly life: number;
}

/** One process in the group of a pipeline. */
export interface Membership {
  /**
   * Joins, or joins again after others have come or gone: everything that this process has done must be committed, and it runs nothing until this returns. Gives tasks that no other process has.
   *
   * @param ran the tasks that it has been running, and would keep
   */
  join(ran: readonly number[]): Promise<Assignment>;
  /** What it has been given last; undefined before. */
  readonly given: Assignment | undefined;
  /** Where it goes on: of what it ran it has committed all, and runs no more than `runs`. Others may have what it was not given again. */
  letGo(runs: readonly number[]): void;
  /** It must join again: others come or go, or the coordinator has given this process up, and what it does not commit before is lost. Where it goes on: it runs nothing that is its own. */
  readonly moving: boolean;
  /** A later process has joined in its place: it can take part no more. */
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
  /** Which process of that name this is. */
  readonly incarnation: Incarnation;
  /** How it runs the pipeline, in words, as far as all members have to run it alike. */
  readonly terms: string;
  /** How many tasks there are. */
  readonly tasks: number;
  /** All tasks belong to one process, and the others stand by. */
  readonly whole: boolean;
  /** Its tasks go on while it joins again: it lets go of what it is given no longer, and then others get it. */
  readonly goesOn: boolean;
  /** The tasks of which this process has copies now. */
  readonly copies: () => readonly number[];
  /** Those of others that follow the changelog. @default none */
  readonly standby?: () => readonly number[];
  /** The topics whose partitions are the tasks, as Kafka's tools show them. */
  readonly topics: ReadonlyMap<string, number>;
  /** Told of what it is given while it goes on. */
  readonly onGiven?: (given: Assignment) => void;
}

/** How long a process that has come or gone is waited for until the tasks are spread without it. */
const rebalanceMs = 25_000;
/** Heartbeats in a session. */
const heartbeats = 10;
const longestHeartbeatMs = 500;
/** While tasks are with nobody: they wait until all members have heard of the next round. */
const partialHeartbeatMs = 50;
/** Sessions after which tasks that are with nobody are asked for again: who had to let go of them may have died, and have come back without them. */
const partialSessions = 1;
/** Before it joins again a group that has gone on. */
const againMs = 5;

/**
 * A member of a group by Kafka's classic protocol, in one of two ways. *Stopping*: all members stop at an epoch's end, join, and get tasks from the one that leads; between joining and getting tasks nobody runs any, so a task moves at once. *Going on* (KIP-429): a
 * member tells what it runs while it joins, and goes on. A task that has to move is given to nobody in that round; who runs it lets go and joins again, and the next round gives it away. So only tasks stop that move.
 *
 * What a member runs is its own for as long as all who gave tasks away knew of it. A leader knows that of a member that was given tasks in the generation before, and of one whose tasks it has itself left alone in that generation: who joins, and comes too late for its tasks since others ask for the next round already,
 * goes on. Any other, and one that has another name since, is taken to run nothing, by the leader, which tells it. A member that does not come is given up; its generation is over, and its commits are refused.
 */
export function createMembership({ cluster, group, instance, incarnation, terms, tasks, whole, goesOn, copies, standby = () => [], topics, onGiven }: MembershipOptions): Membership {
  const { clock, settings } = cluster;
  let identity: GroupIdentity = { group, member: '', instance };
  /** That it has joined last. */
  let generation = -1;
  /** That it has been given tasks in last. */
  let since = -1;
  /** What it runs, and what it has been given to run. */
  let held: readonly number[] = [];
  /** What it has told to run in the last round. */
  let claimed = held;
  /** How often it has spread tasks. */
  let spreads = 0;
  /** The last spread, when it was its own: the generation, and what those had told to be given tasks in last whose tasks were left alone. */
  let led: { readonly generation: number; readonly owners: ReadonlyMap<string, number> } | undefined;
  /** Counts how often its tasks were taken to be its own no more. */
  let life = 0;
  let given: (Assignment & { readonly isPartial: boolean; readonly at: number }) | undefined;
  let round: Promise<void> | undefined;
  let failure: unknown;
  let moving = true;
  let replaced = false;
  let hasLeft = false;
  /** Stops the heartbeats before. */
  let beating = 0;

  const ask = <R>(request: Request<R>): Promise<R> => cluster.coordinator('group', group, request, 'group');
  /** What it runs may have been with others meanwhile. */
  const beginAnew = (): void => {
    life += 1;
    if (goesOn) held = [];
  };
  /** Undefined: the group has gone on without it, and it has to join again. */
  const unlessGone = async <R>(request: Request<R>): Promise<R | undefined> => {
    if (hasLeft) throw new HeadraceError('HR_EPOCH_FENCED', `This process has left group ${group}.`);
    try {
      return await ask(request);
    } catch (error) {
      const answer = brokerErrorOf(error)?.number;
      replaced ||= answer === kafkaError.fencedInstance && (await hasSuccessor(cluster, identity, incarnation));
      if (replaced) {
        const remedy = 'Give each process a data directory of its own: two machines share this one, or it was copied.';
        throw new HeadraceError('HR_EPOCH_FENCED', `Another process has joined group ${group} as ${instance}.`, { cause: error, remedy });
      }
      if (answer === undefined || !joinsAgain.has(answer)) throw error;
      if (renames.has(answer)) {
        identity = { ...identity, member: '' };
        beginAnew();
      }
      return undefined;
    }
  };
  const spread = (joined: Joined): Spread => {
    const name = `${incarnation.process}/${(spreads += 1)}`;
    if (!joined.leads) return { name, owners: new Map(), assignments: new Map() };
    const before = joined.generation - 1;
    const told = joined.members.map(({ member, metadata }) => ({ member, ...decodeSubscription(metadata) }));
    const isOwner = ({ member, goesOn, generation }: (typeof told)[number]) => generation === before || (goesOn && led?.generation === before && led.owners.get(member) === generation);
    const owners = new Map(told.filter(isOwner).map(({ member, generation }) => [member, generation]));
    // those of who was there before and still is; some of which there are only names have died
    const there = told.filter(({ member }) => owners.has(member));
    const agreed = (there.find(({ runs }) => runs.length > 0) ?? there.find(({ member }) => member === joined.member) ?? there[0] ?? told.find(({ member }) => member === joined.member)!).terms;
    const holders = told.filter((one) => one.terms === agreed).map((one): TaskHolder => (one.goesOn && !owners.has(one.member) ? { ...one, runs: [], ran: one.runs, goesOn: false } : one));
    const { shares, isPartial } = spreadRound(holders, tasks, whole);
    const standing = spreadStandby(holders, shares, tasks, settings.standby);
    const assignments = told.map(({ member, generation: since, incarnation: { process } }) => {
      const share = { tasks: shares.get(member) ?? [], standby: standing.get(member) ?? [], isPartial, since, isKept: owners.has(member), spread: name, process, terms: agreed };
      return [member, encodeAssignment({ topics, ...share })] as const;
    });
    return { name, owners, assignments: new Map(assignments) };
  };
  const joinOnce = async (): Promise<Joined | undefined> => {
    claimed = held;
    const request = joinGroupRequest(identity, settings.sessionMs, rebalanceMs, encodeSubscription({ topics: [...topics.keys()], incarnation, terms, runs: claimed, goesOn, generation: since, standby: standby(), copies: copies() }));
    // made again as it was: to the coordinator it is the same then, and a group that has come to an end of its round is not disturbed
    const joined = await cluster.patiently(`joining group ${group}`, () => unlessGone(request));
    if (joined === undefined) return undefined;
    if (joined.member !== identity.member) beginAnew();
    identity = { ...identity, member: joined.member };
    generation = joined.generation;
    return joined;
  };
  const play = async (): Promise<void> => {
    for (;;) {
      const joined = await joinOnce();
      const mine = joined && spread(joined);
      const request = mine && syncGroupRequest(identity, generation, mine.assignments);
      const assignment = request && (await cluster.patiently(`the tasks of group ${group}`, () => unlessGone(request)));
      if (assignment === undefined) {
        await clock.wait(againMs);
        continue;
      }
      const { tasks: own, standby: others, isPartial, since: known, isKept, spread: name, process, terms: agreed } = decodeAssignment(assignment).own ?? nothing;
      if (agreed !== undefined && agreed !== terms) {
        if (known === since && process === incarnation.process) throw mismatch(group, terms, agreed);
        // made for the process before this one on its machine: another round tells what holds now
        beginAnew();
        since = generation;
        continue;
      }
      // a coordinator that took over while members joined has let another round have this number
      if (known !== since || !isKept) beginAnew();
      since = generation;
      led = mine !== undefined && mine.name === name ? { generation, owners: mine.owners } : undefined;
      held = [...new Set([...held, ...own])];
      given = { tasks: own, standby: others, isPartial, life, at: clock.now(), member: goesOn ? goingOn(life) : inGeneration({ group, generation, member: identity.member }) };
      return;
    }
  };
  /** Joins again, or waits for the end of a round that has begun. */
  const join = (): Promise<void> =>
    (round ??= play().finally(() => {
      round = undefined;
    }));
  /** There is something that others take to be run here. */
  const hasLetGo = (): boolean => goesOn && claimed.some((task) => !held.includes(task));
  /** Joins again while its tasks go on. */
  const joinBeside = async (): Promise<void> => {
    try {
      do {
        if (hasLeft) return;
        await join();
      } while (hasLetGo());
      onGiven?.(given!);
    } catch (error) {
      if (!hasLeft) failure ??= error;
    }
  };
  /** As whom it commits in one life. */
  const goingOn = (mine: number): CommittingMember => {
    const now = () => {
      if (failure !== undefined || life !== mine) throw new HeadraceError('HR_EPOCH_FENCED', 'Others have been given the tasks of this process.');
      return { group, generation: since, member: identity.member };
    };
    return {
      now,
      async renewed(refused) {
        if (now().generation === refused.generation) await joinBeside();
        return now();
      },
    };
  };
  const beat = async (mine: number): Promise<void> => {
    const pause = Math.min(longestHeartbeatMs, settings.sessionMs / heartbeats);
    let heard = clock.now();
    const isOver = () => beating !== mine || hasLeft || failure !== undefined || (!goesOn && moving);
    while (!isOver()) {
      await clock.wait(goesOn && given?.isPartial === true ? Math.min(pause, partialHeartbeatMs) : pause);
      if (isOver()) return;
      let isMoving = goesOn && given?.isPartial === true && clock.now() - given.at > partialSessions * settings.sessionMs;
      try {
        if (round === undefined) await ask(heartbeatRequest(identity, generation));
        heard = clock.now();
      } catch (error) {
        if (isOver()) return;
        // a coordinator that cannot be reached may be back before the session is over
        if (brokerErrorOf(error) === undefined || passesSoon(error)) {
          cluster.forget();
          isMoving ||= clock.now() - heard > settings.sessionMs;
        } else isMoving = true;
      }
      if (!goesOn) moving ||= isMoving;
      else if (isMoving || round !== undefined) {
        await joinBeside();
        heard = clock.now();
      }
    }
  };
  return {
    get moving() {
      return moving || failure !== undefined || given?.life !== life;
    },
    get replaced() {
      return replaced;
    },
    get given() {
      return given;
    },
    async join(ran) {
      if (failure !== undefined) throw failure;
      beating += 1;
      held = ran;
      await join();
      moving = false;
      void beat(beating);
      if (hasLetGo()) void joinBeside();
      return given!;
    },
    letGo(runs) {
      held = [...new Set([...runs, ...(given?.tasks ?? [])])];
      if (hasLetGo()) void joinBeside();
    },
    async leave() {
      beating += 1;
      moving = true;
      hasLeft = true;
      if (generation < 0) return;
      try {
        // beside a request to join that is not answered yet
        await cluster.coordinator('group', group, leaveGroupRequest(identity));
      } catch {
        // the session ends by itself
      }
    },
  };
}

/** An assignment of nobody, for a member that the leader did not know. */
const nothing = { tasks: [], standby: [], isPartial: false, since: -1, isKept: false, spread: undefined, process: undefined, terms: undefined };

function mismatch(group: string, own: string, others: string): HeadraceError {
  return new HeadraceError('HR_GROUP_MISMATCH', `Other processes run ${group} ${others}; this one would run it ${own}.`, { place: { pipeline: group } });
}

/** How tasks are given in a round. */
interface Spread {
  readonly name: string;
  /** Members whose tasks are left alone, and what they have told to be given tasks in last. */
  readonly owners: ReadonlyMap<string, number>;
  readonly assignments: ReadonlyMap<string, Uint8Array>;
}

/** Answers after which a member joins again under another name. */
const renames: ReadonlySet<number> = new Set([kafkaError.unknownMember, kafkaError.memberIdRequired, kafkaError.fencedInstance]);
/** Answers after which a member joins again. */
const joinsAgain: ReadonlySet<number> = new Set([...renames, kafkaError.illegalGeneration, kafkaError.rebalanceInProgress]);

/** The coordinator moves or starts. */
function passesSoon(error: unknown): boolean {
  const number = brokerErrorOf(error)?.number;
  return number !== undefined && number >= 14 && number <= 16;
}
