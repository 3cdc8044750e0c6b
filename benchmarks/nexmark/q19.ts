import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { keyBy } from '../../operators/key-by.js';
import { to } from '../../operators/to.js';
import { topN } from '../../operators/top-n.js';
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
  readonly rank: number;
}

const result = topic('q19', { value: { auction: 'long', bidder: 'long', price: 'long', channel: 'string', url: 'string', dateTime: 'timestamp', extra: 'string', rank: 'int' } });

/** The ten highest bids of each auction; of equals the earlier one. A row replaces the one with its auction and rank. Auctions without bids for a while are forgotten. */
export const q19: Query = {
  reads: ['bid'],
  result,
  pipeline: (longestAuctionMs) =>
    pipeline('q19', ({ from }) => from(bid, { disorder }).pipe(keyBy(bid.auction), topN('best', { n: 10, by: bid.price, thenBy: { by: bid.dateTime, order: 'asc' }, expire: 4 * longestAuctionMs + 60_000 }), to(result)), { tick }),
  line: (r: Row) => [r.auction, r.bidder, r.price, r.channel, r.url, r.dateTime, r.extra, r.rank],
  key: (r: Row) => `${r.auction}/${r.rank}`,
};
