import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HeadraceError } from '../../dataflow/errors.js';
import { usageError } from './arguments.js';
import type { Call } from './command.js';

const loopback = ['127.0.0.1', '::1', 'localhost'];

/** The token that requests have to bring. @throws HR_USAGE without one where `host` is more than loopback */
export function tokenFor(call: Pick<Call, 'command'>, host: string): string | undefined {
  const token = process.env['HEADRACE_TOKEN'];
  if (loopback.includes(host) || (token ?? '') !== '') return token === '' ? undefined : token;
  throw usageError(call.command, `${host} can be reached by others: set HEADRACE_TOKEN to what they have to know.`);
}

/** A server that listens. */
export interface Listening {
  readonly url: string;
  /** Resolves when the requests that it has are answered. */
  close(): Promise<void>;
}

/** Listens. @throws HR_USAGE when the address is taken or is not this machine's */
export async function listen(call: Pick<Call, 'command'>, server: Server, host: string, port: number): Promise<Listening> {
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    throw new HeadraceError('HR_USAGE', `Nothing can listen at ${host}:${port}: ${(cause as Error).message}.`, { cause, remedy: `Give another port; see \`headrace help ${call.command.name}\`.` });
  }
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      await closed;
    },
  };
}
