import { count } from '../../dataflow/aggregates/count.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { keyBy } from '../../operators/key-by.js';
import { to } from '../../operators/to.js';
import { window } from '../../operators/window.js';
import type { Query } from './query.js';
import { bid, disorder, tick } from './topics.js';

const result = topic('q12e', { value: { bidder: 'long', bids: 'long', windowStart: 'timestamp', windowEnd: 'timestamp' } });

/** Bids of each bidder in windows of ten seconds of event time. */
export const q12e: Query = {
  reads: ['bid'],
  result,
  pipeline: () => pipeline('q12e', ({ from }) => from(bid, { disorder }).pipe(keyBy(bid.bidder), window('bids', { every: '10s' }, { bids: count() }), to(result)), { tick }),
  line: (r: { bidder: number; bids: number; windowStart: number; windowEnd: number }) => [r.bidder, r.bids, r.windowStart, r.windowEnd],
};
