import { loadZstd } from '../../connectors/kafka/records/zstd.js';
import { simulate } from './simulate.js';

/** Which seeds a process runs: from the first on, each so many. */
export interface SeedShare {
  readonly from: number;
  readonly to: number;
  readonly step: number;
  readonly pipeline?: string;
}

// errors are part of a run, and nobody reads their stacks
Error.stackTraceLimit = 0;
await loadZstd();
const { from, to, step, ...options } = JSON.parse(process.argv[2]!) as SeedShare;
for (let seed = from; seed < to; seed += step) {
  const outcome = await simulate(seed, options);
  await new Promise((resolve) => process.send!(outcome, resolve));
}
process.disconnect();
