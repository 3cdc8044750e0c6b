import { columnsOf, window } from 'headrace';
import { count, mean, ratio, sum, variance } from 'headrace/aggregates';
import { play, sideOutput } from 'headrace/testing';

interface Sale { readonly item: string; readonly price: number | null }
const sale = columnsOf<Sale>();
const late = sideOutput<Sale>('late');

play(window('sales', { every: '10s', late }, { total: sum(sale.price), mean: mean(sale.price), spread: variance(sale.price), tea: ratio(sum(sale.price).where(sale.item.is('tea')), sum(sale.price)), each: sum(sale.price).by(sale.item), n: count() }), {
  records: { a: { item: 'tea', price: 4 }, b: { item: 'cup', price: 8 }, c: { item: 'tea', price: null }, d: { item: 'tea', price: 6 } },
  in:  'a@1 b@2 c@3 d@4 ||',
  out: '{total:18,mean:6,spread:2.6666666666666665,tea:0.5555555555555556,each:{cup:8,tea:10},n:4}@10',
});
