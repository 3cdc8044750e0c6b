import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { nodeFlags } from '../runners/node-flags.js';
import { queries } from './nexmark/queries.js';

/** Settings of the benchmark. */
export interface NexmarkOptions {
  readonly query: string;
  readonly events: number;
  readonly seed: number;
  readonly tickNs: number;
  readonly partitions: number;
  /** Events of the same query before those that are measured. */
  readonly warm: number;
}

/** Names of the queries. */
export const nexmarkQueries: readonly string[] = Object.keys(queries);

/**
 * One Nexmark query over events that are generated as they are read: rows and checksum of the result (in a run that is not measured), events per
 * CPU-second of the whole process (generator, kernel, encoding of the result, epochs), and its peak memory.
 */
export async function nexmarkQuery(options: NexmarkOptions): Promise<Record<string, string | number>> {
  const job = fileURLToPath(new URL('./nexmark/job.js', import.meta.url));
  const words = [options.events, options.seed, options.tickNs, options.partitions, options.warm].map(String);
  const run = async (mode: string) => JSON.parse((await promisify(execFile)(process.execPath, [...nodeFlags, job, options.query, mode, ...words])).stdout) as Record<string, number>;
  const { rows, checksum } = await run('checksum');
  const measured = await run('rate');
  return { workload: 'nexmark', ...options, rows: rows!, checksum: checksum!, ...measured };
}
