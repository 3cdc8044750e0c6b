import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { to } from '../../operators/to.js';
import { topN } from '../../operators/top-n.js';
import type { Query } from './query.js';
import { tick } from './topics.js';
import { validBids } from './valid-bids.js';

interface Row {
  readonly [field: string]: string | number;
}

const result = topic('q9', {
  value: {
    id: 'long', itemName: 'string', description: 'string', initialBid: 'long', reserve: 'long', dateTime: 'timestamp', expires: 'timestamp', seller: 'long', category: 'long', extra: 'string',
    auction: 'long', bidder: 'long', price: 'long', bidTime: 'timestamp', bidExtra: 'string',
  },
});

/** Winning bids: the highest one of each auction while it was open, the earlier one of equals. An auction's row is replaced while bids come in. */
export const q9: Query = {
  reads: ['bid', 'auction'],
  result,
  pipeline: (longestAuctionMs) => pipeline('q9', ({ from }) => validBids(from, longestAuctionMs).pipe(topN('winner', { n: 1, by: result.price, thenBy: { by: result.bidTime, order: 'asc' }, expire: 4 * longestAuctionMs + 60_000 }), to(result)), { tick }),
  line: (r: Row) => [r.id!, r.itemName!, r.description!, r.initialBid!, r.reserve!, r.dateTime!, r.expires!, r.seller!, r.category!, r.extra!, r.auction!, r.bidder!, r.price!, r.bidTime!, r.bidExtra!],
  key: (r: Row) => String(r.id),
};
