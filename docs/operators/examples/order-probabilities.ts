import assert from 'node:assert/strict';
import { betaPosterior, slateProbability, topProbabilities } from 'headrace/serving';

// What is known of the click rates of four items.
const items = [[3, 7], [5, 9], [2, 3], [4, 8]].map(([alpha, beta], i) => ({ itemId: `i${i}`, alpha: alpha!, beta: beta! }));

assert.deepEqual(Array.from(topProbabilities(betaPosterior, items), (p) => p.toFixed(6)), ['0.149403', '0.243514', '0.409447', '0.197637']);
// i2 above i1 above i0 above i3
assert.equal(slateProbability(betaPosterior, items, [2, 1, 0]).toFixed(6), '0.072685');
