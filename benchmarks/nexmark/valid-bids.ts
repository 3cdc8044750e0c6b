import type { PipelineScope } from '../../dataflow/pipeline.js';
import { columnsOf } from '../../dataflow/expression.js';
import { filter } from '../../operators/filter.js';
import { join } from '../../operators/join.js';
import { keyBy } from '../../operators/key-by.js';
import { auction, bid, disorder } from './topics.js';

/** A bid and its auction. */
export interface ValidBid {
  readonly auction: number;
  readonly bidder: number;
  readonly price: number;
  readonly bidTime: number;
  readonly bidExtra: string;
  readonly id: number;
  readonly itemName: string;
  readonly description: string;
  readonly initialBid: number;
  readonly reserve: number;
  readonly dateTime: number;
  readonly expires: number;
  readonly seller: number;
  readonly category: number;
  readonly extra: string;
}

const { dateTime, expires, bidTime } = columnsOf<ValidBid>();

/** Bids made while their auction was open, with the auction; keyed by the auction. */
export function validBids(from: PipelineScope['from'], longestAuctionMs: number) {
  return join('auctions', from(bid, { disorder }).pipe(keyBy(bid.auction)), from(auction, { disorder }).pipe(keyBy(auction.id)), {
    within: { before: 0, after: longestAuctionMs },
    left: { auction: bid.auction, bidder: bid.bidder, price: bid.price, bidTime: bid.dateTime, bidExtra: bid.extra },
    right: {
      id: auction.id, itemName: auction.itemName, description: auction.description, initialBid: auction.initialBid, reserve: auction.reserve, dateTime: auction.dateTime, expires: auction.expires,
      seller: auction.seller, category: auction.category, extra: auction.extra,
    },
  }).pipe(filter(bidTime.atMost(expires).and(bidTime.atLeast(dateTime))));
}
