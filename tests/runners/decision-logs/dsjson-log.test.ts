import { describe, expect, test } from 'vitest';
import { readDsjsonLog } from '../../../runners/decision-logs/dsjson-log.js';
import { fileOf } from './logs.js';

const multi = (n: number) => Array.from({ length: n }, (_, i) => ({ TAction: { topic: `t${i}` } }));

/** A decision as VW's joiner writes it: `shown` counts from 0, lists of actions from `base`. */
function cb(shown: number, ranked: readonly number[], p: readonly number[], more: object = {}) {
  return {
    _label_cost: -1,
    _label_probability: p[0],
    _label_Action: shown + 1,
    _labelIndex: shown,
    o: [{ v: 1, EventId: 'e', ActionTaken: false }],
    Timestamp: '2020-11-15T17:09:31.8350000Z',
    Version: '1',
    EventId: `e${shown}`,
    a: ranked,
    c: { GUser: { id: 'mk', country: 'DE' }, _multi: multi(ranked.length) },
    p,
    VWState: { m: 'x' },
    ...more,
  };
}

const read = (lines: readonly (string | object)[], options = {}) => readDsjsonLog(fileOf(lines), options);
const lists = (table: Awaited<ReturnType<typeof read>>) =>
  Array.from({ length: table.length }, (_, i) => {
    const [from, to] = [table.choices!.start[i]!, table.choices!.start[i + 1]!];
    return Object.fromEntries(Array.from(table.choices!.action.slice(from, to), (a, k) => [a, table.choices!.probability![from + k]]));
  });

describe('contextual bandits', () => {
  test('reward is minus the cost, actions count from 0, p is in the order of a', async () => {
    const table = await read([cb(1, [2, 3, 1], [0.8, 0.1, 0.1]), cb(0, [1, 2, 3], [0.25, 0.5, 0.25], { _label_cost: 0, pdrop: 0.5 })]);
    expect(table).toMatchObject({ format: 'dsjson', length: 2, actions: 3, refused: [], passedOver: [] });
    expect([table.reward, table.propensity, table.action!, table.pdrop!].map((c) => Array.from(c))).toEqual([[1, 0], [0.8, 0.25], [1, 0], [NaN, 0.5]]);
    expect(Object.is(table.reward[1], 0)).toBe(true);
    expect(lists(table)).toEqual([{ 0: 0.1, 1: 0.8, 2: 0.1 }, { 0: 0.25, 1: 0.5, 2: 0.25 }]);
    expect(table.time![0]).toBe(Date.UTC(2020, 10, 15, 17, 9, 31, 835));
  });

  test('lists that count from 0 are told by their 0, and without labels too', async () => {
    const { _labelIndex, _label_Action, ...bare } = cb(1, [1, 0], [0.8, 0.2]);
    const oneBased = { ...bare, a: [2, 1] };
    const table = await read([cb(1, [1, 2, 0], [0.8, 0.1, 0.1]), cb(2, [2, 0, 1], [0.8, 0.1, 0.1], { _label_Action: 2 }), bare, oneBased]);
    expect(table.refused).toEqual([]);
    expect(Array.from(table.action!)).toEqual([1, 2, 1, 1]);
    expect(lists(table).slice(0, 2)).toEqual([{ 1: 0.8, 2: 0.1, 0: 0.1 }, { 2: 0.8, 0: 0.1, 1: 0.1 }]);
  });

  test('the shown action need not be the first of a; its probability is the label', async () => {
    const table = await read([cb(0, [2, 1], [0.9, 0.1], { _label_probability: 0.1 }), cb(0, [2, 1], [0.9, 0.1], { _label_probability: 0.3 })]);
    expect(Array.from(table.propensity)).toEqual([0.1, 0.3]);
    expect(table.passedOver).toEqual([{ what: 'decisions whose p of the shown action is not _label_probability (the label was used)', rows: 1 }]);
  });

  test('single precision sums are made 1; other sums are refused', async () => {
    const table = await read([cb(0, [1, 2, 3], [0.333333, 0.333333, 0.333333]), cb(0, [1, 2], [0.5, 0.4])]);
    expect(lists(table)).toEqual([{ 0: 1 / 3, 1: 1 / 3, 2: 1 / 3 }]);
    expect(table.propensity[0]).toBe(0.333333);
    expect(table.refused).toEqual([{ code: 'HR_EVALUATION_PMF', rows: 1, first: 'line 2', example: 'the probabilities [0.5,0.4] sum to 0.9' }]);
  });

  test('decisions of another policy and lonely outcomes are passed over, contradictions refused', async () => {
    const table = await read([
      cb(0, [1, 2], [0.5, 0.5], { _skipLearn: true }),
      { EventId: 'x', RewardValue: 1 },
      cb(0, [1, 2], [0.5, 0.5], { _label_Action: 2 }),
      cb(0, [0, 2], [0.5, 0.5]),
      cb(4, [1, 2], [0.5, 0.5]),
      { _label_ca: { cost: 0, pdf_value: 0.1, action: 185.5 }, c: {} },
    ]);
    expect(table.length).toBe(0);
    expect(table.passedOver.map(({ rows }) => rows)).toEqual([1, 1]);
    expect(table.refused).toMatchObject([
      { code: 'HR_EVALUATION_ACTION', rows: 3, first: 'line 3', example: '_labelIndex is 0 and _label_Action is 2' },
      { code: 'HR_EVALUATION_LINE', rows: 1, first: 'line 6' },
    ]);
  });

  test('the cost itself, and a segment of the context', async () => {
    const table = await read([cb(0, [1, 2], [0.5, 0.5])], { reward: 'cost', segment: 'GUser.country' });
    expect([table.reward[0], table.segments]).toEqual([-1, ['DE']]);
    await expect(read([cb(0, [1, 2], [0.5, 0.5])], { reward: 'click' })).rejects.toMatchObject({ code: 'HR_EVALUATION_LOG' });
  });
});

describe('slots', () => {
  const ccb = {
    Timestamp: '2019-09-10T14:43:37.2010000Z',
    c: { _multi: multi(3), _slots: [{ _id: 'a' }, { _id: 'b' }] },
    _outcomes: [
      { _label_cost: -1, _id: 'a', _a: [1, 0, 2], _p: [0.8, 0.1, 0.1], _o: [] },
      { _label_cost: 0, _id: 'b', _a: 2, _p: 0.25, _o: [] },
    ],
  };

  test('conditional contextual bandits: a row a slot', async () => {
    const table = await read([ccb]);
    expect(table).toMatchObject({ length: 2, actions: 3, slateReward: false });
    expect([table.reward, table.propensity, table.action!, table.slot!, table.slate!].map((c) => Array.from(c))).toEqual([[1, 0], [0.8, 0.25], [1, 2], [0, 1], [1, 1]]);
  });

  test('conditional contextual bandits that count from 1', async () => {
    const table = await read([{ ...ccb, _outcomes: [{ ...ccb._outcomes[0], _a: [2, 1, 3] }, { ...ccb._outcomes[1], _a: 3 }] }]);
    expect(Array.from(table.action!)).toEqual([1, 2]);
  });

  test.each([
    ['within the slot', [1, 0, 2], [0, 1]],
    ['within the slot, from 1', [2, 1, 3], [1, 2]],
    ['over all slots', [1, 0, 2], [3, 4]],
  ])('slates numbered %s', async (_, first, second) => {
    const items = [0, 0, 0, 1, 1].map((slot) => ({ _slot_id: slot }));
    const table = await read([{ _label_cost: -2, c: { _multi: items, _slots: [{}, {}] }, _outcomes: [{ _a: first, _p: [0.5, 0.25, 0.25] }, { _a: second, _p: [0.75, 0.25] }] }]);
    expect(table).toMatchObject({ length: 2, actions: 5, slateReward: true, refused: [] });
    expect([table.reward, table.propensity, table.action!].map((c) => Array.from(c))).toEqual([[0, 2], [0.5, 0.75], [1, 3]]);
    expect(lists(table)).toEqual([{ 1: 0.5, 0: 0.25, 2: 0.25 }, { 3: 0.75, 4: 0.25 }]);
  });

  test('outcomes of odd shapes are refused by code', async () => {
    const table = await read([
      { ...ccb, _outcomes: [{ ...ccb._outcomes[0], _p: [0.5, 0.5] }] },
      { ...ccb, _outcomes: [{ ...ccb._outcomes[0], _a: [0, 3, 1] }] },
      { ...ccb, c: {} },
      { ...ccb, _outcomes: [{ _a: [0], _p: [1] }] },
    ]);
    expect(table.length).toBe(0);
    expect(table.refused.map(({ code, first }) => [code, first])).toEqual([['HR_EVALUATION_PMF', 'line 1'], ['HR_EVALUATION_ACTION', 'line 2'], ['HR_EVALUATION_LINE', 'line 3']]);
    expect(table.passedOver).toMatchObject([{ rows: 1 }]);
  });
});
