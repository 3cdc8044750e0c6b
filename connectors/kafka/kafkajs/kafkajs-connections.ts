import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Kafka, KafkaConfig, SASLOptions } from 'kafkajs';
import { Writer } from '@platformatic/kafka';
import { NoAnswer } from '../kafka-errors.js';
import type { KafkaLogin, KafkaSettings } from '../kafka-settings.js';
import type { Request } from '../protocol/requests.js';
import { ResponseReader } from '../protocol/response-reader.js';
import { type Address, requestTimeoutMs, type Transport } from '../protocol/transport.js';
import { fromKafkajs } from './kafkajs-errors.js';
import { type Kafkajs, kafkajsBroker, type KafkajsBroker, type KafkajsCall } from './load-kafkajs.js';

/** kafkajs with sockets of its own. */
export interface KafkajsClient {
  readonly kafka: Kafka;
  /** Ends its connections at once, or those to one broker; requests under way fail. */
  cut(to?: Address): void;
}

export interface KafkajsOptions {
  readonly library: Kafkajs;
  readonly settings: KafkaSettings;
  /** Where to connect for the address that a broker gives of itself. @default there */
  readonly route?: ((address: Address) => Address) | undefined;
}

/** Brokers as kafkajs connects to them. */
export interface KafkajsConnections extends Transport {
  /** Has a broker do what only kafkajs's own requests can. @param line as in `send` @param what in words @throws as `send` */
  use<R>(to: Address, line: string, what: string, call: (broker: KafkajsBroker) => Promise<R>): Promise<R>;
}

const connectionTimeoutMs = 5_000;
/** A transaction begins while the one before is still being ended: by default kafkajs would ask again only after 300 ms. */
const retry = { initialRetryTime: 10, maxRetryTime: 1_000, retries: 5 };

/** kafkajs with the settings of Headrace. Patience beyond a second is ours. */
export function createKafkajs({ library, settings, route = (address) => address }: KafkajsOptions): KafkajsClient {
  const { brokers, tls, login } = settings;
  const sockets = new Map<Socket, string>();
  const socketFactory: KafkaConfig['socketFactory'] = ({ host, port, ssl, onConnect }) => {
    const to = route({ host, port });
    const socket = ssl ? connectTls({ ...to, ...(isIP(host) === 0 ? { servername: host } : {}), ...ssl }, onConnect) : connectTcp(to, onConnect);
    socket.setKeepAlive(true, 60_000).setNoDelay(true);
    sockets.set(socket.once('close', () => sockets.delete(socket)), `${host}:${port}`);
    return socket;
  };
  const kafka = new library.Kafka({
    clientId: 'headrace',
    brokers: brokers.map(({ host, port }) => `${host}:${port}`),
    connectionTimeout: connectionTimeoutMs,
    authenticationTimeout: connectionTimeoutMs,
    requestTimeout: requestTimeoutMs,
    retry,
    logLevel: 0,
    socketFactory,
    ...(tls === undefined ? {} : { ssl: { rejectUnauthorized: tls.rejectUnauthorized, ...(tls.ca && { ca: tls.ca }), ...(tls.cert && { cert: tls.cert }), ...(tls.key && { key: tls.key }) } }),
    ...(login === undefined ? {} : { sasl: saslOf(login) }),
  });
  return {
    kafka,
    cut(to) {
      for (const [socket, name] of sockets) {
        // an error, since kafkajs does not look at a socket that is closed without one
        if (to === undefined || name === `${to.host}:${to.port}`) socket.destroy(new Error('the connection was given up'));
      }
    },
  };
}

function saslOf({ mechanism, username = '', password = '', token = '' }: KafkaLogin): SASLOptions {
  if (mechanism === 'OAUTHBEARER') return { mechanism: 'oauthbearer', oauthBearerProvider: async () => ({ value: token }) };
  return { mechanism: mechanism.toLowerCase() as 'plain' | 'scram-sha-256' | 'scram-sha-512', username, password };
}

/** Carries our own requests over connections of kafkajs, one a broker and line, and kafkajs's own beside them. */
export function kafkajsConnections(options: KafkajsOptions): KafkajsConnections {
  const clients = new Map<string, KafkajsClient>();
  const clientOf = (line: string): KafkajsClient => {
    const known = clients.get(line) ?? createKafkajs(options);
    clients.set(line, known);
    return known;
  };
  const brokers = new Map<string, Promise<KafkajsBroker>>();
  const open = ({ host, port }: Address, line: string): Promise<KafkajsBroker> => {
    const name = nameOf({ host, port }, line);
    const known = brokers.get(name);
    if (known !== undefined) return known;
    const opening = (async () => {
      const broker = await kafkajsBroker(clientOf(line).kafka, { host, port });
      await broker.connect();
      return broker;
    })();
    opening.catch(() => brokers.delete(name));
    brokers.set(name, opening);
    return opening;
  };
  const connections: KafkajsConnections = {
    async use(to, line, what, call) {
      try {
        return await call(await open(to, line));
      } catch (cause) {
        const error = fromKafkajs(cause, what);
        if (error instanceof NoAnswer) {
          brokers.delete(nameOf(to, line));
          clientOf(line).cut(to);
        }
        throw error;
      }
    },
    send: <R>(to: Address, line: string, request: Request<R>) => connections.use(to, line, request.what, (broker) => broker.connectionPool.send(asKafkajsCall(request))),
    async close() {
      for (const { cut } of clients.values()) cut();
      brokers.clear();
    },
  };
  return connections;
}

function nameOf({ host, port }: Address, line: string): string {
  return `${host}:${port} ${line}`;
}

/** A request of ours for a connection of kafkajs, which knows only the older head: the tags of the newer one go before the body. */
function asKafkajsCall<R>(request: Request<R>): KafkajsCall<R> {
  return {
    request: {
      apiKey: request.key,
      apiVersion: request.version,
      apiName: request.what,
      async encode() {
        const writer = Writer.create().appendTaggedFields();
        request.encode(writer);
        const { buffer } = writer;
        return { buf: buffer, buffer };
      },
    },
    response: {
      async decode(payload) {
        const reader = new ResponseReader(payload);
        // an answer about versions has the older head for good
        if (request.key !== 18) reader.tags();
        // it looks for a field in whatever was decoded, and an answer may be nothing
        return { answer: request.decode(reader) };
      },
      parse: async ({ answer }) => answer,
    },
    logResponseError: false,
  };
}
