import { topN } from 'headrace';
import { play } from 'headrace/testing';

const records = { a: { price: 3 }, b: { price: 9 }, c: { price: 5 } };

// Upserts: a row replaces the one of its rank.
play(topN('best', { n: 2, by: (r: { readonly price: number }) => r.price }), { records, in: 'a@1 |w2 b@3 |w4 c@5 |w6', out: '{price:3,rank:1}@1 {price:9,rank:1}@3 {price:3,rank:2}@1 {price:5,rank:2}@5' });

// In windows the ranking is final.
play(topN('best', { n: 2, by: (r: { readonly price: number }) => r.price, every: '10s' }), { records, in: 'a@1 b@3 c@5 ||', out: '{price:9,rank:1,windowStart:0,windowEnd:10000}@9.999 {price:5,rank:2,windowStart:0,windowEnd:10000}@9.999' });
