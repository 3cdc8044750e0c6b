import { parseArgs } from 'node:util';
import { loadZstd } from '../../connectors/kafka/records/zstd.js';
import { simulate } from './simulate.js';
import { describeFailures, simulateSeeds } from './simulate-seeds.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '10000' },
    from: { type: 'string', default: '1' },
    processes: { type: 'string' },
    pipeline: { type: 'string' },
  },
});

if (values.seed !== undefined) {
  await loadZstd();
  const { release, pipeline, weather, wrong, fingerprint, events, lasted } = await simulate(Number(values.seed), { trace: (line) => console.log(line), ...(values.pipeline && { pipeline: values.pipeline }) });
  console.log(`\nseed ${values.seed}: pipeline ${pipeline}, brokers as Kafka ${release}, ${events} events in ${(lasted / 1_000).toFixed(1)} s of simulated time, fingerprint ${fingerprint.toString(16)}`);
  console.log(Object.entries(weather).map(([name, value]) => `${name} ${Number.isInteger(value) ? value : value.toFixed(3)}`).join(', '));
  console.log(wrong.length === 0 ? 'Nothing is wrong.' : wrong.join('\n'));
  process.exitCode = wrong.length === 0 ? 0 : 1;
} else {
  let runs = 0;
  const isShown = process.stderr.isTTY;
  const { seeds, failures, counts, events, lasted, took } = await simulateSeeds({
    from: Number(values.from),
    count: Number(values.seeds),
    ...(values.processes === undefined ? {} : { processes: Number(values.processes) }),
    ...(values.pipeline && { pipeline: values.pipeline }),
    onOutcome() {
      runs += 1;
      if (isShown && runs % 100 === 0) process.stderr.write(`\r${runs} of ${values.seeds}`);
    },
  });
  if (isShown) process.stderr.write('\r');
  console.log(`${seeds} seeds in ${(took / 1_000).toFixed(1)} s: ${events} events, ${(lasted / 3_600_000).toFixed(1)} h of simulated time, ${failures.length} failed.`);
  console.log(Object.entries(counts).sort(([, a], [, b]) => b - a).map(([what, n]) => `  ${String(n).padStart(10)}  ${what}`).join('\n'));
  if (failures.length > 0) console.log(describeFailures(failures));
  process.exitCode = failures.length === 0 ? 0 : 1;
}
