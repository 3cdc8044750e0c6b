import { isIP } from 'node:net';
import { Connection, Writer } from '@platformatic/kafka';
import { BrokerError } from '../kafka-errors.js';
import type { KafkaSettings } from '../kafka-settings.js';
import type { Request } from './requests.js';
import { ResponseReader } from './response-reader.js';

/** Where a broker listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Carries requests to brokers: TCP, or a simulated network. */
export interface Transport {
  /**
   * Sends a request and gives its answer. Requests of one line to one broker are taken in order; lines do not wait for one another.
   *
   * @throws an error with a code `PLT_KFK_…` when the answer does not come, whether or not the request arrived; BrokerError as `decode` has it
   */
  send<R>(to: Address, line: string, request: Request<R>): Promise<R>;
  close(): Promise<void>;
}

const connectTimeoutMs = 5_000;
/** How long the answer to a request is waited for. */
export const requestTimeoutMs = 30_000;
/** Requests under way on a connection: a broker keeps the order of an idempotent producer for at most so many. */
const maxInFlight = 5;

/**
 * Connections of `@platformatic/kafka`, one a broker and line.
 *
 * @param route where to connect for the address that a broker gives of itself
 */
export function brokerConnections({ tls, login }: KafkaSettings, route: (address: Address) => Address = (address) => address): Transport {
  const connections = new Map<string, Promise<Connection>>();
  const connect = (address: Address, line: string): Promise<Connection> => {
    const name = `${address.host}:${address.port} ${line}`;
    const existing = connections.get(name);
    if (existing !== undefined) return existing;
    const opening = (async () => {
      const connection = new Connection('headrace', {
        connectTimeout: connectTimeoutMs,
        requestTimeout: requestTimeoutMs,
        maxInflights: maxInFlight,
        ...(tls === undefined ? {} : { tls, tlsServerName: isIP(address.host) === 0 }),
        ...(login === undefined ? {} : { sasl: { mechanism: login.mechanism, ...(login.username && { username: login.username }), ...(login.password && { password: login.password }), ...(login.token && { token: login.token }) } }),
      });
      const gone = () => {
        if (connections.get(name) === opening) connections.delete(name);
      };
      // requests that are under way fail by themselves
      connection.on('error', gone);
      connection.on('close', gone);
      const to = route(address);
      await connection.connect(to.host, to.port);
      return connection;
    })();
    opening.catch(() => connections.delete(name));
    connections.set(name, opening);
    return opening;
  };
  return {
    async send<R>(to: Address, line: string, request: Request<R>) {
      const connection = await connect(to, line);
      try {
        return await new Promise<R>((resolve, reject) => {
          const encode = () => {
            const writer = Writer.create();
            request.encode(writer);
            return writer;
          };
          const decode = (_id: number, _key: number, _version: number, reader: { readonly buffer: unknown; readonly position: number }) => {
            const bytes = reader.buffer as Buffer;
            return request.decode(new ResponseReader(bytes.subarray(reader.position)));
          };
          connection.send<R>(request.key, request.version, encode, decode, true, request.key !== 18, (error, answer) => (error ? reject(error) : resolve(answer as R)));
        });
      } catch (error) {
        // the answer to a request that timed out would be taken for that of another
        if (!(error instanceof BrokerError)) {
          connections.delete(`${to.host}:${to.port} ${line}`);
          await connection.close();
        }
        throw error;
      }
    },
    async close() {
      await Promise.allSettled([...connections.values()].map(async (opening) => (await opening).close()));
      connections.clear();
    },
  };
}
