import { filter } from 'headrace';
import { play } from 'headrace/testing';

play(filter((c: { readonly watchMs: number }) => c.watchMs > 1_000), {
  records: { a: { watchMs: 5_000 }, b: { watchMs: 10 }, c: { watchMs: 2_000 } },
  in:  'a@1 b@2 c@3',
  out: 'a@1 c@3',
});
