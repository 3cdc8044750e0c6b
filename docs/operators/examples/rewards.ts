import assert from 'node:assert/strict';
import { firstOf, maxOf, type RewardedOutcome, sumOf, watchTime } from 'headrace';

const outcomes: readonly RewardedOutcome[] = [
  { time: 1_000, parts: { click: 1 } },
  { time: 9_000, parts: { watchMs: 12_000 } },
  { time: 20_000, parts: { watchMs: 6_000, share: 1 } },
];

assert.equal(sumOf('click').of(outcomes), 1);
assert.equal(sumOf({ click: 1, share: 5 }).of(outcomes), 6);
assert.equal(firstOf('watchMs').of(outcomes), 12_000);
assert.equal(maxOf('watchMs').of(outcomes), 12_000);
assert.equal(watchTime({ full: '30s' }).of(outcomes), 0.6);
