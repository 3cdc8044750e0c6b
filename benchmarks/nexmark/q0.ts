import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { to } from '../../operators/to.js';
import type { Query } from './query.js';
import { bid, disorder, tick } from './topics.js';

const result = topic('q0', { value: { auction: 'long', bidder: 'long', price: 'long', dateTime: 'timestamp', extra: 'string' } });

/** Pass through. */
export const q0: Query = {
  reads: ['bid'],
  result,
  pipeline: () => pipeline('q0', ({ from }) => from(bid, { disorder }).pipe(to(result)), { tick }),
  line: (r: { auction: number; bidder: number; price: number; dateTime: number; extra: string }) => [r.auction, r.bidder, r.price, r.dateTime, r.extra],
};
