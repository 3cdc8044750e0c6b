import { columnsOf, window } from 'headrace';
import { approxDistinct, count, countDistinct } from 'headrace/aggregates';
import { play, sideOutput } from 'headrace/testing';

interface Sale { readonly item: string; readonly price: number | null }
const sale = columnsOf<Sale>();
const late = sideOutput<Sale>('late');

play(window('sales', { every: '10s', late }, { n: count(), tea: count().where(sale.item.is('tea')), each: count().by(sale.item), items: countDistinct(sale.item), about: approxDistinct(sale.item) }), {
  records: { a: { item: 'tea', price: 4 }, b: { item: 'cup', price: 8 }, c: { item: 'tea', price: null }, d: { item: 'tea', price: 6 } },
  in:  'a@1 b@2 c@3 d@4 ||',
  out: '{n:4,tea:3,each:{cup:1,tea:3},items:2,about:2}@10',
});
