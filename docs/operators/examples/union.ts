import { union } from 'headrace';
import { type KeyedStream, play } from 'headrace/testing';

interface Click { readonly name: string }

play((web: KeyedStream<Click>, app: KeyedStream<Click>) => union(web, app), {
  in: {
    web: 'a@1     |w5',
    app: '    b@2 |w5',
  },
  out: 'a@1 b@2',
});
