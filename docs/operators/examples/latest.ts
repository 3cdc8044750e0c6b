import { latest } from 'headrace';
import { play } from 'headrace/testing';

const records = { a: { ship: 'Ann', mile: 1 }, b: { ship: 'Ann', mile: 9 }, c: { ship: 'Ann', mile: 4 } };

play(latest('newest'), { records, key: (r: { readonly ship: string; readonly mile: number }) => r.ship, in: 'a@1 b@3 c@2 |w9', out: 'b@3' });
