import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { filter } from '../../operators/filter.js';
import { to } from '../../operators/to.js';
import type { Query } from './query.js';
import { bid, disorder, tick } from './topics.js';

const result = topic('q2', { value: { auction: 'long', price: 'long' } });

/** Selection: the bids on some auctions. */
export const q2: Query = {
  reads: ['bid'],
  result,
  pipeline: () => pipeline('q2', ({ from }) => from(bid, { disorder }).pipe(filter((b) => b.auction % 123 === 0), to(result)), { tick }),
  line: (r: { auction: number; price: number }) => [r.auction, r.price],
};
