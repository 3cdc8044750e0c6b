import { constant } from '../../dataflow/expression.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { keyBy } from '../../operators/key-by.js';
import { to } from '../../operators/to.js';
import { topN } from '../../operators/top-n.js';
import type { Query } from './query.js';
import { bid, disorder, tick } from './topics.js';

const result = topic('q7', { value: { auction: 'long', price: 'long', bidder: 'long', dateTime: 'timestamp', extra: 'string' } });

/** The highest bids of every ten seconds. */
export const q7: Query = {
  reads: ['bid'],
  result,
  pipeline: () => pipeline('q7', ({ from }) => from(bid, { disorder }).pipe(keyBy('all', constant('all')), topN('highest', { n: 1, by: bid.price, ties: true, every: '10s' }), to(result)), { tick }),
  line: (r: { auction: number; price: number; bidder: number; dateTime: number; extra: string }) => [r.auction, r.price, r.bidder, r.dateTime, r.extra],
};
