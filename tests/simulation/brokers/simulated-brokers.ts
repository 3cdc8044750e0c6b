import { createHash } from 'node:crypto';
import { coordinatorOf } from '../../../connectors/kafka/protocol/requests.js';
import { ResponseReader } from '../../../connectors/kafka/protocol/response-reader.js';
import type { SimulatedTime } from '../simulated-time.js';
import { answers } from './answers.js';
import type { BrokerTraits } from './broker-traits.js';
import { type GroupCoordinator, groupCoordinator } from './group-coordinator.js';
import { type PartitionLog, partitionLog } from './partition-log.js';
import { type TransactionCoordinator, transactionCoordinator } from './transaction-coordinator.js';

/** A topic of the simulated cluster. */
export interface SimulatedTopic {
  readonly name: string;
  readonly id: string;
  readonly partitions: PartitionLog[];
  readonly configs: ReadonlyMap<string, string>;
}

/** A request as it arrives at a broker: its body, decoded by the broker itself. */
export interface Arrival {
  readonly broker: number;
  readonly key: number;
  readonly version: number;
  readonly body: Buffer;
  /** Which process asks. */
  readonly process: number;
}

/** Troubles that a broker makes by itself, for one request. */
export type Trouble = 'none' | 'refuses' | 'does it and says it could not';

/** A cluster of brokers in memory: one truth, led and coordinated in turns. */
export interface SimulatedBrokers {
  readonly traits: BrokerTraits;
  readonly count: number;
  readonly topics: ReadonlyMap<string, SimulatedTopic>;
  readonly transactions: TransactionCoordinator;
  readonly groups: GroupCoordinator;
  topic(name: string): SimulatedTopic | undefined;
  createTopic(name: string, partitions: number, configs: ReadonlyMap<string, string>): SimulatedTopic;
  isUp(broker: number): boolean;
  /** A broker stops; what it led and coordinated moves to others. */
  stop(broker: number): void;
  start(broker: number): void;
  /** Gives a partition, or what is coordinated under a name, to another broker, which takes a while to load it. */
  move(what: string, loadMs?: number): void;
  leaderOf(topic: string, partition: number): number;
  coordinatorOf(kind: keyof typeof coordinatorOf, name: string): number;
  /** 0, or the error of a broker that does not lead or coordinate this. */
  responsible(broker: number, what: string, notMine: number): number;
  /** Answers a request, at once or later. */
  handle(arrival: Arrival, trouble: Trouble, reply: (answer: Buffer) => void): void;
  /** Names of all that is led and coordinated, for `move`. */
  places(): string[];
  /** No transaction is open, and none is being ended. */
  readonly isSettled: boolean;
}

const loadingMs = 200;

/**
 * @param markerDelay milliseconds until the marker of a transaction that has ended is written
 */
export function simulatedBrokers(time: SimulatedTime, traits: BrokerTraits, count: number, markerDelay: () => number): SimulatedBrokers {
  const topics = new Map<string, SimulatedTopic>();
  const up = Array.from({ length: count }, () => true);
  const places = new Map<string, { broker: number; loadedAt: number }>();
  const groups = groupCoordinator(time);

  const place = (what: string) => {
    let found = places.get(what);
    if (found === undefined) places.set(what, (found = { broker: places.size % count, loadedAt: 0 }));
    return found;
  };
  const move = (what: string, loadMs = loadingMs): void => {
    const at = place(what);
    for (let step = 1; step <= count; step++) {
      const next = (at.broker + step) % count;
      if (!up[next]) continue;
      at.broker = next;
      at.loadedAt = time.now() + loadMs;
      if (what.startsWith('group ')) groups.fail(what.slice(6));
      return;
    }
  };
  const brokers: SimulatedBrokers = {
    traits,
    count,
    topics,
    groups,
    transactions: transactionCoordinator({
      time,
      traits,
      markerDelay,
      mark(part, producer, isCommit) {
        if (part.startsWith('group ')) groups.mark(part.slice(6), producer, isCommit);
        else {
          const slash = part.lastIndexOf('/');
          topics.get(part.slice(0, slash))!.partitions[Number(part.slice(slash + 1))]!.mark(producer.id, producer.epoch, isCommit, time.now());
        }
      },
    }),
    topic: (name) => topics.get(name),
    createTopic(name, partitions, configs) {
      const topic = { name, id: createHash('md5').update(`${name} ${topics.size}`).digest('hex'), partitions: Array.from({ length: partitions }, () => partitionLog()), configs };
      topics.set(name, topic);
      return topic;
    },
    isUp: (broker) => up[broker]!,
    stop(broker) {
      up[broker] = false;
      for (const [what, at] of places) if (at.broker === broker) move(what);
    },
    start(broker) {
      up[broker] = true;
      for (const [what, at] of places) if (!up[at.broker]) move(what);
    },
    move,
    leaderOf: (topic, partition) => place(`${topic}/${partition}`).broker,
    coordinatorOf: (kind, name) => place(`${kind} ${name}`).broker,
    responsible(broker, what, notMine) {
      const at = place(what);
      if (at.broker !== broker) return notMine;
      return at.loadedAt > time.now() ? (what.includes('/') ? notMine : 14) : 0;
    },
    handle(arrival, trouble, reply) {
      const answer = answers[arrival.key];
      if (answer === undefined) throw new Error(`no broker of the simulation answers requests of kind ${arrival.key}`);
      answer({ brokers, time, arrival, request: new ResponseReader(arrival.body), trouble, reply });
    },
    places: () => [...places.keys()],
    get isSettled() {
      return brokers.transactions.isSettled('') && groups.isSettled;
    },
  };
  return brokers;
}
