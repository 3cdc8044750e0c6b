import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { spreadRound, spreadStandby, spreadTasks, type TaskHolder } from '../../../../connectors/kafka/group/spread-tasks.js';

const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1 });
const holders = names.chain((members) => fc.tuple(...members.map((member) => fc.record({ member: fc.constant(member), runs: fc.uniqueArray(fc.nat(11)), standby: fc.uniqueArray(fc.nat(11)), copies: fc.uniqueArray(fc.nat(11)), goesOn: fc.constant(false) }))));
const tasksOf = fc.integer({ min: 1, max: 10 });
/** Members that go on, each with tasks of its own, beside some that have just come or have stopped. */
const going = fc.tuple(names, tasksOf).chain(([members, tasks]) =>
  fc.record({
    tasks: fc.constant(tasks),
    members: fc
      .tuple(fc.array(fc.constantFrom(undefined, ...members), { minLength: tasks, maxLength: tasks }), fc.tuple(...members.map(() => fc.tuple(fc.boolean(), fc.uniqueArray(fc.nat(11)), fc.uniqueArray(fc.nat(11))))))
      .map(([owners, traits]) => members.map((member, i): TaskHolder => ({ member, runs: owners.flatMap((owner, task) => (owner === member ? [task] : [])), goesOn: traits[i]![0], copies: traits[i]![1], standby: traits[i]![2] }))),
  }),
);
const all = (tasks: number) => Array.from({ length: tasks }, (_, i) => i);
const sorted = (tasks: readonly number[]) => [...tasks].sort((a, b) => a - b);

test('every task goes to one member, and none has two more than another', () => {
  fc.assert(
    fc.property(holders, tasksOf, (members, tasks) => {
      const shares = [...spreadTasks(members, tasks).values()];
      expect(sorted(shares.flat())).toEqual(all(tasks));
      const sizes = shares.map((s) => s.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }),
  );
});

test('a member loses no task while it has no more than its share', () => {
  fc.assert(
    fc.property(holders, tasksOf, (members, tasks) => {
      const shares = spreadTasks(members, tasks);
      const before = spreadTasks([...shares].map(([member, runs]): TaskHolder => ({ member, runs, goesOn: false, standby: members.find((m) => m.member === member)!.standby, copies: members.find((m) => m.member === member)!.copies })), tasks);
      expect(before).toEqual(shares);
    }),
  );
});

test('who runs a task keeps it before one that has a copy of its state', () => {
  const shares = spreadTasks([{ member: 'a', runs: [], standby: [2, 3], copies: [0, 1, 2, 3], goesOn: false }, { member: 'b', runs: [0, 1, 2, 3], standby: [], copies: [], goesOn: false }], 4);
  expect([...shares]).toEqual([['b', [0, 1]], ['a', [2, 3]]]);
});

test('a task that nobody runs goes to whose copy follows the changelog, before one with an old copy', () => {
  const shares = spreadTasks([{ member: 'a', runs: [], standby: [], copies: [0, 1], goesOn: false }, { member: 'b', runs: [], standby: [1], copies: [1], goesOn: false }], 2);
  expect(new Map(shares)).toEqual(new Map([['a', [0]], ['b', [1]]]));
});

test('as a whole, all tasks stay with who runs them', () => {
  const shares = spreadTasks([{ member: 'a', runs: [], standby: [], copies: [0, 1], goesOn: false }, { member: 'b', runs: [0, 1], standby: [], copies: [], goesOn: false }], 2, true);
  expect(new Map(shares)).toEqual(new Map([['a', []], ['b', [0, 1]]]));
});

describe('where members go on while they join', () => {
  test('a task is given to one, and to nobody while another runs it', () => {
    fc.assert(
      fc.property(going, fc.boolean(), ({ members, tasks }, whole) => {
        const { shares, isPartial } = spreadRound(members, tasks, whole);
        const given = [...shares.values()].flat();
        expect(new Set(given).size).toBe(given.length);
        expect(isPartial).toBe(given.length < tasks);
        for (const [member, own] of shares) for (const other of members) if (other.member !== member && other.goesOn) expect(own.filter((task) => other.runs.includes(task))).toEqual([]);
      }),
    );
  });

  test('two rounds spread all tasks evenly, and what a member keeps in the first it keeps', () => {
    fc.assert(
      fc.property(going, ({ members, tasks }) => {
        const first = spreadRound(members, tasks);
        // each lets go of what it is not given again
        const second = spreadRound(members.map(({ member, standby, copies }) => ({ member, runs: first.shares.get(member)!, goesOn: true, standby, copies })), tasks);
        expect(second.isPartial).toBe(false);
        const sizes = [...second.shares.values()].map((s) => s.length);
        expect(sorted([...second.shares.values()].flat())).toEqual(all(tasks));
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        for (const [member, own] of first.shares) expect(own.filter((task) => !second.shares.get(member)!.includes(task))).toEqual([]);
      }),
    );
  });

  test('where nobody goes on, one round is enough', () => {
    fc.assert(
      fc.property(holders, tasksOf, (members, tasks) => {
        expect(spreadRound(members, tasks)).toEqual({ shares: spreadTasks(members, tasks), isPartial: false });
      }),
    );
  });
});

describe('copies of tasks that others run', () => {
  const each = fc.nat(3);

  test('each task has as many as are asked for, evenly spread, none with who runs it', () => {
    fc.assert(
      fc.property(holders, tasksOf, each, (members, tasks, copies) => {
        const shares = spreadTasks(members, tasks);
        const standing = [...spreadStandby(members, shares, tasks, copies)];
        for (const task of all(tasks)) expect(standing.filter(([, kept]) => kept.includes(task))).toHaveLength(Math.min(copies, members.length - 1));
        for (const [member, kept] of standing) {
          expect(new Set(kept).size).toBe(kept.length);
          expect(kept.filter((task) => shares.get(member)!.includes(task))).toEqual([]);
        }
        // two more than even where who has room runs the task itself
        if (members.length > 1) expect(Math.max(...standing.map(([, kept]) => kept.length))).toBeLessThanOrEqual(Math.ceil((tasks * Math.min(copies, members.length - 1)) / members.length) + 2);
      }),
    );
  });

  test('copies stay where they are, from round to round', () => {
    fc.assert(
      fc.property(holders, tasksOf, each, (members, tasks, copies) => {
        const shares = spreadTasks(members, tasks);
        const standing = spreadStandby(members, shares, tasks, copies);
        const again = members.map(({ member }): TaskHolder => ({ member, runs: shares.get(member)!, goesOn: true, standby: standing.get(member)!, copies: [] }));
        expect(spreadStandby(again, shares, tasks, copies)).toEqual(standing);
      }),
    );
  });

  test('a member that has not let go of a task yet keeps no copy of it beside', () => {
    const members: TaskHolder[] = [{ member: 'a', runs: [0, 1], standby: [], copies: [], goesOn: true }, { member: 'b', runs: [], standby: [], copies: [], goesOn: false }];
    const { shares } = spreadRound(members, 2);
    expect(new Map(shares)).toEqual(new Map([['a', [0]], ['b', []]]));
    expect(spreadStandby(members, shares, 2, 1)).toEqual(new Map([['a', []], ['b', [0, 1]]]));
  });
});
