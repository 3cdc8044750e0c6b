import { throttle } from 'headrace';
import { play } from 'headrace/testing';

play(throttle('calm', { every: '10s' }), { key: (r: { readonly name: string }) => r.name, in: 'a@1 a@5 b@6 a@11 a@12', out: 'a@1 b@6 a@11' });
