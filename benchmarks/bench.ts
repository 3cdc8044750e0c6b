import { parseArgs } from 'node:util';
import { clickTiles } from './click-tiles.js';
import { decode } from './decode.js';
import { featuresGet } from './features-get.js';
import { restore } from './restore.js';
import { windowColumns } from './window-columns.js';

const benchmarks: Readonly<Record<string, (options: { events: number; seed: number; workers: number }) => Promise<Record<string, string | number>>>> = {
  decode: ({ events, seed }) => decode({ events, seed }),
  'window-columns': ({ events, seed }) => windowColumns({ events, seed }),
  'click-tiles': ({ events, seed, workers }) => clickTiles({ events, seed, workers, runtime: 'embedded' }),
  'features-get': ({ events, seed }) => featuresGet({ events: Math.min(events, 300_000), seed }),
  restore: () => restore({ keys: 1_000_000 }),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    events: { type: 'string', default: '2000000' },
    seed: { type: 'string', default: '42' },
    runtime: { type: 'string', default: 'embedded' },
    workers: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});
const chosen = positionals.length === 0 ? Object.keys(benchmarks) : positionals;
for (const name of chosen) {
  const run = benchmarks[name];
  if (run === undefined || values.runtime !== 'embedded') {
    process.stderr.write(`HR_USAGE  There is no benchmark "${name}" on ${values.runtime}; there are ${Object.keys(benchmarks).join(', ')}, all embedded.\n`);
    process.exit(2);
  }
  const result = await run({ events: Number(values.events), seed: Number(values.seed), workers: Number(values.workers) });
  process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : `${Object.entries(result).map(([k, v]) => `${k} ${v}`).join('  ')}\n`);
}
