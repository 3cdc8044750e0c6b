import { expect, test } from 'vitest';
import { readOpenBanditLog } from '../../../runners/decision-logs/open-bandit-log.js';
import { hasShared, openBandit, sharedFile } from '../../evaluation/shared-files.js';
import { fileOf } from './logs.js';

const header = ',timestamp,item_id,position,click,propensity_score,user_feature_0,user-item_affinity_0,user-item_affinity_1,user-item_affinity_2';

test('columns are found by name; the affinities tell how many items there are', async () => {
  const file = fileOf([
    header,
    '0,2019-11-24 00:03:13.442536+00:00,1,3,0,0.5,f1,0.0,1.0,2.0',
    '1,2019-11-24 00:03:14+00:00,0,1,1,0.029411764705882353,f2,0.5,0.0,0.0',
    '2,2019-11-24 00:03:14+00:00,0,1,1',
    '3,yesterday,0,1,1,0.5,f1,0,0,0',
  ]);
  const table = await readOpenBanditLog(file, { segment: 'user_feature_0', context: true });
  expect(table).toMatchObject({ length: 2, actions: 3, features: 3, segments: ['f1', 'f2'] });
  expect([table.action!, table.slot!, table.reward, table.propensity, table.time!, table.segment!, table.context!].map((c) => Array.from(c))).toEqual([
    [1, 0],
    [2, 0],
    [0, 1],
    [0.5, 1 / 34],
    [Date.UTC(2019, 10, 24, 0, 3, 13, 442), Date.UTC(2019, 10, 24, 0, 3, 14)],
    [0, 1],
    [0, 1, 2, 0.5, 0, 0],
  ]);
  expect(table.refused).toEqual([{ code: 'HR_EVALUATION_LINE', rows: 2, first: 'line 4', example: 'it has 5 fields, the header has 10' }]);
});

test('a number that is missing is refused later, never 0', async () => {
  const table = await readOpenBanditLog(fileOf([header, '0,,1,3,,,f1,0,0,0'].map((line) => line.replace('0,,1', '0,2019-11-24 00:03:13+00:00,1'))));
  expect([table.reward[0], table.propensity[0]]).toEqual([NaN, NaN]);
});

test.each([
  ['another file', ['a,b,c', '1,2,3'], {}, 'HR_EVALUATION_LOG', /has no column "item_id"; its header has a, b, c/],
  ['another reward', [header], { reward: 'clik' }, 'HR_EVALUATION_LOG', /has no column "clik".*Did you mean click\?/],
  ['nothing', [], {}, 'HR_EVALUATION_EMPTY', /is empty/],
])('%s', async (_, lines, options, code, message) => {
  await expect(readOpenBanditLog(fileOf(lines), options)).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
});

test.skipIf(!hasShared('data/open-bandit'))('the columns of the campaign "men"', async () => {
  for (const policy of ['random', 'bts'] as const) {
    const table = await readOpenBanditLog(sharedFile(`data/open-bandit/${policy}/men.csv`));
    const other = openBandit(policy);
    expect(table).toMatchObject({ length: 10_000, actions: 34, refused: [] });
    const sum = (column: Float64Array) => column.reduce((s, x) => s + x, 0);
    for (const name of ['action', 'slot', 'reward'] as const) expect(sum(table[name]!)).toBe(sum(other[name]));
    expect(sum(table.propensity)).toBeCloseTo(sum(other.propensity), 9);
  }
});
