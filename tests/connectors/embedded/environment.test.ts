import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { open } from 'lmdb';
import { expect, onTestFinished, test } from 'vitest';
import { openEmbedded } from '../../../connectors/embedded/embedded-runtime.js';
import { openEnvironment } from '../../../connectors/embedded/environment.js';
import { thisProcess } from '../../../connectors/embedded/lock-holder.js';
import { blockOf, readAll } from '../../contracts/log-client-contract.js';
import { temporaryDirectory } from './temporary-directory.js';

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));

interface Writer {
  readonly process: ChildProcessByStdio<Writable, Readable, null>;
  /** The next line it says. */
  line(): Promise<string | undefined>;
  kill(): Promise<void>;
}

function startWriter(...args: string[]): Writer {
  const child = spawn(process.execPath, ['--import', 'tsx', fixture('embedded-writer.ts'), ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  onTestFinished(kill);
  return { process: child, line: async () => (await lines.next()).value as string | undefined, kill };
}

/** Writes into `meta` behind the back of an environment. */
async function tamper(path: string, key: string, value: string): Promise<void> {
  const root = open<Uint8Array, Uint8Array>({ path, noSubdir: false, overlappingSync: false, maxDbs: 8, encoding: 'binary', keyEncoding: 'binary' });
  root.openDB<Uint8Array, Uint8Array>('meta', { encoding: 'binary', keyEncoding: 'binary' }).putSync(Buffer.from(key), Buffer.from(value));
  await root.close();
}

test('a second process is refused while the first one is alive, and may read', async () => {
  const dataDir = temporaryDirectory();
  const writer = startWriter('hold', dataDir, 'click-features');
  expect(await writer.line()).toBe('ready');
  expect(() => openEmbedded({ dataDir, mode: 'write' })).toThrow(expect.objectContaining({
    code: 'HR_STATE_LOCKED',
    message: `Another process is using ${dataDir} (pid ${writer.process.pid}, started 12:03, pipeline click-features).`,
  }));
  const reader = openEmbedded({ dataDir, mode: 'read' });
  expect(await readAll(reader.log, 'held', 0)).toHaveLength(3);
  await expect(reader.log.append([])).rejects.toMatchObject({ code: 'HR_DATA_DIR' });
  await reader.close();

  writer.process.stdin.end();
  await once(writer.process, 'exit');
  await openEmbedded({ dataDir, mode: 'write' }).close();
});

test('the lock of a process that was killed is void', async () => {
  const dataDir = temporaryDirectory();
  const writer = startWriter('hold', dataDir, 'p');
  expect(await writer.line()).toBe('ready');
  await writer.kill();
  const { log, close } = openEmbedded({ dataDir, mode: 'write' });
  expect(await readAll(log, 'held', 0)).toHaveLength(3);
  await close();
});

test('one process opens a directory for writing once at a time', async () => {
  const dataDir = temporaryDirectory();
  const first = openEnvironment({ dataDir, mode: 'write', owner: 'a', now: () => new Date(2026, 10, 1, 9, 5).getTime() });
  expect(() => openEnvironment({ dataDir, mode: 'write' })).toThrow(expect.objectContaining({
    code: 'HR_STATE_LOCKED',
    message: `Another part of this process is using ${dataDir} (pid ${process.pid}, started 09:05, pipeline a).`,
  }));
  // the refused one has not disturbed the first
  first.transact(() => first.meta.putSync(Buffer.from('x'), Buffer.from('y')));
  await first.close();
  await openEnvironment({ dataDir, mode: 'write' }).close();
});

test('a lock is void when its pid belongs to another process now, or its host is another one', async () => {
  const dataDir = temporaryDirectory();
  await openEnvironment({ dataDir, mode: 'write' }).close();
  const holder = { ...thisProcess(), started: '2026-11-01T00:00:00.000Z' };
  if (holder.ticks !== undefined) {
    await tamper(dataDir, 'lock', JSON.stringify({ ...holder, ticks: '1' }));
    await openEnvironment({ dataDir, mode: 'write' }).close();
  }
  await tamper(dataDir, 'lock', JSON.stringify({ ...holder, host: `not-${hostname()}` }));
  await openEnvironment({ dataDir, mode: 'write' }).close();
  await tamper(dataDir, 'lock', JSON.stringify(holder));
  expect(() => openEnvironment({ dataDir, mode: 'write' })).toThrow(expect.objectContaining({ code: 'HR_STATE_LOCKED' }));
});

test('a writer whose lock was taken by another host commits nothing more', async () => {
  const dataDir = temporaryDirectory();
  const { log, close } = openEmbedded({ dataDir, mode: 'write' });
  await log.createTopic('t', { partitions: 1 });
  const taken = JSON.stringify({ ...thisProcess(), host: 'elsewhere', pid: 4711, started: new Date(2026, 10, 1, 12, 3).toISOString(), owner: 'p' });
  await tamper(dataDir, 'lock', taken);
  await expect(log.append([{ topic: 't', partition: 0, block: blockOf([{ key: 'a', value: 'b', timestamp: 1 }]) }])).rejects.toMatchObject({
    code: 'HR_STATE_LOCKED',
    message: `Another process is using ${dataDir} (pid 4711, started 12:03, pipeline p).`,
  });
  expect((await log.bounds('t', 0)).end).toBe(0);
  await close();
  const root = open<Uint8Array, Uint8Array>({ path: dataDir, noSubdir: false, readOnly: true, encoding: 'binary', keyEncoding: 'binary' });
  expect(Buffer.from(root.openDB<Uint8Array, Uint8Array>('meta', { encoding: 'binary', keyEncoding: 'binary' }).get(Buffer.from('lock'))!).toString()).toBe(taken);
  await root.close();
});

test('a directory that cannot be used is said to be so', async () => {
  const parent = temporaryDirectory();
  const file = join(parent, 'file');
  writeFileSync(file, 'x');
  for (const mode of ['write', 'read'] as const) {
    expect(() => openEnvironment({ dataDir: file, mode })).toThrow(expect.objectContaining({ code: 'HR_DATA_DIR', message: `${file} cannot be used: it is a file.` }));
  }
  expect(() => openEnvironment({ dataDir: join(file, 'below'), mode: 'write' })).toThrow(expect.objectContaining({ code: 'HR_DATA_DIR' }));
  expect(() => openEnvironment({ dataDir: join(parent, 'missing'), mode: 'read' })).toThrow(expect.objectContaining({ code: 'HR_DATA_DIR', message: `There is no data in ${join(parent, 'missing')} yet.` }));
  expect(existsSync(join(parent, 'missing'))).toBe(false);
  const foreign = join(parent, 'foreign');
  mkdirSync(foreign);
  writeFileSync(join(foreign, 'data.mdb'), 'not a database'.repeat(1_000));
  for (const mode of ['write', 'read'] as const) expect(() => openEnvironment({ dataDir: foreign, mode })).toThrow(expect.objectContaining({ code: 'HR_DATA_DIR' }));
});

test('a directory of another format version is left alone', async () => {
  const dataDir = temporaryDirectory();
  await openEnvironment({ dataDir, mode: 'write' }).close();
  await tamper(dataDir, 'format', '7');
  for (const mode of ['write', 'read'] as const) {
    expect(() => openEnvironment({ dataDir, mode })).toThrow(expect.objectContaining({ code: 'HR_DATA_DIR', message: `${dataDir} has format version 7, and this Headrace reads and writes version 1.` }));
  }
});

test('worker threads read what the process commits', async () => {
  const dataDir = temporaryDirectory();
  const { log, close } = openEmbedded({ dataDir, mode: 'write' });
  onTestFinished(close);
  await log.createTopic('t', { partitions: 1 });
  // Node 20 does not load TypeScript in a worker by --import
  const main = `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(fixture('embedded-reader-thread.ts'))}); });`;
  const workers = Array.from({ length: 3 }, () => new Worker(main, { eval: true, workerData: dataDir }));
  const ask = async (worker: Worker, question: 'look' | 'stop'): Promise<unknown> => {
    const answer = once(worker, 'message');
    worker.postMessage(question);
    return ((await answer) as unknown[])[0];
  };
  for (let epoch = 1; epoch <= 20; epoch++) {
    await log.commit({
      pipeline: 'p', epoch, positions: [], journal: [],
      outputs: [{ topic: 't', partition: 0, block: blockOf(Array.from({ length: 100 }, () => ({ key: 'k', value: 'v'.repeat(500), timestamp: 1 }))) }],
      state: [{ step: 's', key: Buffer.from('k'), value: Buffer.from(`${epoch}`) }],
    });
    for (const worker of workers) expect(await ask(worker, 'look')).toEqual({ end: epoch * 100, state: `${epoch}` });
  }
  // one ends by itself, one is terminated, one is left to the end of the log
  expect(await ask(workers[0]!, 'stop')).toBe('stopped');
  await workers[1]!.terminate();
  await log.append([{ topic: 't', partition: 0, block: blockOf([{ key: 'a', value: 'b', timestamp: 1 }]) }]);
  expect(await ask(workers[2]!, 'look')).toEqual({ end: 2_001, state: '20' });
  await workers[2]!.terminate();
});

test('a writer that is killed at any instant leaves whole epochs', async () => {
  const dataDir = temporaryDirectory();
  let said = 0;
  for (let round = 0; round < 20; round++) {
    const writer = startWriter('commit', dataDir);
    // the writer does not wait for the reader of its lines, so the kill meets it anywhere in an epoch
    for (let lines = 1 + ((round * 7) % 11); lines > 0; lines--) said = Number(await writer.line());
    await writer.kill();

    const { log, state, close } = openEmbedded({ dataDir, mode: 'write' });
    const { epoch, positions } = (await log.committed('p'))!;
    expect(epoch).toBeGreaterThanOrEqual(said);
    expect(positions).toEqual([{ topic: 'in', partition: 0, offset: epoch }]);
    expect((await log.journal('p')).map((j) => j.bounds[0]!.offset)).toEqual(Array.from({ length: epoch }, (_, i) => i + 1));
    const ones = await readAll(log, 't', 0);
    expect(ones.map((r) => r.timestamp)).toEqual(Array.from({ length: epoch }, (_, i) => i + 1));
    const many = await readAll(log, 't', 1);
    expect(many).toHaveLength(epoch * 500);
    expect(many.every((r, i) => r.timestamp === Math.floor(i / 500) + 1 && r.key === String(i % 500))).toBe(true);
    for (let i = 0; i < 100; i++) expect(Buffer.from(state.get('p', 's', Buffer.from(`${(epoch * 31 + i) % 1_000}`))!).toString()).toBe(`${epoch}`);
    await close();
  }
});
