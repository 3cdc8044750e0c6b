import { map } from 'headrace';
import { play } from 'headrace/testing';

play(map((c: { readonly item: string; readonly ms: number }) => ({ item: c.item, seconds: c.ms / 1_000 })), {
  records: { a: { item: 'film', ms: 1_500 } },
  in:  'a@1',
  out: '{item:film,seconds:1.5}@1',
});
