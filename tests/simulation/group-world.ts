import { expect } from 'vitest';
import { createCluster } from '../../connectors/kafka/cluster.js';
import { kafkaSettings } from '../../connectors/kafka/kafka-settings.js';
import { createMembership, type Membership, type MembershipOptions } from '../../connectors/kafka/group/membership.js';
import { brokerReleases } from './brokers/broker-traits.js';
import { type SimulatedBrokers, simulatedBrokers } from './brokers/simulated-brokers.js';
import { calm, drawFate, type Weather } from './faults.js';
import { type NetworkOptions, simulatedNetwork } from './simulated-network.js';
import { type SimulatedProcess, simulatedProcess } from './simulated-process.js';
import { type SimulatedTime, simulatedTime } from './simulated-time.js';

/** A process that is a member of a group. */
export interface GroupProcess {
  readonly process: SimulatedProcess;
  readonly membership: Membership;
}

/** Two brokers, and what it takes to be a member of a group on them. */
export interface GroupWorld {
  readonly time: SimulatedTime;
  readonly brokers: SimulatedBrokers;
  /** Starts a process on the machine of this name. */
  member(instance: string, options?: Partial<MembershipOptions>): GroupProcess;
  /** Waits for something that a member does. */
  after<T>(promise: Promise<T>): Promise<T>;
  /** Waits until it is so. */
  until(is: () => boolean): Promise<void>;
}

export interface GroupWorldOptions {
  readonly group: string;
  readonly tasks: number;
  readonly sessionMs: number;
  readonly seed?: number;
  readonly weather?: Weather;
  /** Told of each request and what became of it. */
  readonly note?: NetworkOptions['note'];
}

export function groupWorld({ group, tasks, sessionMs, seed = 7, weather = calm, note = () => undefined }: GroupWorldOptions): GroupWorld {
  const time = simulatedTime(seed);
  const traits = brokerReleases.at(-1)!;
  const brokers = simulatedBrokers(time, traits, 2, () => 1);
  const network = simulatedNetwork({ time, brokers, fate: (key) => drawFate(time, weather, key, traits), note });
  const settings = { ...kafkaSettings({ KAFKA_BROKERS: 'broker-0:9092,broker-1:9092' })!, sessionMs };
  let processes = 0;
  return {
    time,
    brokers,
    member(instance, options) {
      const process = simulatedProcess(time, processes++, 0);
      const cluster = createCluster({ settings, clock: process.clock, transport: network.transport(process) });
      const incarnation = { number: process.id, process: `process ${process.id}` };
      return { process, membership: createMembership({ cluster, group, instance, incarnation, terms: 'live', tasks, whole: false, goesOn: true, copies: () => [], topics: new Map([['in', tasks]]), ...options }) };
    },
    async after(promise) {
      let isOver = false;
      void promise.finally(() => (isOver = true)).catch(() => undefined);
      await time.runUntil(() => isOver, 100_000);
      return promise;
    },
    async until(is) {
      expect(await time.runUntil(is, 4 * sessionMs)).toBe(true);
    },
  };
}
