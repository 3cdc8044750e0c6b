import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { kafkaSettings } from '../connectors/kafka/kafka-settings.js';
import { runInProcess } from '../runners/run-in-process.js';
import type { Pipeline } from '../dataflow/pipeline.js';

const [dataDir, workers, runtime, name] = process.argv.slice(2);
const file = new URL(`./${name}-pipeline.js`, import.meta.url);
const { default: pipeline } = (await import(file.href)) as { default: Pipeline };
const cpu = process.cpuUsage();
const started = performance.now();
const { records } = await runInProcess(
  pipeline,
  { dataDir: dataDir!, bounded: true, workers: Number(workers ?? 1), source: fileURLToPath(file), warn: (message) => process.stderr.write(`${message}\n`) },
  runtime === 'kafka' ? kafkaSettings() : undefined,
);
const { user, system } = process.cpuUsage(cpu);
const peak = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'));
process.stdout.write(
  JSON.stringify({
    records,
    wallS: (performance.now() - started) / 1e3,
    cpuS: (user + system) / 1e6,
    peakRssMiB: Math.round(peak === null ? process.resourceUsage().maxRSS / 1024 : Number(peak[1]) / 1024),
  }),
);
