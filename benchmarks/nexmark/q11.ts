import { count } from '../../dataflow/aggregates/count.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { session } from '../../dataflow/windows/window-spec.js';
import { keyBy } from '../../operators/key-by.js';
import { to } from '../../operators/to.js';
import { window } from '../../operators/window.js';
import type { Query } from './query.js';
import { bid, disorder, tick } from './topics.js';

const result = topic('q11', { value: { bidder: 'long', bids: 'long', windowStart: 'timestamp', windowEnd: 'timestamp' } });

/** How many bids a user makes in each session of activity. */
export const q11: Query = {
  reads: ['bid'],
  result,
  pipeline: () => pipeline('q11', ({ from }) => from(bid, { disorder }).pipe(keyBy(bid.bidder), window('sessions', session('10s'), { bids: count() }), to(result)), { tick }),
  line: (r: { bidder: number; bids: number; windowStart: number; windowEnd: number }) => [r.bidder, r.bids, r.windowStart, r.windowEnd],
};
