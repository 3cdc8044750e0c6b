import { columnsOf, window } from 'headrace';
import { histogram, quantiles, topK } from 'headrace/aggregates';
import { play, sideOutput } from 'headrace/testing';

interface Sale { readonly item: string; readonly price: number | null }
const sale = columnsOf<Sale>();
const late = sideOutput<Sale>('late');

play(window('sales', { every: '10s', late }, { half: quantiles(sale.price, [0.5, 1]), shape: histogram(sale.price, [5, 7]), best: topK(sale.item, 1) }), {
  records: { a: { item: 'tea', price: 4 }, b: { item: 'cup', price: 8 }, c: { item: 'tea', price: null }, d: { item: 'tea', price: 6 } },
  in:  'a@1 b@2 c@3 d@4 ||',
  out: '{half:{p50:5.98951037117262,p100:7.924973703917073},shape:[1,1,1],best:[{value:tea,count:3}]}@10',
});
