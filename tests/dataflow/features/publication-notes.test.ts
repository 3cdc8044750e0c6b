/*
 * Notes against a set: what is not taken back is known again after a restart, and state has nothing of what is.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPublicationNotes, notePrefix } from '../../../dataflow/features/publication-notes.js';
import { bytesName, createStateTable, entityBytes } from '../../../dataflow/state/state-table.js';
import { memoryRuntime } from '../../../runners/testing/index.js';

const anEntity = fc.uint8Array({ minLength: 1, maxLength: 3, max: 2 }).map((bytes) => bytesName(entityBytes(bytes)).slice(0, -2));

test('what waits is noted until it is taken back, through restarts', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.record({ add: fc.array(anEntity, { maxLength: 5 }) }), fc.record({ takeBack: anEntity }), fc.constant('restart' as const)), { maxLength: 30 }), (actions) => {
      const { state, writeState } = memoryRuntime();
      const open = () => {
        const table = createStateTable(state, 'p', 's');
        return { table, notes: createPublicationNotes(table, 3) };
      };
      let { table, notes } = open();
      const commit = () => {
        writeState('p', table.take());
        table.settle();
      };
      const waiting = new Set<string>();
      let epoch = 0;
      for (const action of actions) {
        if (action === 'restart') {
          commit();
          ({ table, notes } = open());
          // a note goes when nothing of it waits: until then it has more than that
          for (const entity of waiting) expect(notes.left.has(entity)).toBe(true);
          for (const entity of notes.left.keys()) waiting.add(entity);
        } else if ('add' in action) {
          epoch += 1;
          notes.add(epoch, action.add);
          for (const entity of action.add) waiting.add(entity);
        } else {
          notes.takeBack(action.takeBack);
          waiting.delete(action.takeBack);
        }
        if (waiting.size === 0) expect([...table.range(Buffer.of(notePrefix), Buffer.of(notePrefix + 1))]).toEqual([]);
      }
    }),
    { numRuns: 300 },
  );
});

test('an epoch writes one entry, and what waits already is not noted again', () => {
  const { state } = memoryRuntime();
  const table = createStateTable(state, 'p', 's');
  const notes = createPublicationNotes(table, 0);
  notes.add(1, ['a', 'b', 'c']);
  notes.add(2, ['b', 'c']);
  notes.add(3, ['c', 'd']);
  expect(table.take().map(({ value }) => value?.length)).toEqual([9, 3]);
});
