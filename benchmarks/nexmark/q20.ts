import { pipeline } from '../../dataflow/pipeline.js';
import { topic } from '../../dataflow/topic.js';
import { filter } from '../../operators/filter.js';
import { join } from '../../operators/join.js';
import { keyBy } from '../../operators/key-by.js';
import { to } from '../../operators/to.js';
import type { Query } from './query.js';
import { auction, bid, disorder, tick } from './topics.js';

interface Row {
  readonly [field: string]: string | number;
}

const result = topic('q20', {
  value: {
    auction: 'long', bidder: 'long', price: 'long', channel: 'string', url: 'string', bidTime: 'timestamp', bidExtra: 'string',
    itemName: 'string', description: 'string', initialBid: 'long', reserve: 'long', auctionTime: 'timestamp', expires: 'timestamp', seller: 'long', category: 'long', auctionExtra: 'string',
  },
});

/** Bids with their auctions, for one category. A bid comes while its auction is among the last hundred, so a few lifetimes of an auction bound the join. */
export const q20: Query = {
  reads: ['bid', 'auction'],
  result,
  pipeline: (longestAuctionMs) =>
    pipeline('q20', ({ from }) => {
      const bids = from(bid, { disorder }).pipe(keyBy(bid.auction));
      const auctions = from(auction, { disorder }).pipe(filter(auction.category.is(10)), keyBy(auction.id));
      return join('auctions', bids, auctions, {
        within: { before: 8 * longestAuctionMs, after: 8 * longestAuctionMs },
        left: { auction: bid.auction, bidder: bid.bidder, price: bid.price, channel: bid.channel, url: bid.url, bidTime: bid.dateTime, bidExtra: bid.extra },
        right: {
          itemName: auction.itemName, description: auction.description, initialBid: auction.initialBid, reserve: auction.reserve, auctionTime: auction.dateTime,
          expires: auction.expires, seller: auction.seller, category: auction.category, auctionExtra: auction.extra,
        },
      }).pipe(to(result));
    }, { tick }),
  line: (r: Row) => [
    r.auction!, r.bidder!, r.price!, r.channel!, r.url!, r.bidTime!, r.bidExtra!, r.itemName!, r.description!, r.initialBid!, r.reserve!, r.auctionTime!, r.expires!, r.seller!, r.category!, r.auctionExtra!,
  ],
};
