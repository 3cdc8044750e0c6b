import { columnsOf, lookup } from 'headrace';
import { type KeyedStream, play } from 'headrace/testing';

interface Order { readonly euros: number }
interface Rate { readonly rate: number }

const priced = (orders: KeyedStream<Order>, rates: KeyedStream<Rate>) => lookup('rate', orders, rates, { columns: { rate: columnsOf<Rate>().rate } });

// The rate of the order's own time counts, not the newest.
play(priced, {
  in: {
    orders: 'o@1      o@5          |w9',
    rates:  '     r@3      s@7     |w9',
  },
  records: { o: { euros: 10 }, r: { rate: 1.1 }, s: { rate: 1.2 } },
  out: '{euros:10,rate:null}@1 {euros:10,rate:1.1}@5',
});
