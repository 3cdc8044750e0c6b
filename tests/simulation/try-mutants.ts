import { mutants } from './mutants.js';
import { simulateSeeds } from './simulate-seeds.js';

/** Which mutants are found, and after how many seeds: `tsx tests/simulation/try-mutants.ts [part of the name] [seeds]`. */
const [part = '', seeds = '3000'] = process.argv.slice(2);
for (const mutant of mutants.filter((m) => m.without.includes(part))) {
  const { failures, seeds: tried, took } = await simulateSeeds({ from: 1, count: Number(seeds), stopsAtFailure: true, mutant, ...(mutant.pipeline && { pipeline: mutant.pipeline }) });
  console.log(`${failures.length === 0 ? 'NOT FOUND' : `seed ${failures[0]!.seed}`} after ${tried} seeds, ${(took / 1_000).toFixed(1)} s: ${mutant.without}\n    ${failures[0]?.wrong[0]?.slice(0, 200) ?? ''}`);
}
