import { expect, test } from 'vitest';
import { changeHosting, createHosting } from '../../../runners/engine/hosting.js';
import type { TaskGroup } from '../../../runners/engine/task-group.js';

/** Groups that tell what becomes of them. */
function hosted(...shares: readonly (readonly number[])[]) {
  const told: string[] = [];
  const groups = shares.map((share, i): TaskGroup => {
    let tasks = share;
    const group: Partial<TaskGroup> = {
      get tasks() {
        return tasks;
      },
      async change(next, kept) {
        told.push(`${i} has ${next.join(' ')} and kept ${next.filter((task) => kept.includes(task)).join(' ')}`);
        tasks = next;
      },
      async close() {
        told.push(`${i} is closed`);
      },
    };
    return group as TaskGroup;
  });
  return { hosting: { ...createHosting(), groups }, told };
}

test('tasks that are kept stay in their group, and new ones go where there are fewest', async () => {
  const { hosting, told } = hosted([0, 2], [1, 3]);
  await changeHosting(hosting, { tasks: [0, 2, 3, 5], kept: [0, 2, 3] }, 2, []);
  expect(told).toEqual(['0 has 0 2 and kept 0 2', '1 has 3 5 and kept 3']);
  expect(hosting.hasNew).toBe(true);
});

test('what is left without new tasks is not new', async () => {
  const { hosting, told } = hosted([0, 1, 2]);
  await changeHosting(hosting, { tasks: [0, 2], kept: [0, 2] }, 1, []);
  expect(told).toEqual(['0 has 0 2 and kept 0 2']);
  expect(hosting.hasNew).toBe(false);
});

test.each([
  ['nothing is kept', { tasks: [0, 1], kept: [] }, 2],
  ['one group would have them all', { tasks: [0, 2], kept: [0, 2] }, 2],
  ['there are to be fewer groups', { tasks: [0], kept: [0] }, 1],
  ['what is kept is not open', { tasks: [7, 8], kept: [7, 8] }, 2],
])('all are closed, and calls that are under way end, where %s', async (_why, share, count) => {
  const { hosting, told } = hosted([0, 2], [1, 3]);
  const { signal } = hosting.over;
  await changeHosting(hosting, share, count, []);
  expect(told).toEqual(['0 is closed', '1 is closed']);
  expect(hosting.groups).toBeUndefined();
  expect(signal.aborted).toBe(true);
});
