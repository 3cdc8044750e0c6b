import { describe, expect, test } from 'vitest';
import { loadZstd } from '../../connectors/kafka/records/zstd.js';
import { calm } from './faults.js';
import { mutants } from './mutants.js';
import { allPipelines } from './pipelines/all-pipelines.js';
import { simulate } from './simulate.js';
import { describeFailures, simulateSeeds } from './simulate-seeds.js';

const isLong = process.env['HEADRACE_FAULTS'] === 'long';
const count = isLong || process.env['CI'] !== undefined ? 10_000 : 500;
/** Other tests run beside it. */
const patienceMs = 1_500_000;

describe('exactly once on simulated brokers', () => {
  test(`${count} seeds: whatever is lost, late, killed or taken over, each epoch is there once and nothing is left open`, async () => {
    const { seeds, failures, counts } = await simulateSeeds({ from: 1, count });
    expect(describeFailures(failures)).toBe('');
    expect(seeds).toBe(count);
    // the runs are of some use: everything that can happen has happened, often
    for (const what of ['cut', 'arrives again', 'refused', 'move', 'broker stops', 'kill', 'stall', 'fenced']) expect(counts[what], what).toBeGreaterThan(seeds / 20);
    expect(counts['committed']).toBeGreaterThan(2 * seeds);
  }, patienceMs);

  // a commit without positions was not refused from who had lost its tasks; after an end without an answer a record was looked for that the next owner had deleted
  test.each([9_420, 724])('seed %i, which has shown a fault', async (seed) => {
    await loadZstd();
    expect((await simulate(seed)).wrong).toEqual([]);
  });

  test('a look at the state from outside sees whole epochs, whatever their markers do', async () => {
    await loadZstd();
    let looks = 0;
    for (let seed = 1; seed <= 16; seed++) {
      // half of them where markers are slow and nothing else happens, the others in the weather of their seed
      const { wrong, counts } = await simulate(seed, { pipeline: 'sim', lookMs: 20, ...(seed % 2 === 0 ? { weather: { ...calm, markerMs: 80 } } : {}) });
      expect(wrong, `seed ${seed}`).toEqual([]);
      looks += counts['look'] ?? 0;
    }
    expect(looks).toBeGreaterThan(400);
  });

  test('a seed replays exactly, and no two are alike', async () => {
    await loadZstd();
    const fingerprints = new Set<number>();
    for (let seed = 1; seed <= 20; seed++) {
      const { fingerprint, events, wrong } = await simulate(seed);
      expect(await simulate(seed)).toMatchObject({ fingerprint, events, wrong });
      // looking at it changes nothing
      if (seed <= 3) expect(await simulate(seed, { trace: () => undefined })).toMatchObject({ fingerprint, events });
      fingerprints.add(fingerprint);
    }
    expect(fingerprints.size).toBe(20);
  });

  test.each(allPipelines)('seeds of $name on the engine replay exactly', async ({ name }) => {
    await loadZstd();
    for (let seed = 1; seed <= 5; seed++) {
      const { fingerprint, events, wrong } = await simulate(seed, { pipeline: name });
      expect(wrong).toEqual([]);
      expect(await simulate(seed, { pipeline: name })).toMatchObject({ fingerprint, events, wrong });
    }
  });
});

describe('the simulation finds what is missing', () => {
  const tried = isLong ? mutants : mutants.filter((m) => m.isFoundSoon);
  test.each(tried)('without $without', async (mutant) => {
    const { failures } = await simulateSeeds({ from: 1, count: 3_000, stopsAtFailure: true, mutant, ...(mutant.pipeline && { pipeline: mutant.pipeline }) });
    expect(failures.length).toBeGreaterThan(0);
  }, patienceMs);
});
