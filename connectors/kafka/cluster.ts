import { isIP } from 'node:net';
import { Connection, Writer } from '@platformatic/kafka';
import { HeadraceError } from '../../dataflow/errors.js';
import { BrokerError, isPassing, kafkaError } from './kafka-errors.js';
import type { KafkaSettings } from './kafka-settings.js';
import { patience, type PatienceOptions, type Patiently } from './patience.js';
import { type Abilities, apiVersionsRequest, coordinatorOf, findCoordinatorRequest, type Metadata, metadataRequest, type Request, type TopicMetadata, type TopicPartition } from './requests.js';
import { ResponseReader } from './response-reader.js';

/** The brokers of a cluster: connections, who leads what, and patience with what passes. */
export interface Cluster {
  readonly settings: KafkaSettings;
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
  /** Asks a broker by its number; `line`: reading and writing do not wait for one another. */
  node<R>(id: number, line: 'read' | 'write' | 'control', request: Request<R>): Promise<R>;
  /** Asks the coordinator of a group or transactional id. */
  coordinator<R>(kind: keyof typeof coordinatorOf, name: string, request: Request<R>): Promise<R>;
  abilities(): Promise<Abilities>;
  readonly patiently: Patiently;
  /** Forgets who leads what, after an answer that says so. */
  forget(): void;
  close(): Promise<void>;
}

/** Where a broker listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What a cluster needs of the world around it. */
export interface ClusterOptions extends Pick<PatienceOptions, 'settings' | 'warn' | 'wait' | 'now'> {
  /** Where to connect for the address that a broker gives of itself. @default there */
  readonly route?: (address: Address) => Address;
}

const connectTimeoutMs = 5_000;
const requestTimeoutMs = 30_000;
/** Requests under way on a connection: a broker keeps the order of an idempotent producer for at most so many. */
const maxInFlight = 5;

export function createCluster({ settings, warn, wait, now, route = (address) => address }: ClusterOptions): Cluster {
  const connections = new Map<string, Promise<Connection>>();
  const nodes = new Map<number, { host: string; port: number }>();
  let topics = new Map<string, TopicMetadata>();
  let coordinators = new Map<string, number>();
  let controller = -1;
  let known: Abilities | undefined;
  let turn = 0;
  let hasAnswered = false;
  let closed = false;

  const connect = (host: string, port: number, line: string): Promise<Connection> => {
    const name = `${host}:${port} ${line}`;
    const existing = connections.get(name);
    if (existing !== undefined) return existing;
    const { tls, login } = settings;
    const opening = (async () => {
      const connection = new Connection('headrace', {
        connectTimeout: connectTimeoutMs,
        requestTimeout: requestTimeoutMs,
        maxInflights: maxInFlight,
        ...(tls === undefined ? {} : { tls, tlsServerName: isIP(host) === 0 }),
        ...(login === undefined ? {} : { sasl: { mechanism: login.mechanism, ...(login.username && { username: login.username }), ...(login.password && { password: login.password }), ...(login.token && { token: login.token }) } }),
      });
      const gone = () => {
        if (connections.get(name) === opening) connections.delete(name);
      };
      // requests that are under way fail by themselves
      connection.on('error', gone);
      connection.on('close', gone);
      const to = route({ host, port });
      await connection.connect(to.host, to.port);
      return connection;
    })();
    opening.catch(() => connections.delete(name));
    connections.set(name, opening);
    return opening;
  };
  const send = async <R>(host: string, port: number, line: string, request: Request<R>): Promise<R> => {
    if (closed) throw new HeadraceError('HR_KAFKA', 'The connection to Kafka is closed.');
    const connection = await connect(host, port, line);
    try {
      return await new Promise<R>((resolve, reject) => {
        const encode = () => {
          const writer = Writer.create();
          request.encode(writer);
          return writer;
        };
        const decode = (_id: number, _key: number, _version: number, reader: { readonly buffer: unknown; readonly position: number }) => {
          const bytes = reader.buffer as Buffer;
          hasAnswered = true;
          return request.decode(new ResponseReader(bytes.subarray(reader.position)));
        };
        connection.send<R>(request.key, request.version, encode, decode, true, request.key !== 18, (error, answer) => (error ? reject(error) : resolve(answer as R)));
      });
    } catch (error) {
      // the answer to a request that timed out would be taken for that of another
      if (!(error instanceof BrokerError)) {
        connections.delete(`${host}:${port} ${line}`);
        await connection.close();
      }
      throw error;
    }
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
      if (!topics.has(name)) await cluster.metadata([name]);
      const found = topics.get(name);
      if (found === undefined) throw new HeadraceError('HR_TOPIC_MISSING', `There is no topic ${name} on ${settings.brokers.map((b) => `${b.host}:${b.port}`).join(', ')}.`, { place: { topic: name } });
      return found;
    },
    async leader({ topic, partition }) {
      const leader = (await cluster.topic(topic)).leaders[partition] ?? -1;
      if (leader < 0) throw new BrokerError(5, `${topic}/${partition}`);
      return leader;
    },
    async node(id, line, request) {
      if (!nodes.has(id)) await cluster.metadata([]);
      const node = nodes.get(id);
      if (node === undefined) throw new BrokerError(8, `broker ${id}`);
      return send(node.host, node.port, line, request);
    },
    async controller(request) {
      if (controller < 0) await cluster.metadata([]);
      return cluster.node(controller, 'control', request);
    },
    async coordinator(kind, name, request) {
      const key = `${kind} ${name}`;
      let id = coordinators.get(key);
      if (id === undefined) {
        const node = await any(findCoordinatorRequest(coordinatorOf[kind], name));
        nodes.set(node.id, { host: node.host, port: node.port });
        coordinators.set(key, (id = node.id));
      }
      try {
        return await cluster.node(id, 'write', request);
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
      wait,
      now,
      hasAnswered: () => hasAnswered,
      isClosed: () => closed,
      onFailure(error) {
        // a transaction that is being finished says nothing about leaders
        if (!(error instanceof BrokerError && error.number === kafkaError.concurrentTransactions)) cluster.forget();
      },
    }),
    forget() {
      topics = new Map();
      coordinators = new Map();
    },
    async close() {
      closed = true;
      await Promise.allSettled([...connections.values()].map(async (opening) => (await opening).close()));
      connections.clear();
    },
  };
  return cluster;
}
