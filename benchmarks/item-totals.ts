import { pipeline } from '../dataflow/pipeline.js';
import { topic } from '../dataflow/topic.js';
import { count, sum } from '../dataflow/aggregates/index.js';
import { keyBy } from '../operators/key-by.js';
import { to } from '../operators/to.js';
import { window } from '../operators/window.js';
import { peerClicks } from './click-tiles-pipeline.js';

export const itemTotals = topic('item-totals', { key: 'itemId', value: { itemId: 'string', windowStart: 'long', events: 'int', watchMs: 'long' } });

/** Events of users to totals of items: every event goes to the task of its item. */
export default pipeline('item-totals-job', ({ from }) => from(peerClicks, { disorder: '30s', idleness: '1h' }).pipe(keyBy(peerClicks.itemId), window('item-totals', { every: '5m' }, { events: count(), watchMs: sum(peerClicks.watchMs) }), to(itemTotals)), {
  tick: '10s',
});
