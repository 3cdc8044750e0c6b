import { readFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { certificateOf, kafka, secureKafka } from './kafka.js';
import { servicesDir } from './service.js';

/** TLS in front of a service that speaks none, with the certificate that the Kafka of the tests has made; Kafka has to have been started once. */
export interface TlsProxy {
  readonly port: number;
  /** PEM file of who signed it. */
  readonly ca: string;
  close(): Promise<void>;
}

/** Starts a proxy on a port of 127.0.0.1. */
export async function tlsProxy(to: { readonly host: string; readonly port: number }): Promise<TlsProxy> {
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer({ pfx: readFileSync(join(servicesDir, kafka.name, 'data', 'broker.p12')), passphrase: secureKafka.password }, (client) => {
    const upstream = connect(to.port, to.host);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream).pipe(client);
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    ca: certificateOf(kafka),
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
