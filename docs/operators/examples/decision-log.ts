import assert from 'node:assert/strict';
import { decisions } from 'headrace';
import { openDecisionLog, decisionOf, redraw, softmax } from 'headrace/serving';
import { memoryRuntime } from 'headrace/testing';

const policy = softmax({ temperature: 0.5 });
const log = await openDecisionLog({ ...memoryRuntime(), topic: decisions });

const choice = policy.choose([{ itemId: 'song', score: 0.9 }, { itemId: 'film', score: 0.5 }], { seed: 'd1', time: Date.UTC(2026, 0, 5) });
assert.equal(await log.log({ decisionId: 'd1', choice, userId: 'ann' }), true);
await log.close();

// The record tells what was drawn and from what; without the distribution it can be computed again.
const record = decisionOf({ decisionId: 'd1', choice }, 'scheme');
assert.deepEqual(record.slots[0]!.pmf, []);
assert.deepEqual(redraw(record), [record.slots[0]!.candidate]);
