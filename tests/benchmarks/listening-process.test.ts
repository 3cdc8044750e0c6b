import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { platform } from 'node:process';
import { expect, test } from 'vitest';
import { listeningProcess } from '../../benchmarks/listening-process.js';

test.runIf(platform === 'linux')('the process that listens on a port is found, and none when nobody does', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  expect(listeningProcess(port)).toBe(process.pid);
  server.close();
  await once(server, 'close');
  expect(listeningProcess(port)).toBeUndefined();
});
