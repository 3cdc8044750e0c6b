import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import { temporaryDirectory } from '../../connectors/embedded/temporary-directory.js';

const root = resolve(import.meta.dirname, '../../..');

/** The built command, as users start it. */
export const binary = join(root, 'dist/runners/headrace.js');

/** What a finished command has left. */
export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Wall-clock milliseconds from start to end. */
  readonly ms: number;
  /** Standard output as JSON lines. */
  json(): unknown[];
}

export interface ProcessOptions {
  readonly cwd: string;
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs `headrace` with `words` to its end. */
export function headrace(words: readonly string[], options: ProcessOptions): Promise<Finished> {
  return startHeadrace(words, options).finished;
}

/** Starts `headrace`; it is killed when the test ends. */
export function startHeadrace(words: readonly string[], options: ProcessOptions): { readonly child: ChildProcess; readonly finished: Promise<Finished>; stderr(): string; seen(text: string): Promise<void> } {
  if (!existsSync(binary)) throw new Error('dist/runners/headrace.js is missing: npm run build');
  const started = performance.now();
  const env = { ...process.env, NODE_OPTIONS: '', HEADRACE_DEBUG: '', HEADRACE_LOG: 'text', ...options.env };
  const child = spawn(process.execPath, [binary, ...words], { cwd: options.cwd, env, stdio: ['pipe', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  const waiting: { text: string; resolve: () => void }[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    for (const w of waiting) if (stderr.includes(w.text)) w.resolve();
  });
  // a command that refuses its input closes the pipe early
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.stdin ?? '');
  const finished = new Promise<Finished>((done, fail) => {
    child.on('error', fail);
    child.on('close', (code, signal) => {
      const ms = performance.now() - started;
      done({ code, signal, stdout, stderr, ms, json: () => stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line) as unknown) });
    });
  });
  return {
    child,
    finished,
    /** What it has printed on standard error so far. */
    stderr: () => stderr,
    /** Resolves when standard error has shown `text`, or the process has ended. */
    seen: (text) => Promise.race([new Promise<void>((done) => (stderr.includes(text) ? done() : void waiting.push({ text, resolve: done }))), finished.then(() => undefined)]),
  };
}

/** A user's folder with `headrace` installed in it, removed after the test; `files` are written by relative path. */
export function workplace(files: Readonly<Record<string, string>> = {}): string {
  const cwd = temporaryDirectory();
  mkdirSync(join(cwd, 'node_modules'));
  symlinkSync(root, join(cwd, 'node_modules/headrace'), 'dir');
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(cwd, path)), { recursive: true });
    writeFileSync(join(cwd, path), text);
  }
  return cwd;
}

/** A user's `clicks.ts`: the part of ClickEvent that the jobs of the tests read. */
export const clicksFile = `
import { topic } from 'headrace';

export interface Click { userId: string; itemId: string; watchMs: number; timestamp: number }

export const clicks = topic<Click>('clicks', { key: 'userId', time: 'timestamp', value: {
  type: 'record', name: 'ClickEvent', namespace: 'headrace', fields: [
    { name: 'userId', type: 'string' },
    { name: 'itemId', type: 'string' },
    { name: 'watchMs', type: 'int', default: 0 },
    { name: 'timestamp', type: { type: 'long', logicalType: 'timestamp-millis' } },
  ] } });
`;

/** A user's job: clicks per user in five-minute windows. `window` is what stands in its window step. */
export const userCountsFile = (window = "{ every: '5m' }"): string => `
import { pipeline, topic, keyBy, window, to } from 'headrace';
import { count } from 'headrace/aggregates';
import { clicks } from './clicks.js';

const userCounts = topic('user-counts', { key: 'userId', value: { userId: 'string', n: 'int', windowEnd: 'timestamp' } });

export default pipeline('user-counts', ({ from }) =>
  from(clicks, { disorder: '30s' }).pipe(keyBy(clicks.userId), window('counts', ${window}, { n: count() }), to(userCounts)));
`;

/** `n` clicks as JSON lines: ten users, ten seconds apart. */
export function clickLines(n: number): string {
  const start = Date.UTC(2026, 0, 5);
  return Array.from({ length: n }, (_, i) => `${JSON.stringify({ eventId: `e${i}`, userId: `u${i % 10}`, itemId: `i${i % 7}`, eventType: 'CLICK', timestamp: start + i * 10_000 })}\n`).join('');
}
