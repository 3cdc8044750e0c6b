import { columnsOf, constant, filter, keyBy, pipeline, text, to, topic, window } from 'headrace';
import { count, max } from 'headrace/aggregates';
import { play } from 'headrace/testing';

const bids = topic('bids', { time: 'at', value: { auction: 'int', bidder: 'int', price: 'double?', at: 'timestamp' } });
const keenest = topic('keenest', { value: { most: 'double' } });

/** The most bids over 1 that one bidder made on one auction in 10 seconds; bidder 7 does not count. */
const job = pipeline('keenest', ({ from }) =>
  from(bids).pipe(
    filter(bids.price.over(1).and(bids.bidder.isNot(7))),
    keyBy('pair', text(bids.auction, '/', bids.bidder)),
    window('n', { every: '10s' }, { n: count() }),
    keyBy('all', constant('all')),
    window('most', { every: '10s' }, { most: max(columnsOf<{ readonly n: number }>().n) }),
    to(keenest),
  ));

await play(job, {
  records: { a: { auction: 1, bidder: 2, price: 5 }, b: { auction: 1, bidder: 7, price: 5 }, c: { auction: 1, bidder: 3, price: null }, d: { auction: 2, bidder: 2, price: 2 } },
  in:  { bids: 'a@1 b@2 c@3 d@3 a@4 ||' },
  out: { keenest: '{most:2}@9.999' },
});
