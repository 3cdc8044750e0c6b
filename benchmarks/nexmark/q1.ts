import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { map } from '../../operators/map.js';
import { to } from '../../operators/to.js';
import type { Query } from './query.js';
import { thousandths } from './thousandths.js';
import { bid, disorder, tick } from './topics.js';

const result = topic('q1', { value: { auction: 'long', bidder: 'long', price: 'string', dateTime: 'timestamp', extra: 'string' } });

/** Currency conversion: prices in euros, with three decimals. */
export const q1: Query = {
  reads: ['bid'],
  result,
  pipeline: () =>
    pipeline('q1', ({ from }) => from(bid, { disorder }).pipe(map((b) => ({ auction: b.auction, bidder: b.bidder, price: thousandths(908 * b.price), dateTime: b.dateTime, extra: b.extra })), to(result)), { tick }),
  line: (r: { auction: number; bidder: number; price: string; dateTime: number; extra: string }) => [r.auction, r.bidder, r.price, r.dateTime, r.extra],
};
