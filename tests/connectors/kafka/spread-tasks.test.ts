import fc from 'fast-check';
import { expect, test } from 'vitest';
import { spreadTasks, type TaskHolder } from '../../../connectors/kafka/spread-tasks.js';

const holders = fc
  .uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1 })
  .chain((names) => fc.tuple(...names.map((member) => fc.record({ member: fc.constant(member), tasks: fc.uniqueArray(fc.nat(11)), runs: fc.boolean() }))));

test('every task goes to one member, and none has two more than another', () => {
  fc.assert(
    fc.property(holders, fc.integer({ min: 1, max: 10 }), (members, tasks) => {
      const shares = [...spreadTasks(members, tasks).values()];
      expect(shares.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: tasks }, (_, i) => i));
      const sizes = shares.map((s) => s.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }),
  );
});

test('a member loses no task while it has no more than its share', () => {
  fc.assert(
    fc.property(holders, fc.integer({ min: 1, max: 10 }), (members, tasks) => {
      const shares = spreadTasks(members, tasks);
      const before = spreadTasks([...shares].map(([member, own]): TaskHolder => ({ member, tasks: own, runs: true })), tasks);
      expect(before).toEqual(shares);
    }),
  );
});

test('who runs a task keeps it before one that has a copy of its state', () => {
  const shares = spreadTasks([{ member: 'a', tasks: [0, 1, 2, 3], runs: false }, { member: 'b', tasks: [0, 1, 2, 3], runs: true }], 4);
  expect([...shares]).toEqual([['b', [0, 1]], ['a', [2, 3]]]);
});

test('as a whole, all tasks stay with who runs them', () => {
  const shares = spreadTasks([{ member: 'a', tasks: [], runs: false }, { member: 'b', tasks: [0, 1], runs: true }], 2, true);
  expect(new Map(shares)).toEqual(new Map([['a', []], ['b', [0, 1]]]));
});
