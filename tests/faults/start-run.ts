import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

/** The second pipeline under test, beside the shipped click-features. */
export const itemActivity = join(root, 'tests/fixtures/item-activity.ts');

/** One whose tasks need nothing of one another. */
export const userActivity = join(root, 'tests/fixtures/user-activity.ts');

/** One whose tasks send records to one another, of the same topic. */
export const itemTrail = join(root, 'tests/fixtures/item-trail.ts');

/** The third one: joins, sessions, rankings and the other steps that keep rows or times. */
export const itemMarket = join(root, 'tests/fixtures/item-market.ts');

/** The fourth one: asynchronous calls. */
export const itemCalls = join(root, 'tests/fixtures/item-calls.ts');

/** How a run is started. */
export interface RunForm {
  readonly dataDir: string;
  /** Name or file of the pipeline. */
  readonly pipeline: string;
  /** @default 20 */
  readonly commitMs?: number;
  readonly workers?: number;
  /** Records of each partition taken in one step; without it the `headrace` command is run, which takes thousands. */
  readonly stepRows?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** How a process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the built command or, with `stepRows`, the same run in small steps. */
export function startRun({ dataDir, pipeline, commitMs = 20, workers = 1, stepRows, env }: RunForm): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  if (stepRows !== undefined) return startNode([join(root, 'tests/fixtures/run-in-steps.mjs'), dataDir, pipeline, String(stepRows), String(commitMs), String(workers)], env);
  return startCommand(['run', pipeline, '--bounded', '--commit-ms', String(commitMs), '--workers', String(workers), '--data-dir', dataDir], env);
}

/** Starts runs in small steps, one after the other in one process, which has to be started and loaded only once. */
export function startRunsInSteps(forms: readonly (Omit<RunForm, 'env'> & { readonly stepRows: number; readonly commitMs: number; readonly workers: number })[]): { readonly ended: Promise<Ended> } {
  return startNode([join(root, 'tests/fixtures/run-in-steps.mjs'), JSON.stringify(forms)]);
}

/** Starts the built `headrace` command. */
export function startCommand(words: readonly string[], env?: RunForm['env']): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  return startNode([join(root, 'dist/runners/headrace.js'), ...words], env);
}

function startNode(words: readonly string[], env?: RunForm['env']): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NODE_OPTIONS: '', HEADRACE_DEBUG: '', HEADRACE_LOG: 'text', CLICKHOUSE_URL: '', ...env } });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = (once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>).then(([code, signal]) => ({ code, signal, stdout, stderr }));
  return { child, ended };
}
