import assert from 'node:assert/strict';
import { tap } from 'headrace';
import { play } from 'headrace/testing';

const seen: string[] = [];
play(tap((r: { readonly name: string }) => void seen.push(r.name)), { in: 'a@1 b@2', out: 'a@1 b@2' });
assert.deepEqual(seen, ['a', 'b']);
