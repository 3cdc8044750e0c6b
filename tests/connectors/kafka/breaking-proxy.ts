import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** What happens to a request: it arrives, it is lost with the connection, or its answer is. */
export type Fate = 'arrives' | 'is lost' | 'answer is lost' | 'answer is late';

/** A TCP proxy before a broker that loses requests and answers. */
export interface BreakingProxy {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * @param fate by the number of the API in the request
 * @param lateMs how late a late answer is
 * @param port where it listens. @default any
 */
export async function breakingProxy(broker: { readonly host: string; readonly port: number }, fate: (api: number) => Fate, lateMs = 50, port = 0): Promise<BreakingProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(broker.port, broker.host);
    const cut = () => {
      client.destroy();
      upstream.destroy();
    };
    const doomed = new Map<number, Fate>();
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', cut).on('close', () => {
        sockets.delete(socket);
        cut();
      });
    }
    client.on('data', frames((frame) => {
      const kind = fate(frame.readInt16BE(4));
      if (kind === 'is lost') return cut();
      if (kind !== 'arrives') doomed.set(frame.readInt32BE(8), kind);
      upstream.write(frame);
    }));
    let late = Promise.resolve();
    upstream.on('data', frames((frame) => {
      const kind = doomed.get(frame.readInt32BE(4));
      if (kind === 'answer is lost') return cut();
      // the ones behind it wait as well: answers keep their order
      if (kind === 'answer is late') late = late.then(() => new Promise((resolve) => setTimeout(resolve, lateMs)));
      void late.then(() => client.write(frame));
    }));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** Cuts a stream into messages: a size of four bytes, then as many. */
function frames(take: (frame: Buffer) => void): (chunk: Buffer) => void {
  let waiting = Buffer.alloc(0);
  return (chunk) => {
    waiting = Buffer.concat([waiting, chunk]);
    while (waiting.length >= 4 && waiting.length >= 4 + waiting.readInt32BE(0)) {
      const size = 4 + waiting.readInt32BE(0);
      take(waiting.subarray(0, size));
      waiting = waiting.subarray(size);
    }
  };
}
