import { columnsOf, join } from 'headrace';
import { type KeyedStream, play } from 'headrace/testing';

interface Bid { readonly price: number }
interface Auction { readonly seller: string }
const bid = columnsOf<Bid>();
const auction = columnsOf<Auction>();

// Bids up to 10 seconds after their auction has begun; those that find none come with null, when none can come any more.
const joined = (bids: KeyedStream<Bid>, auctions: KeyedStream<Auction>) =>
  join('bids', bids, auctions, { kind: 'left', within: { before: 0, after: '10s' }, left: { price: bid.price }, right: { seller: auction.seller } });

play(joined, {
  in: {
    bids:     '    b@11 c@12 |w60 ||',
    auctions: 'a@1           |w60 ||',
  },
  records: { a: { seller: 'Ann' }, b: { price: 5 }, c: { price: 6 } },
  out: '{price:5,seller:Ann}@11 {price:6,seller:null}@12',
});
