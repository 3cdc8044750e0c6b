import { countDistinct } from '../../dataflow/aggregates/count-distinct.js';
import { count } from '../../dataflow/aggregates/count.js';
import { bid } from './topics.js';

const low = bid.price.under(10_000);
const middle = bid.price.atLeast(10_000).and(bid.price.under(1_000_000));
const high = bid.price.atLeast(1_000_000);

/** Bids, bidders and auctions, in all and by three ranks of price. */
export const bidStatistics = {
  bids: count(),
  lowBids: count().where(low),
  middleBids: count().where(middle),
  highBids: count().where(high),
  bidders: countDistinct(bid.bidder),
  lowBidders: countDistinct(bid.bidder).where(low),
  middleBidders: countDistinct(bid.bidder).where(middle),
  highBidders: countDistinct(bid.bidder).where(high),
  auctions: countDistinct(bid.auction),
  lowAuctions: countDistinct(bid.auction).where(low),
  middleAuctions: countDistinct(bid.auction).where(middle),
  highAuctions: countDistinct(bid.auction).where(high),
};

/** Their fields in a topic. */
export const statisticsFields = {
  bids: 'long', lowBids: 'long', middleBids: 'long', highBids: 'long',
  bidders: 'long', lowBidders: 'long', middleBidders: 'long', highBidders: 'long',
  auctions: 'long', lowAuctions: 'long', middleAuctions: 'long', highAuctions: 'long',
} as const;

/** The counts of a row, in their order. */
export const statisticsOf = (row: Readonly<Record<keyof typeof statisticsFields, number>>): number[] => (Object.keys(statisticsFields) as (keyof typeof statisticsFields)[]).map((name) => row[name]);

/** A minute as `2025-10-09 07:54`. */
export const minuteText = (time: number): string => new Date(time).toISOString().slice(0, 16).replace('T', ' ');
