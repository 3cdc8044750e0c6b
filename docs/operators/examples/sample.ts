import { sample } from 'headrace';
import { play } from 'headrace/testing';

// All records of a key are in, or none is.
play(sample(0.5), {
  key: (r: { readonly name: string }) => r.name,
  in:  'ann@1 bob@2 cleo@3 ann@4 bob@5 cleo@6',
  out: 'ann@1 cleo@3 ann@4 cleo@6',
});
