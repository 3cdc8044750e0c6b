import { columnsOf, windowJoin } from 'headrace';
import { type KeyedStream, play } from 'headrace/testing';

interface Person { readonly name: string }
interface Auction { readonly item: string }
const person = columnsOf<Person>();
const auction = columnsOf<Auction>();

const newSellers = (persons: KeyedStream<Person>, auctions: KeyedStream<Auction>) =>
  windowJoin('new-sellers', persons, auctions, { every: '10s', left: { name: person.name }, right: { item: auction.item } });

play(newSellers, {
  in: {
    persons:  'p@1            ||',
    auctions: '    a@9 b@10   ||',
  },
  records: { p: { name: 'Ann' }, a: { item: 'lamp' }, b: { item: 'rug' } },
  out: '{name:Ann,item:lamp,windowStart:0,windowEnd:10000}@9.999',
});
