/*
 * A memtable over stored state shows what a map would that has had the same changes, and hands over what the stored state lacks.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMemtable } from '../../../../connectors/kafka/state/memtable.js';
import type { StateEntry } from '../../../../dataflow/state/state-table.js';

const aKey = fc.uint8Array({ maxLength: 3, max: 3 });
const aValue = fc.option(fc.uint8Array({ maxLength: 80 }), { nil: null });
const anAction = fc.oneof(
  { weight: 8, arbitrary: fc.record({ put: aKey, value: aValue }) },
  { weight: 3, arbitrary: fc.record({ get: aKey }) },
  { weight: 3, arbitrary: fc.record({ from: aKey, to: fc.option(aKey, { nil: undefined }) }) },
  { weight: 1, arbitrary: fc.constantFrom('store' as const, 'other' as const) },
);
const text = (key: Uint8Array) => Buffer.from(key).toString('latin1');
const plain = (entries: Iterable<StateEntry>) => [...entries].map(({ key, value }) => [text(key), [...value]]);

test('what is changed lies over what is stored', () => {
  fc.assert(
    fc.property(fc.array(anAction, { maxLength: 60, size: 'max' }), (actions) => {
      const memtable = createMemtable();
      const stored = new Map<string, Uint8Array>();
      const all = new Map<string, Uint8Array>();
      const between = function* (map: ReadonlyMap<string, Uint8Array>, from: Uint8Array, to: Uint8Array | undefined): Iterable<StateEntry> {
        for (const key of [...map.keys()].sort()) if (key >= text(from) && (to === undefined || key < text(to))) yield { key: Buffer.from(key, 'latin1'), value: map.get(key)! };
      };
      for (const action of actions) {
        if (action === 'store') {
          for (const { step, key, value } of memtable.writes(1)) {
            expect(step).toBe('s');
            if (value === null) stored.delete(text(key));
            else stored.set(text(key), Uint8Array.from(value));
          }
          memtable.clear();
          expect([...stored].sort()).toEqual([...all].sort());
          expect(memtable.count(1)).toEqual({ entries: 0, bytes: 0 });
        } else if (action === 'other') {
          memtable.put(2, 's', Buffer.of(1), Buffer.of(9));
          memtable.clear(2);
        } else if ('put' in action) {
          memtable.put(1, 's', action.put, action.value);
          if (action.value === null) all.delete(text(action.put));
          else all.set(text(action.put), action.value);
        } else if ('get' in action) {
          const own = memtable.get(1, 's', action.get);
          const found = own === undefined ? stored.get(text(action.get)) : (own ?? undefined);
          expect(found && [...found]).toEqual(all.has(text(action.get)) ? [...all.get(text(action.get))!] : undefined);
        } else expect(plain(memtable.range(1, 's', action.from, action.to, between(stored, action.from, action.to)))).toEqual(plain(between(all, action.from, action.to)));
      }
    }),
    { numRuns: 300 },
  );
});

test('what it gave stays as it was', () => {
  const memtable = createMemtable();
  memtable.put(0, 's', Buffer.from('a'), Buffer.from('one'));
  const value = memtable.get(0, 's', Buffer.from('a'))!;
  const [entry] = memtable.range(0, 's', Buffer.of(), undefined, []);
  memtable.put(0, 's', Buffer.from('a'), Buffer.from('two'));
  memtable.clear();
  memtable.put(0, 's', Buffer.from('b'), Buffer.from('six'));
  expect([value, entry!.key, entry!.value].map((bytes) => Buffer.from(bytes).toString())).toEqual(['one', 'a', 'one']);
});
