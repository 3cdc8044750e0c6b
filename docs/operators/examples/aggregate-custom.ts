import { window } from 'headrace';
import { type CustomAggregate } from 'headrace/aggregates';
import { play, sideOutput } from 'headrace/testing';

interface Sale { readonly item: string; readonly price: number | null }
const late = sideOutput<Sale>('late');

/** The items in the order of their first sale. */
const items: CustomAggregate<Sale, string[], string> = {
  init: () => [],
  add: (state, row) => (state.includes(row.item) ? state : [...state, row.item]),
  merge: (a, b) => [...new Set([...a, ...b])],
  result: (state) => state.join('+'),
};

play(window('sales', { every: '10s', late }, { items }), {
  records: { a: { item: 'tea', price: 4 }, b: { item: 'cup', price: 8 }, c: { item: 'tea', price: null }, d: { item: 'tea', price: 6 } },
  in:  'a@1 b@2 c@3 d@4 ||',
  out: '{items:tea+cup}@10',
});
