import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { kafkaSettings } from '../connectors/kafka/kafka-settings.js';
import { runInProcess } from '../runners/run-in-process.js';
import type { Pipeline } from '../dataflow/pipeline.js';

const [dataDir, workers, runtime, name] = process.argv.slice(2);
const file = new URL(`./${name}-pipeline.js`, import.meta.url);
const { default: pipeline } = (await import(file.href)) as { default: Pipeline };
// The clocks of the peers run from the first record to the last result: a run's from where its tasks are ready to where all is committed.
let cpu = process.cpuUsage();
let started = performance.now();
let measured = { wallS: 0, cpuS: 0 };
const { records } = await runInProcess(
  pipeline,
  {
    dataDir: dataDir!,
    bounded: true,
    workers: Number(workers ?? 1),
    source: fileURLToPath(file),
    warn: (message) => process.stderr.write(`${message}\n`),
    observer: {
      connected: () => undefined,
      reachable: () => undefined,
      assigned: () => undefined,
      restored() {
        cpu = process.cpuUsage();
        started = performance.now();
      },
      ended() {
        const { user, system } = process.cpuUsage(cpu);
        measured = { wallS: (performance.now() - started) / 1e3, cpuS: (user + system) / 1e6 };
      },
    },
  },
  runtime === 'kafka' ? kafkaSettings() : undefined,
);
const peak = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'));
process.stdout.write(JSON.stringify({ records, ...measured, peakRssMiB: Math.round(peak === null ? process.resourceUsage().maxRSS / 1024 : Number(peak[1]) / 1024) }));
