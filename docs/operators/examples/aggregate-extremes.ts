import { columnsOf, window } from 'headrace';
import { first, last, max, min } from 'headrace/aggregates';
import { play, sideOutput } from 'headrace/testing';

interface Sale { readonly item: string; readonly price: number | null }
const sale = columnsOf<Sale>();
const late = sideOutput<Sale>('late');

play(window('sales', { every: '10s', late }, { least: min(sale.price), most: max(sale.price), opening: first(sale.item), closing: last(sale.price), each: max(sale.price).by(sale.item) }), {
  records: { a: { item: 'tea', price: 4 }, b: { item: 'cup', price: 8 }, c: { item: 'tea', price: null }, d: { item: 'tea', price: 6 } },
  in:  'a@1 b@2 c@3 d@4 ||',
  out: '{least:4,most:8,opening:tea,closing:6,each:{cup:8,tea:6}}@10',
});
