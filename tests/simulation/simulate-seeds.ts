import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { bundleWorker } from './bundle-worker.js';
import type { Mutant } from './mutants.js';
import type { SeedShare } from './seed-worker.js';
import type { Outcome } from './simulate.js';

/** What many runs have shown. */
export interface Outcomes {
  readonly seeds: number;
  /** The runs in which something was wrong, by seed. */
  readonly failures: readonly Outcome[];
  /** How often each thing has happened. */
  readonly counts: Readonly<Record<string, number>>;
  readonly events: number;
  /** Milliseconds of simulated time. */
  readonly lasted: number;
  /** Milliseconds. */
  readonly took: number;
}

export interface SeedsOptions {
  readonly from: number;
  readonly count: number;
  /** @default as many as the machine runs at once */
  readonly processes?: number;
  /** Ends with the first failure. */
  readonly stopsAtFailure?: boolean;
  /** Told of each run. */
  readonly onOutcome?: (outcome: Outcome) => void;
  /** As for `simulate`. */
  readonly pipeline?: string;
  /** What is broken in the sources under test. @default nothing */
  readonly mutant?: Mutant;
}

/** Runs seeds `from` to `from + count - 1` in processes of their own. */
export async function simulateSeeds({ from, count, processes = availableParallelism(), stopsAtFailure = false, onOutcome, mutant, pipeline }: SeedsOptions): Promise<Outcomes> {
  const started = performance.now();
  const failures: Outcome[] = [];
  const counts: Record<string, number> = {};
  let seeds = 0;
  let events = 0;
  let lasted = 0;
  const workers: ChildProcess[] = [];
  const take = (outcome: Outcome): void => {
    seeds += 1;
    events += outcome.events;
    lasted += outcome.lasted;
    for (const [what, n] of Object.entries(outcome.counts)) counts[what] = (counts[what] ?? 0) + n;
    onOutcome?.(outcome);
    if (outcome.wrong.length === 0) return;
    failures.push(outcome);
    if (stopsAtFailure) for (const each of workers) each.kill();
  };
  const bundle = await bundleWorker(mutant);
  await Promise.all(
    Array.from({ length: Math.min(processes, count) }, (_, i) => {
      const share: SeedShare = { from: from + i, to: from + count, step: processes, ...(pipeline && { pipeline }) };
      // short-lived objects are most of a run: a young generation of this size is collected rarely
      const worker = fork(bundle.file, [JSON.stringify(share)], { execArgv: ['--max-semi-space-size=32'] });
      workers.push(worker);
      return new Promise<void>((resolve, reject) => {
        worker.on('message', take).on('error', reject).on('exit', (code) => (code === 0 || failures.length > 0 ? resolve() : reject(new Error(`a process that simulates ended with ${code}`))));
      });
    }),
  ).finally(bundle.remove);
  failures.sort((a, b) => a.seed - b.seed);
  return { seeds, failures, counts, events, lasted, took: performance.now() - started };
}

/** Failures in words, with the way to see them again. */
export function describeFailures(failures: readonly Outcome[]): string {
  return failures
    .slice(0, 5)
    .map(({ seed, pipeline, release, wrong }) => `seed ${seed} (${pipeline}, brokers as Kafka ${release}): ${wrong.slice(0, 3).join('; ')}\n  see it again: npm run test:simulation -- --seed ${seed}`)
    .join('\n');
}
