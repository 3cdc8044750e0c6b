import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedded } from '../connectors/embedded/embedded-runtime.js';
import { runEmbedded } from '../runners/run-embedded.js';
import dayTotals, { writeAmounts } from './day-totals.js';

/** A window with a million open keys: how long a restart takes until it processes again. */
export async function restore(options: { readonly keys: number }): Promise<Record<string, string | number>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'headrace-restore-'));
  try {
    await write(dataDir, options.keys);
    await runOnce(dataDir);
    await write(dataDir, 1);
    const started = performance.now();
    const cpu = process.cpuUsage();
    await runOnce(dataDir);
    const { user, system } = process.cpuUsage(cpu);
    const wallS = (performance.now() - started) / 1e3;
    return { workload: 'restore', keys: options.keys, wallS, cpuS: (user + system) / 1e6, resultsOfRestored: await resultsAtEnd(dataDir) };
  } finally {
    await rm(dataDir, { recursive: true });
  }
}

/** Closes the windows and counts their rows: as many as keys, when the state was whole. */
async function resultsAtEnd(dataDir: string): Promise<number> {
  await runEmbedded(dayTotals, { dataDir, bounded: true });
  const { log, close } = openEmbedded({ dataDir, mode: 'read' });
  let rows = 0;
  for (let partition = 0; partition < 4; partition++) rows += (await log.bounds('totals', partition)).end;
  await close();
  return rows;
}

/** A live run until it has processed all there is: windows stay open. */
async function runOnce(dataDir: string): Promise<void> {
  const stop = new AbortController();
  await runEmbedded(dayTotals, {
    dataDir,
    abort: stop.signal,
    wait() {
      stop.abort();
      return Promise.resolve();
    },
  });
}

async function write(dataDir: string, keys: number): Promise<void> {
  const runtime = openEmbedded({ dataDir, mode: 'write', owner: 'benchmark' });
  await writeAmounts(runtime, { keys, partitions: 4 });
  await runtime.close();
}
