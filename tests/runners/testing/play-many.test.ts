import { describe, expect, test } from 'vitest';
import { count } from '../../../dataflow/aggregates/index.js';
import { columnsOf } from '../../../dataflow/expression.js';
import { pipeline } from '../../../dataflow/pipeline.js';
import { topic } from '../../../dataflow/topic.js';
import { join } from '../../../operators/join.js';
import { keyBy } from '../../../operators/key-by.js';
import { lookup } from '../../../operators/lookup.js';
import { map } from '../../../operators/map.js';
import { process } from '../../../operators/process.js';
import { to } from '../../../operators/to.js';
import { union } from '../../../operators/union.js';
import { window } from '../../../operators/window.js';
import { windowJoin } from '../../../operators/window-join.js';
import { type KeyedStream, play, scrutinise } from '../../../runners/testing/index.js';

interface Bid {
  readonly price: number;
}
interface Auction {
  readonly seller: string;
}
const bid = columnsOf<Bid>();
const auction = columnsOf<Auction>();
const records = { b: { price: 5 }, c: { price: 6 }, a: { seller: 'Ann' }, x: { seller: 'Bob' } };

describe('steps with two inputs', () => {
  const joined = (bids: KeyedStream<Bid>, auctions: KeyedStream<Auction>) => join('j', bids, auctions, { kind: 'left', within: '2s', left: { price: bid.price }, right: { seller: auction.seller } });

  test('what stands further left comes first, in one column the upper line', () => {
    play(joined, {
      in: {
        bids:     'b@1      c@9 |w20 ||',
        auctions: '     a@3     |w20 ||',
      },
      records,
      out: '{price:5,seller:Ann}@3 {price:6,seller:null}@9',
    });
  });

  test('the watermark of both is the lesser one', () => {
    play(joined, { in: { bids: 'b@1 |w50        ', auctions: '            |w2 a@3' }, records, out: '{price:5,seller:Ann}@3' });
    play(joined, { in: { bids: 'b@1 |w50        ', auctions: '            |w40 a@3' }, records, out: '{price:5,seller:null}@1' });
  });

  test('keys, epochs and restarts are those of all inputs', () => {
    play(joined, { in: { bids: 'b@1 |w1 |b       |r', auctions: '               a@2' }, records, out: '{price:5,seller:Ann}@2' });
    const byPrice = { key: (r: Bid | Auction) => ('price' in r ? String(r.price) : r.seller) };
    play(joined, { in: { bids: 'b@1 |w50', auctions: 'a@1 |w50' }, records, ...byPrice, out: '{price:5,seller:null}@1' });
  });

  test('windowJoin, lookup and union', () => {
    play((bids: KeyedStream<Bid>, auctions: KeyedStream<Auction>) => windowJoin('j', bids, auctions, { every: '10s', left: { price: bid.price }, right: { seller: auction.seller } }).pipe(map((r) => `${r.seller}${r.price}`)), {
      in: { bids: 'b@1 b@12 ||', auctions: 'a@9 x@5 ||' }, records, out: 'Ann5@9.999 Bob5@9.999',
    });
    play((bids: KeyedStream<Bid>, auctions: KeyedStream<Auction>) => lookup('l', bids, auctions, { columns: { seller: auction.seller } }), {
      in: { bids: 'b@1 b@5 c@7 |w9 ||', auctions: 'a@3 x@7 |w9 ||' }, records, out: '{price:5,seller:null}@1 {price:5,seller:Ann}@5 {price:6,seller:Bob}@7',
    });
    play((one: KeyedStream<Bid>, two: KeyedStream<Bid>) => union(one, two), { in: { one: 'b@1      |w3', two: '    c@2  |w3' }, records: { b: records.b, c: records.c }, out: 'b@1 c@2' });
  });

  test('a difference is shown', () => {
    expect(() => play(joined, { in: { bids: 'b@1 ||', auctions: 'a@1 ||' }, records, out: '{price:5,seller:Bob}@1' })).toThrow('expected  {price:5,seller:Bob}@1');
  });

  test('and under scrutiny', async () => {
    const lines = { bids: 'b@1 c@2 |w2 b@4 c@5 |w6 b@9 ||', auctions: 'a@1 x@1 |w3 a@4 a@6 |w7 x@9 ||' };
    await scrutinise(joined, { in: lines, records });
    await scrutinise((bids: KeyedStream<Bid>, auctions: KeyedStream<Auction>) => lookup('l', bids, auctions, { columns: { seller: auction.seller } }), { in: lines, records, key: (r) => ('price' in r ? String(r.price % 2) : String(r.seller.length % 2)) });
    let seen = 0;
    const leaking = (bids: KeyedStream<Bid>, _auctions: KeyedStream<Auction>) => union(bids.pipe(map((b) => ({ ...b, seen: ++seen }))), _auctions as unknown as KeyedStream<never>);
    await expect(scrutinise(leaking, { in: lines, records })).rejects.toThrow('differs from the undisturbed one');
  });
});

describe('whole pipelines', () => {
  const clicks = topic('clicks', { time: 'at', value: { user: 'string', n: 'int', at: 'timestamp' } });
  const counts = topic('counts', { key: 'user', value: { user: 'string', n: 'int' } });
  const echoes = topic('echoes', { value: { user: 'string', n: 'int', at: 'timestamp' } });
  const job = pipeline('job', ({ from }) => {
    const source = from(clicks, { disorder: '1s', idleness: '5s' });
    return [source.pipe(keyBy(clicks.user), window('w', { every: '10s' }, { n: count() }), to(counts)), source.pipe(map((c) => ({ ...c, n: check(c.n) })), to(echoes))];
  }, { tick: '1s' });
  const check = (n: number) => {
    if (n < 0) throw new Error('under zero');
    return n;
  };
  const people = { a: { user: 'Ann', n: 1 }, b: { user: 'Bob', n: 1 }, bad: { user: 'Eve', n: -1 } };

  test('several partitions: windows close when the watermarks of all have passed', () =>
    play(job, { records: people, in: { clicks: ['a@1 a@12', 'b@2 b@30 ||'] }, out: { counts: ['{user:Ann,n:1}@9.999 {user:Ann,n:1}@19.999', '{user:Bob,n:1}@9.999 {user:Bob,n:1}@39.999'], echoes: 'a@1 a@12 b@2 b@30' } }));

  test('a live run closes what the records close, and no more', () => play(job, { records: people, in: { clicks: 'a@1 a@12' }, out: { counts: '{user:Ann,n:1}@9.999' } }));

  test('an idle partition holds the others back until its time is over', async () => {
    await play(job, { records: people, partitions: 2, in: { clicks: ['a@1 a@12 |p4', ''] }, out: { counts: '' } });
    await play(job, { records: people, partitions: 2, in: { clicks: ['a@1 a@12 |p5 a@13', ''] }, out: { counts: '{user:Ann,n:1}@9.999' } });
  });

  test('a stop and a new start leave no trace', () => play(job, { records: people, in: { clicks: 'a@1 |r b@3 |r a@12 |r ||' }, out: { counts: '{user:Ann,n:1}@9.999 {user:Bob,n:1}@9.999 {user:Ann,n:1}@19.999' } }));

  test('records that were set aside are named', () => play(job, { records: people, in: { clicks: 'a@1 bad@2 b@3 ||' }, out: { echoes: 'a@1 b@3' }, deadLetters: 'bad@2' }));

  test('processing time goes by when the marbles say so', async () => {
    const reminders = topic('reminders', { value: { user: 'string' } });
    const remind = pipeline('remind', ({ from }) =>
      from(clicks).pipe(
        keyBy(clicks.user),
        process<{ user: string }, { readonly user: string }, object, { user: string }>('p', { init: () => ({}), onRecord: (_c, _s, { processingTimer }) => processingTimer(20_000), onTimer: (_t, _s, { emit, key }) => emit({ user: key }) }),
        to(reminders),
      ));
    await play(remind, { records: people, in: { clicks: 'a@1 |p19' }, out: { reminders: '' } });
    await play(remind, { records: people, in: { clicks: 'a@1 |p20' }, out: { reminders: '{user:Ann}@20' } });
  });

  test('what cannot be is refused in words', async () => {
    await expect(play(job, { in: { klicks: 'a@1' }, out: {} })).rejects.toThrow('it reads clicks');
    await expect(play(job, { in: { clicks: 'a@1' }, out: {} })).rejects.toThrow('There is no record "a"');
    await expect(play(job, { records: people, in: { clicks: 'a@1 |w5' }, out: {} })).rejects.toThrow('makes its own watermarks');
    await expect(play(job, { records: people, in: { clicks: 'a@1' }, out: { nothing: '' } })).rejects.toThrow('it writes');
    await expect(play(job, { records: people, in: { clicks: 'a@1 ||' }, out: { echoes: 'b@1' } })).rejects.toThrow('echoes is not what was expected');
  });
});
