import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DecisionTable } from '../../../runners/decision-logs/decision-table.js';
import { readDsjsonLog } from '../../../runners/decision-logs/dsjson-log.js';
import { readJsonLinesLog } from '../../../runners/decision-logs/json-lines-log.js';
import { readOpenBanditLog } from '../../../runners/decision-logs/open-bandit-log.js';
import { type WritableFormat, writeDecisionLog } from '../../../runners/decision-logs/write-decision-log.js';
import { temporaryDirectory } from '../../connectors/embedded/temporary-directory.js';
import { fileOf } from './logs.js';

const readers = { jsonl: readJsonLinesLog, 'open-bandit': readOpenBanditLog, dsjson: readDsjsonLog } as const;

/** What a table says, without where it came from. */
function said(table: DecisionTable, columns: readonly (keyof DecisionTable)[]): object {
  const plain = (value: unknown): unknown => (value instanceof Float64Array ? Array.from(value) : value);
  return Object.fromEntries(columns.map((name) => [name, name === 'choices' ? table.choices && Object.fromEntries(Object.entries(table.choices).map(([k, v]) => [k, plain(v)])) : plain(table[name])]));
}

async function again(table: DecisionTable, format: WritableFormat): Promise<DecisionTable> {
  const file = join(temporaryDirectory(), 'written');
  expect(writeDecisionLog(table, format, file)).toBeGreaterThan(0);
  return readers[format](file, { context: true });
}

const decision = fc.record(
  {
    reward: fc.double({ noNaN: true, noDefaultInfinity: true }).map((r) => r + 0),
    propensity: fc.double({ min: 0.01, max: 1, noNaN: true }),
    action: fc.nat(2),
    user: fc.nat(9),
    time: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(2e12) }).map((d) => d.toISOString()),
    pdrop: fc.constantFrom(0, 0.5),
    joined: fc.boolean(),
    late: fc.boolean(),
    segment: fc.constantFrom('a', 'b|c', 'ü'),
    policy: fc.constantFrom('v1', 'v2'),
    context: fc.tuple(fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0), fc.constant(1)),
  },
  { requiredKeys: ['reward', 'propensity', 'action', 'time', 'context', 'user'] },
);

test('JSON lines hold everything', async () => {
  const columns = ['length', 'reward', 'propensity', 'action', 'actions', 'names', 'choices', 'slot', 'slate', 'user', 'time', 'logger', 'loggers', 'pdrop', 'context', 'segment', 'segments', 'joined', 'late', 'counts'] as const;
  const rest = fc.constantFrom<object>({ actions: 3 }, { actions: [0, 1, 2], probabilities: [0.25, 0.5, 0.25], scores: [1, 2, 3] }, { actions: [2, 1, 0], features: [[1], [2], [3]] });
  await fc.assert(
    fc.asyncProperty(fc.array(decision, { minLength: 1, maxLength: 5 }), rest, async (rows, more) => {
      const read = async (file: string) => readJsonLinesLog(file, { context: true });
      const table = await read(fileOf(rows.map((row, i) => ({ ...row, ...more, slot: i % 2, slate: Math.floor(i / 2) }))));
      expect(said(await again(table, 'jsonl'), columns)).toEqual(said(table, columns));
    }),
    { numRuns: 40 },
  );
});

test('DSJSON holds bandits with their probabilities, and what was dropped', async () => {
  const file = fileOf([
    { action: 2, actions: [0, 1, 2], probabilities: [0.25, 0.25, 0.5], propensity: 0.5, reward: 2, time: '2026-01-05T10:00:00Z', pdrop: 0.5 },
    { action: 0, actions: [0, 1, 2], probabilities: [0.5, 0.25, 0.25], propensity: 0.5, reward: 0, time: '2026-01-05T10:00:01Z', pdrop: 0 },
  ]);
  const written = await again(await readJsonLinesLog(file), 'dsjson');
  expect(said(written, ['reward', 'propensity', 'action', 'actions', 'time', 'pdrop'])).toEqual({ reward: [2, 0], propensity: [0.5, 0.5], action: [2, 0], actions: 3, time: [1_767_607_200_000, 1_767_607_201_000], pdrop: [0.5, NaN] });
  expect(Array.from(written.choices!.probability!)).toEqual([0.5, 0.25, 0.25, 0.5, 0.25, 0.25]);
  expect(Array.from(written.choices!.action)).toEqual([2, 0, 1, 0, 1, 2]);
});

test.each([
  ['a reward a slot', [{ _label_cost: -1, _a: [1, 0, 2], _p: [0.8, 0.1, 0.1] }, { _label_cost: 0, _a: [2, 0], _p: [0.75, 0.25] }], {}],
  ['one a slate', [{ _a: [1, 0], _p: [0.75, 0.25] }, { _a: [0, 1], _p: [0.5, 0.5] }], { _label_cost: -3 }],
])('DSJSON again: %s', async (_, outcomes, label) => {
  const multi = '_label_cost' in label ? [0, 0, 1, 1].map((slot) => ({ _slot_id: slot })) : [{}, {}, {}];
  const table = await readDsjsonLog(fileOf([{ ...label, c: { _multi: multi, _slots: [{}, {}] }, _outcomes: outcomes }]));
  const columns = ['reward', 'propensity', 'action', 'slot', 'slate', 'slateReward', 'actions'] as const;
  const rows = said(await again(table, 'dsjson'), columns) as { action: number[] };
  const expected = said(table, columns) as { action: number[] };
  // actions are numbered in the order in which slots list them
  expect({ ...rows, action: [] }).toEqual({ ...expected, action: [] });
});

test('Open Bandit holds decisions by slot', async () => {
  const file = fileOf([
    { action: 2, actions: 3, propensity: 1 / 3, reward: 1, slot: 2, time: '2026-01-05T10:00:00.250Z', context: [0, 0.5, 1], segment: 'a,b' },
    { action: 0, actions: 3, propensity: 0.1 + 0.2, reward: 0, slot: 0, time: '2026-01-05T10:00:01Z', context: [1, 0, 0], segment: 'c' },
  ]);
  const table = await readJsonLinesLog(file, { context: true });
  const columns = ['reward', 'propensity', 'action', 'actions', 'slot', 'time', 'context'] as const;
  const written = join(temporaryDirectory(), 'written.csv');
  writeDecisionLog(table, 'open-bandit', written);
  const read = await readOpenBanditLog(written, { context: true, segment: 'user_feature_0' });
  expect(said(read, columns)).toEqual(said(table, columns));
  expect(read.segments).toEqual(['a b', 'c']);
  expect(readFileSync(written, 'utf8').split('\n')[0]).toBe(',timestamp,item_id,position,click,propensity_score,user_feature_0,user-item_affinity_0,user-item_affinity_1,user-item_affinity_2');
});

test.each([
  ['open-bandit', { actions: ['a', 'b'], action: 'a' }, /numbered actions/],
  ['open-bandit', { actions: 2, action: 1, pdrop: 0.5 }, /thinned/],
  ['open-bandit', {}, /does not have the actions/],
  ['dsjson', {}, /does not have the actions/],
  ['dsjson', { actions: 2, action: 1, slot: 1 }, /part of none/],
] as const)('%s cannot hold %j', async (format, of, message) => {
  const table = await readJsonLinesLog(fileOf([{ propensity: 0.5, reward: 1, ...of }]));
  expect(() => writeDecisionLog(table, format, join(temporaryDirectory(), 'w'))).toThrow(expect.objectContaining({ code: 'HR_EVALUATION_LOG', message: expect.stringMatching(message) as string }));
});

test('a file that cannot be written', async () => {
  const table = await readJsonLinesLog(fileOf([{ propensity: 0.5, reward: 1 }]));
  expect(() => writeDecisionLog(table, 'jsonl', '/nowhere/log.jsonl')).toThrow(expect.objectContaining({ code: 'HR_DATA_DIR' }));
});
