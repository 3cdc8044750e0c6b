import { text } from '../../dataflow/expression.js';
import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { keyBy } from '../../operators/key-by.js';
import { latest } from '../../operators/latest.js';
import { to } from '../../operators/to.js';
import type { Query } from './query.js';
import { bid, disorder, tick } from './topics.js';

interface Row {
  readonly auction: number;
  readonly bidder: number;
  readonly price: number;
  readonly channel: string;
  readonly url: string;
  readonly dateTime: number;
  readonly extra: string;
}

const result = topic('q18', { value: { auction: 'long', bidder: 'long', price: 'long', channel: 'string', url: 'string', dateTime: 'timestamp', extra: 'string' } });

/** The last bid of each bidder on each auction. */
export const q18: Query = {
  reads: ['bid'],
  result,
  pipeline: () => pipeline('q18', ({ from }) => from(bid, { disorder }).pipe(keyBy('pair', text(bid.bidder, '/', bid.auction)), latest('last'), to(result)), { tick }),
  line: (r: Row) => [r.auction, r.bidder, r.price, r.channel, r.url, r.dateTime, r.extra],
  key: (r: Row) => `${r.bidder}/${r.auction}`,
};
