import { HeadraceError } from '../../dataflow/errors.js';
import { type Clock, systemClock } from './clock.js';
import { BrokerError, isPassing, kafkaError } from './kafka-errors.js';
import type { KafkaSettings } from './kafka-settings.js';
import { patience, type PatienceOptions, type Patiently } from './patience.js';
import { type Abilities, apiVersionsRequest, coordinatorOf, findCoordinatorRequest, type Metadata, metadataRequest, type Request, type TopicMetadata, type TopicPartition } from './protocol/requests.js';
import { type Address, brokerConnections, type Transport } from './protocol/transport.js';

/** The brokers of a cluster: connections, who leads what, and patience with what passes. */
export interface Cluster {
  readonly settings: KafkaSettings;
  readonly clock: Clock;
  /** Topics as they are now; `names` undefined: all. */
  metadata(names?: readonly string[]): Promise<Metadata>;
  /** A topic as it was last seen, or looked up. @throws HR_TOPIC_MISSING */
  topic(name: string): Promise<TopicMetadata>;
  /** Asks any broker. */
  any<R>(request: Request<R>): Promise<R>;
  /** Asks the controller. */
  controller<R>(request: Request<R>): Promise<R>;
  /** Number of the leader of a partition. */
  leader(at: TopicPartition): Promise<number>;
  /** Where a broker listens, by its number. */
  address(id: number): Promise<Address>;
  /** Asks a broker by its number; `line`: reading and writing do not wait for one another. */
  node<R>(id: number, line: Line, request: Request<R>): Promise<R>;
  /** Asks the coordinator of a group or transactional id. */
  coordinator<R>(kind: keyof typeof coordinatorOf, name: string, request: Request<R>, line?: Line): Promise<R>;
  abilities(): Promise<Abilities>;
  readonly patiently: Patiently;
  /** Forgets who leads what, after an answer that says so. */
  forget(): void;
  close(): Promise<void>;
}

/** Requests of different lines do not wait for one another: joining a group takes as long as the slowest member. */
export type Line = 'read' | 'write' | 'control' | 'group';

/** What a cluster needs of the world around it. */
export interface ClusterOptions extends Pick<PatienceOptions, 'settings' | 'warn' | 'reachable' | 'clock'> {
  /** @default connections of `@platformatic/kafka` */
  readonly transport?: Transport;
  /** Where to connect for the address that a broker gives of itself. @default there */
  readonly route?: (address: Address) => Address;
}

export function createCluster({ settings, warn, reachable, clock = systemClock, route, transport = brokerConnections(settings, route) }: ClusterOptions): Cluster {
  const nodes = new Map<number, { host: string; port: number }>();
  let topics = new Map<string, TopicMetadata>();
  /** Topics that were known before the last failure: they are looked up with the next one that is needed. */
  let forgotten: readonly string[] = [];
  let coordinators = new Map<string, number>();
  let controller = -1;
  let known: Abilities | undefined;
  let turn = 0;
  let hasAnswered = false;
  let closed = false;

  const send = async <R>(host: string, port: number, line: string, request: Request<R>): Promise<R> => {
    if (closed) throw new HeadraceError('HR_KAFKA', 'The connection to Kafka is closed.');
    return transport.send({ host, port }, line, {
      ...request,
      decode(reader) {
        hasAnswered = true;
        return request.decode(reader);
      },
    });
  };
  const any = async <R>(request: Request<R>): Promise<R> => {
    const { brokers } = settings;
    const seeds = [...brokers, ...nodes.values()];
    let last: unknown;
    for (let i = 0; i < seeds.length; i++) {
      const { host, port } = seeds[(turn + i) % seeds.length]!;
      try {
        return await send(host, port, 'control', request);
      } catch (error) {
        if (error instanceof BrokerError || !isPassing(error)) throw error;
        last = error;
        turn += 1;
      }
    }
    throw last;
  };
  const cluster: Cluster = {
    settings,
    clock,
    any,
    async metadata(names) {
      const found = await any(metadataRequest(names));
      for (const { id, host, port } of found.nodes) nodes.set(id, { host, port });
      controller = found.controller;
      for (const name of names ?? []) topics.delete(name);
      for (const topic of found.topics) topics.set(topic.name, topic);
      return found;
    },
    async topic(name) {
      if (!topics.has(name)) {
        const others = forgotten.filter((other) => other !== name && !topics.has(other));
        forgotten = [];
        await cluster.metadata([name, ...others]);
      }
      const found = topics.get(name);
      if (found === undefined) throw new HeadraceError('HR_TOPIC_MISSING', `There is no topic ${name} on ${settings.brokers.map((b) => `${b.host}:${b.port}`).join(', ')}.`, { place: { topic: name } });
      return found;
    },
    async leader({ topic, partition }) {
      const leader = (await cluster.topic(topic)).leaders[partition] ?? -1;
      if (leader < 0) throw new BrokerError(5, `${topic}/${partition}`);
      return leader;
    },
    async address(id) {
      if (!nodes.has(id)) await cluster.metadata([]);
      const node = nodes.get(id);
      if (node === undefined) throw new BrokerError(8, `broker ${id}`);
      return node;
    },
    async node(id, line, request) {
      const { host, port } = await cluster.address(id);
      return send(host, port, line, request);
    },
    async controller(request) {
      if (controller < 0) await cluster.metadata([]);
      return cluster.node(controller, 'control', request);
    },
    async coordinator(kind, name, request, line = 'write') {
      const key = `${kind} ${name}`;
      let id = coordinators.get(key);
      if (id === undefined) {
        const node = await any(findCoordinatorRequest(coordinatorOf[kind], name));
        nodes.set(node.id, { host: node.host, port: node.port });
        coordinators.set(key, (id = node.id));
      }
      try {
        return await cluster.node(id, line, request);
      } catch (error) {
        if (!(error instanceof BrokerError) || (error.number >= 14 && error.number <= 16)) coordinators.delete(key);
        throw error;
      }
    },
    async abilities() {
      return (known ??= await any(apiVersionsRequest()));
    },
    patiently: patience({
      settings,
      warn,
      reachable,
      clock,
      hasAnswered: () => hasAnswered,
      isClosed: () => closed,
      onFailure(error) {
        // a transaction that is being finished says nothing about leaders
        if (!(error instanceof BrokerError && error.number === kafkaError.concurrentTransactions)) cluster.forget();
      },
    }),
    forget() {
      forgotten = [...new Set([...forgotten, ...topics.keys()])];
      topics = new Map();
      coordinators = new Map();
    },
    async close() {
      closed = true;
      await transport.close();
    },
  };
  return cluster;
}
