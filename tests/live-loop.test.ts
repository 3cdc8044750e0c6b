/*
 * The whole loop in short: log a policy, evaluate another one, run that one for real. `npm run bench -- live-loop` has a hundred runs.
 */
import { expect, test } from 'vitest';
import { liveLoop } from '../benchmarks/live-loop.js';

test('the interval of the estimate holds what the candidate is worth, and that is what it earns for real', async () => {
  const [runs, samples] = [20, 3_000];
  let held = 0;
  for await (const { value, real, estimates, verdict } of liveLoop({ runs, decisions: 500, seed: 1, samples })) {
    const { low, high } = estimates['snips']!;
    if (low! <= value && value <= high!) held += 1;
    expect(Math.abs(real - value)).toBeLessThan(4.5 * Math.sqrt(0.5 / samples));
    expect(['trust', 'caution']).toContain(verdict);
  }
  expect(held).toBeGreaterThanOrEqual(18);
}, 120_000);
