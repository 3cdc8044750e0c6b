import { expect, test } from 'vitest';
import { joinedState } from '../../../dataflow/state/joined-state.js';
import type { StateBackend } from '../../../dataflow/ports/state-backend.js';
import { memoryRuntime } from '../../../runners/testing/memory-runtime.js';

function partOf(keys: Readonly<Record<string, string>>): StateBackend {
  const { state, writeState } = memoryRuntime();
  writeState('p', Object.entries(keys).map(([key, value]) => ({ step: 's', key: Buffer.from(key), value: Buffer.from(value) })));
  return state;
}

test('the state of tasks is one, in the order of keys; of a key that several have, the first counts', () => {
  const joined = joinedState(() => [partOf({ b: '1', d: '1', x: '1' }), partOf({ a: '2', c: '2', x: '2' }), partOf({})]);
  const shown = (from: string, to?: string) => [...joined.range('p', 's', Buffer.from(from), to === undefined ? undefined : Buffer.from(to))].map(({ key, value }) => `${Buffer.from(key)}${Buffer.from(value)}`);
  expect(shown('')).toEqual(['a2', 'b1', 'c2', 'd1', 'x1']);
  expect(shown('b', 'd')).toEqual(['b1', 'c2']);
  expect(Buffer.from(joined.get('p', 's', Buffer.from('x'))!).toString()).toBe('1');
  expect(Buffer.from(joined.get('p', 's', Buffer.from('c'))!).toString()).toBe('2');
  expect(joined.get('p', 's', Buffer.from('z'))).toBeUndefined();
  expect(joined.steps('p')).toEqual(['s']);
});
