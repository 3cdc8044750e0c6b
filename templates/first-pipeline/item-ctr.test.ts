import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClickEvent } from 'headrace';
import { runPipeline, scrutinise } from 'headrace/testing';
import job, { itemCtr } from './item-ctr.js';

const start = Date.UTC(2026, 0, 5, 10);
const event = (itemId: string, eventType: ClickEvent['eventType'], second: number): ClickEvent => ({
  eventId: `${itemId}-${second}`,
  userId: 'ann',
  itemId,
  eventType,
  timestamp: start + second * 1_000,
  creatorId: '',
  category: '',
  watchMs: 0,
  durationMs: 0,
  surface: 'feed',
  position: 0,
  agent: null,
  decisionId: null,
});

const events = [
  event('cats', 'IMPRESSION', 1),
  event('cats', 'IMPRESSION', 2),
  event('cats', 'CLICK', 3),
  event('dogs', 'IMPRESSION', 200),
  event('dogs', 'IMPRESSION', 400),
];

test('the click rate of each item and five minutes', async () => {
  const run = await runPipeline(job, { inputs: { clicks: events } });
  assert.deepEqual(run.values(itemCtr).map(({ itemId, impressions, ctr }) => ({ itemId, impressions, ctr })), [
    { itemId: 'cats', impressions: 2, ctr: 0.5 },
    { itemId: 'dogs', impressions: 1, ctr: 0 },
    { itemId: 'dogs', impressions: 1, ctr: 0 },
  ]);
});

test('batches, epochs and restarts leave no trace', async () => {
  await scrutinise(job, { inputs: { clicks: events }, partitions: 3 });
});
