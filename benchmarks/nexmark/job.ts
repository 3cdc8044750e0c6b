import { readFileSync } from 'node:fs';
import { resultChecksum } from './checksum.js';
import { queries } from './queries.js';
import { runQuery } from './run-query.js';

/** One query in a process of its own, so that neither generating checksums nor another query counts: `rate` measures, `checksum` folds the result. */
const [name, mode, events, seed, tickNs, partitions, warm] = process.argv.slice(2);
const query = queries[name!]!;
const run = { events: Number(events), seed: Number(seed), tickNs: Number(tickNs), partitions: Number(partitions) };

if (mode === 'checksum') {
  const sum = resultChecksum(query);
  await runQuery(query, run, sum.add);
  process.stdout.write(JSON.stringify(sum.result()));
} else {
  if (Number(warm) > 0) await runQuery(query, { ...run, events: Number(warm) });
  const cpu = process.cpuUsage();
  const started = performance.now();
  const { written } = await runQuery(query, run);
  const { user, system } = process.cpuUsage(cpu);
  const wallS = (performance.now() - started) / 1e3;
  const cpuS = (user + system) / 1e6;
  const peak = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'));
  const peakRssMiB = Math.round(peak === null ? process.resourceUsage().maxRSS / 1024 : Number(peak[1]) / 1024);
  process.stdout.write(JSON.stringify({ eventsPerCpuS: Math.round(run.events / cpuS), eventsPerS: Math.round(run.events / wallS), cpuS, wallS, peakRssMiB, changes: written }));
}
