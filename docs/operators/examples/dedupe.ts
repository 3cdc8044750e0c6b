import { dedupe } from 'headrace';
import { play } from 'headrace/testing';

play(dedupe('once', { within: '10s' }), { key: (r: { readonly name: string }) => r.name, in: 'a@1 b@2 a@3 |w20 a@21', out: 'a@1 b@2 a@21' });
