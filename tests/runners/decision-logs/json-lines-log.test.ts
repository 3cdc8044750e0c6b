import { expect, test } from 'vitest';
import { readJsonLinesLog } from '../../../runners/decision-logs/json-lines-log.js';
import { fileOf } from './logs.js';

const time = '2026-01-05T10:00:00Z';

test('every field goes to its column', async () => {
  const table = await readJsonLinesLog(
    fileOf([
      { id: 'd1', slate: 's1', slot: 0, action: 2, actions: 4, reward: 1, propensity: 0.25, user: 'u1', time, policy: 'v1', pdrop: 0.5, context: [1, 2], segment: 'DE', joined: true, late: false },
      { id: 'd2', slate: 's1', slot: 1, action: 0, actions: 4, reward: false, propensity: 0.1, user: 7, time: 1_767_607_200_000, policy: 'v2', pdrop: 0, context: [3, 4], segment: 'FR', joined: false, late: true },
    ]),
    { context: true },
  );
  expect(table).toMatchObject({ length: 2, format: 'jsonl', actions: 4, names: undefined, features: 2, loggers: ['v1', 'v2'], segments: ['DE', 'FR'], refused: [], passedOver: [] });
  const columns = ['reward', 'propensity', 'action', 'slot', 'slate', 'time', 'logger', 'pdrop', 'segment', 'joined', 'late', 'context'] as const;
  expect(Object.fromEntries(columns.map((name) => [name, Array.from(table[name]!)]))).toEqual({
    reward: [1, 0],
    propensity: [0.25, 0.1],
    action: [2, 0],
    slot: [0, 1],
    slate: [0, 0],
    time: [1_767_607_200_000, 1_767_607_200_000],
    logger: [0, 1],
    pdrop: [0.5, 0],
    segment: [0, 1],
    joined: [1, 0],
    late: [0, 1],
    context: [1, 2, 3, 4],
  });
  expect(table.user![1]).toBe(7);
  expect(table.decision![0]).not.toBe(table.decision![1]);
});

test('actions by name, with the probabilities that each line was drawn with', async () => {
  const table = await readJsonLinesLog(
    fileOf([
      { action: 'b', actions: ['a', 'b'], probabilities: [0.9, 0.1], reward: 1, propensity: 0.1 },
      { action: 'c', actions: ['c', 'a'], probabilities: [0.5, 0.5], reward: 0, propensity: 0.5 },
    ]),
  );
  expect(table).toMatchObject({ actions: 3, names: ['a', 'b', 'c'] });
  expect(Array.from(table.action!)).toEqual([1, 2]);
  expect([table.choices!.start, table.choices!.action, table.choices!.probability!].map((c) => Array.from(c))).toEqual([[0, 2, 4], [0, 1, 2, 0], [0.9, 0.1, 0.5, 0.5]]);
});

test('bad lines are counted by code, with the first place and what is wrong there', async () => {
  const table = await readJsonLinesLog(
    fileOf([
      { action: 0, reward: 1, propensity: 0.5 },
      '{"action": 0, oops',
      '[1, 2]',
      '',
      { action: 0, reward: 1, propensity: 0.5, time: 'yesterday' },
      { action: 5, actions: [0, 1], reward: 1, propensity: 0.5 },
      { action: 1, actions: [0, 1], probabilities: [1], reward: 1, propensity: 0.5 },
      { action: 'x', reward: 1, propensity: 0.5 },
      { action: 1, reward: 0, propensity: 0.5 },
    ]),
  );
  expect(table.length).toBe(2);
  expect(table.refused).toEqual([
    { code: 'HR_EVALUATION_LINE', rows: 3, first: 'line 2', example: expect.stringContaining('it is not JSON') },
    { code: 'HR_EVALUATION_ACTION', rows: 2, first: 'line 6', example: 'the action 5 is none of its actions' },
    { code: 'HR_EVALUATION_PMF', rows: 1, first: 'line 7', example: '1 probabilities for 2 actions' },
  ]);
  expect([table.place(0), table.place(1)]).toEqual(['line 1', 'line 9']);
});

test('a reward by another name, a nested one, and further columns', async () => {
  const file = fileOf([{ parts: { watch: 3.5 }, propensity: 0.5, candidate: 0.25, country: 'DE' }]);
  const table = await readJsonLinesLog(file, { reward: 'parts.watch', segment: 'country', extra: ['candidate'] });
  expect([table.reward[0], table.extra.get('candidate')![0], table.segments[0]]).toEqual([3.5, 0.25, 'DE']);
});

test.each([
  ['no propensity', { action: 1, reward: 1 }, {}, /has no field "propensity"; its first line has action, reward/],
  ['no reward', { action: 1, propensity: 1, click: 1 }, {}, /has no field "reward"; its first line has action, propensity, click/],
  ['no such reward', { reward: 1, propensity: 1 }, { reward: 'clikc' }, /has no field "clikc"/],
  ['no such column', { reward: 1, propensity: 1 }, { extra: ['candidate'] }, /has no field "candidate"/],
  ['no such segment', { reward: 1, propensity: 1 }, { segment: 'country' }, /has no field "country"/],
])('%s', async (_, line, options, message) => {
  await expect(readJsonLinesLog(fileOf([line]), options)).rejects.toMatchObject({ code: 'HR_EVALUATION_LOG', message: expect.stringMatching(message) as string });
});
