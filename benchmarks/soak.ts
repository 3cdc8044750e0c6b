import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { nodeFlags } from '../runners/node-flags.js';
import { soakSteps } from './soak/steps.js';

/** Names of the steps. */
export const soakNames: readonly string[] = Object.keys(soakSteps);

/** One step under a growing key space: the rows that it held against its documented bound, what the state store held, and the memory of the process. */
export async function soak(step: string, events: number): Promise<Record<string, string | number>> {
  const job = fileURLToPath(new URL('./soak/job.js', import.meta.url));
  const result = JSON.parse((await promisify(execFile)(process.execPath, [...nodeFlags, job, step, String(events)])).stdout) as { rows: number; bound: number };
  return { workload: 'soak', ...result, within: result.rows <= result.bound ? 'yes' : 'no', why: soakSteps[step]!.why };
}
