import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createStateTable, entityBytes, entityOf } from '../../../dataflow/state/state-table.js';
import { memoryRuntime } from '../../../runners/testing/index.js';

const name = (key: Uint8Array) => Buffer.from(key).toString('hex');

test('a table is what is committed with the changes of the epoch on top, in the order of key bytes', () => {
  const aKey = fc.uint8Array({ maxLength: 3, max: 3 });
  const anAction = fc.oneof(
    { weight: 4, arbitrary: fc.record({ put: aKey, value: fc.uint8Array({ maxLength: 2 }) }) },
    { weight: 2, arbitrary: fc.record({ delete: aKey }) },
    { weight: 1, arbitrary: fc.constantFrom('take' as const, 'commit' as const, 'restart' as const) },
    { weight: 2, arbitrary: fc.record({ from: aKey, to: fc.option(aKey) }) },
  );
  fc.assert(
    fc.property(fc.array(anAction, { maxLength: 40 }), (actions) => {
      const { state, writeState } = memoryRuntime();
      let table = createStateTable(state, 'p', 's');
      let committed = new Map<string, Uint8Array>();
      const model = new Map<string, Uint8Array>();
      let taken: { writes: ReturnType<typeof table.take>; model: Map<string, Uint8Array> } | undefined;
      const commit = () => {
        if (taken === undefined) return;
        writeState('p', taken.writes);
        table.settle();
        committed = taken.model;
        taken = undefined;
      };
      for (const action of actions) {
        if (action === 'take' || action === 'commit') {
          if (action === 'take') {
            commit();
            taken = { writes: table.take(), model: new Map(model) };
          } else commit();
        } else if (action === 'restart') {
          taken = undefined;
          table = createStateTable(state, 'p', 's');
          model.clear();
          for (const [k, v] of committed) model.set(k, v);
        } else if ('put' in action) {
          table.put(action.put, action.value);
          model.set(name(action.put), action.value);
        } else if ('delete' in action) {
          table.delete(action.delete);
          model.delete(name(action.delete));
        } else {
          const { from, to } = action;
          const expected = [...model].filter(([k]) => k >= name(from) && (to === null || k < name(to))).sort(([a], [b]) => (a < b ? -1 : 1));
          expect([...table.range(from, to ?? undefined)].map((e) => [name(e.key), [...e.value]])).toEqual(expected.map(([k, v]) => [k, [...v]]));
          for (const key of [from, to ?? from]) expect(table.get(key) && [...table.get(key)!]).toEqual(model.get(name(key)) && [...model.get(name(key))!]);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('entities sort as their bytes do, never run into what follows, and can be read back', () => {
  const anEntity = fc.uint8Array({ maxLength: 6, max: 3 });
  fc.assert(
    fc.property(anEntity, anEntity, fc.uint8Array({ maxLength: 2, max: 3 }), fc.uint8Array({ maxLength: 2, max: 3 }), (a, b, restA, restB) => {
      const key = (entity: Uint8Array, rest: Uint8Array) => Buffer.concat([entityBytes(entity), rest]);
      expect([...entityOf(key(a, restA))]).toEqual([...a]);
      const order = Buffer.compare(a, b);
      if (order !== 0) expect(Buffer.compare(key(a, restA), key(b, restB))).toBe(order);
    }),
    { numRuns: 1_000 },
  );
  const long = new Uint8Array(5_000).fill(97);
  expect(entityBytes(long).length).toBeLessThan(512);
  expect(Buffer.compare(entityBytes(long), entityBytes(long.subarray(1)))).not.toBe(0);
});
