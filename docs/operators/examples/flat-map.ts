import { flatMap } from 'headrace';
import { play } from 'headrace/testing';

play(flatMap((order: { readonly items: readonly string[] }) => order.items.map((item) => ({ item }))), {
  records: { a: { items: ['tea', 'cup'] }, b: { items: [] } },
  in:  'a@1 b@2',
  out: '{item:tea}@1 {item:cup}@1',
});
