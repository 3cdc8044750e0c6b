import { spawnSync } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { isTaken, running, type Service, servicesDir, start, stop } from './service.js';

function small(name: string, script: string): Service {
  onTestFinished(async () => {
    await stop(service);
    rmSync(join(servicesDir, name), { recursive: true, force: true });
  });
  const service: Service = {
    name,
    needs: [{ command: 'node', install: 'install Node.' }],
    patience: 20,
    install() {},
    command: ({ port }) => ({ file: process.execPath, args: ['-e', script, String(port)] }),
    ready: isTaken,
    variable: (port) => ({ name: 'SMALL', value: String(port) }),
  };
  return service;
}

const listens = 'require("net").createServer().listen(Number(process.argv[1]), "127.0.0.1")';

test('a service is started once, keeps its port, and is stopped', async () => {
  const service = small('test-once', listens);
  expect(await running(service)).toBeUndefined();
  const [first, second] = await Promise.all([start(service), start(service)]);
  expect(second).toEqual(first);
  expect(await running(service)).toEqual(first);
  expect(await stop(service, 'SIGKILL')).toBe(true);
  expect(await stop(service)).toBe(false);
  expect((await start(service)).port).toBe(first.port);
});

test('a port that is taken meanwhile is given up', async () => {
  const service = small('test-port', listens);
  const { port } = await start(service);
  await stop(service);
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => void other.close());
  expect((other.address() as AddressInfo).port).toBe(port);
  expect((await start(service)).port).not.toBe(port);
});

test('a service that dies says so with the end of its log', async () => {
  await expect(start(small('test-dies', 'console.error("no room"); process.exit(3)'))).rejects.toThrow(/test-dies did not start: it ended with code 3\.[\s\S]*no room/);
});

test('a missing command is named with the way to get it', async () => {
  const service = { ...small('test-needs', listens), needs: [{ command: 'no-such-command', install: 'install it.' }] };
  await expect(start(service)).rejects.toThrow('test-needs needs the command no-such-command: install it.');
});

test('the command line refuses what it does not know', () => {
  const call = (...words: string[]) => spawnSync('npx', ['tsx', 'tests/services/services.ts', ...words], { encoding: 'utf8' });
  expect(call('start', 'nope')).toMatchObject({ status: 2, stderr: expect.stringContaining('There is no service "nope".') });
  expect(call()).toMatchObject({ status: 2, stdout: '' });
});
