/*
 * What is held in memory of entities' hours is what the committed state has, whenever they are asked for, however little may be held.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createEntityHours, eachHour } from '../../../dataflow/features/entity-hours.js';
import { hourKey, hourOf, hourTime, paneMs } from '../../../dataflow/features/features.js';
import { bytesName, createStateTable, entityBytes } from '../../../dataflow/state/state-table.js';
import { memoryRuntime } from '../../../runners/testing/index.js';

const names = ['a', 'b', 'c\0d'];
const nameOf = (entity: string) => bytesName(entityBytes(Buffer.from(entity))).slice(0, -2);

test('hours are those that are committed', () => {
  // mostly one, so that entities with a single hour stay so for a while
  const anHour = fc.oneof({ weight: 9, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.integer({ min: -2, max: 2 }) });
  const anAction = fc.oneof(
    { weight: 4, arbitrary: fc.record({ put: fc.constantFrom(...names), hour: anHour, value: fc.uint8Array({ maxLength: 3 }) }) },
    { weight: 6, arbitrary: fc.record({ ask: fc.constantFrom(...names) }) },
    { weight: 4, arbitrary: fc.constantFrom('end' as const, 'commit' as const) },
    { weight: 1, arbitrary: fc.constant('hour' as const) },
  );
  fc.assert(
    fc.property(fc.array(anAction, { maxLength: 120, size: 'max' }), fc.constantFrom(0, 100, 200, 300, 600, 10_000), (actions, cachedBytes) => {
      const { state, writeState } = memoryRuntime();
      const table = createStateTable(state, 'p', 's');
      const hours = createEntityHours(table, cachedBytes);
      let taken: ReturnType<typeof table.take> | undefined;
      let changed = new Set<string>();
      const commit = () => {
        if (taken === undefined) return;
        writeState('p', taken);
        table.settle();
        hours.settle(changed);
        taken = undefined;
      };
      let from = -12 * paneMs.large;
      for (const action of actions) {
        if (action === 'end') {
          commit();
          changed = new Set();
          for (const entry of table.changed()) {
            const name = names.map(nameOf).find((n) => Buffer.compare(entry.key.subarray(1, 1 + n.length), Buffer.from(n, 'latin1')) === 0)!;
            changed.add(name);
            hours.changed(name, entry);
          }
          taken = table.take();
        } else if (action === 'commit') commit();
        else if (action === 'hour') from += paneMs.large;
        else if ('put' in action) {
          if (taken === undefined) table.put(hourKey(Buffer.from(action.put), action.hour * paneMs.large), action.value);
        } else {
          const entity = Buffer.from(action.ask);
          const found = hours.of(nameOf(action.ask), from);
          const seen: [number, number[]][] = [];
          eachHour(found, (start, at, to) => seen.push([start, [...found.subarray(at, to)]]));
          expect(seen).toEqual([...table.committed(hourKey(entity, from), hourKey(entity, 2 ** 53))].map(({ key, value }) => [hourOf(key, hourTime(entity)), [...value]]));
        }
      }
    }),
    { numRuns: 300 },
  );
});
