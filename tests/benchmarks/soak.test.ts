import { expect, test } from 'vitest';
import { runSoak } from '../../benchmarks/soak/run-soak.js';
import { soakSteps } from '../../benchmarks/soak/steps.js';

/** Two minutes of event time with 15,000 keys that come and go: several times what any step remembers. `npm run bench -- soak` is the long form. */
test.each(Object.keys(soakSteps))('%s holds what its documentation says, however many keys have come and gone', async (step) => {
  const { rows, bound, entries, entriesHalf } = await runSoak(step, 120_000, 0);
  expect(rows).toBeGreaterThan(bound / 5);
  expect(rows).toBeLessThanOrEqual(bound);
  // The store does not grow after the first half: nothing stays so long.
  expect(entries).toBeLessThanOrEqual(entriesHalf * 1.5 + 5);
});
