import { describe, expect, test } from 'vitest';
import { HeadraceError } from '../../dataflow/errors.js';
import { createTally, type DecisionColumns, ips, loggedDecisions, snips, weigh, weightSummary, withWeights } from '../../evaluation/index.js';

const good: DecisionColumns = { action: [0, 1, 2], actions: 3, reward: [1, 0, 1], propensity: [0.5, 0.25, 0.1] };

const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof HeadraceError) return error.code;
    throw error;
  }
  return 'none';
};

/** `good` with one value of its second row exchanged. */
const spoilt = (name: 'action' | 'reward' | 'propensity', value: number | null | undefined): DecisionColumns => ({ ...good, [name]: (good[name] as number[]).map((x, i) => (i === 1 ? value : x)) });

const cases: readonly [what: string, columns: DecisionColumns, code: string][] = [
  ['propensity 0', spoilt('propensity', 0), 'HR_EVALUATION_PROPENSITY'],
  ['negative propensity', spoilt('propensity', -0.2), 'HR_EVALUATION_PROPENSITY'],
  ['propensity NaN', spoilt('propensity', NaN), 'HR_EVALUATION_PROPENSITY'],
  ['propensity 1.5', spoilt('propensity', 1.5), 'HR_EVALUATION_PROPENSITY'],
  ['missing propensity', spoilt('propensity', undefined), 'HR_EVALUATION_PROPENSITY'],
  ['null propensity', spoilt('propensity', null), 'HR_EVALUATION_PROPENSITY'],
  ['propensity 1e-300', spoilt('propensity', 1e-300), 'HR_EVALUATION_WEIGHT'],
  ['reward NaN', spoilt('reward', NaN), 'HR_EVALUATION_REWARD'],
  ['reward Infinity', spoilt('reward', Infinity), 'HR_EVALUATION_REWARD'],
  ['action out of range', spoilt('action', 3), 'HR_EVALUATION_ACTION'],
  ['negative action', spoilt('action', -1), 'HR_EVALUATION_ACTION'],
  ['action 1.5', spoilt('action', 1.5), 'HR_EVALUATION_ACTION'],
  ['slot out of range', { ...good, slot: [0, 2, 1], slots: 2 }, 'HR_EVALUATION_ACTION'],
  ['missing user', { ...good, user: [1, undefined, 1] }, 'HR_EVALUATION_COLUMNS'],
  ['logger -1', { ...good, logger: [0, -1, 1] }, 'HR_EVALUATION_COLUMNS'],
  ['pdrop 1', { ...good, pdrop: [0, 1, 0] }, 'HR_EVALUATION_DROP'],
  ['distribution that does not sum to 1', { ...good, distribution: Float64Array.of(0.5, 0.2, 0.3, 0.5, 0.25, 0.2, 0.4, 0.5, 0.1) }, 'HR_EVALUATION_PMF'],
  ['distribution with a negative value', { ...good, distribution: Float64Array.of(0.5, 0.2, 0.3, 1.1, 0.25, -0.35, 0.4, 0.5, 0.1) }, 'HR_EVALUATION_PMF'],
];

describe('a bad row', () => {
  test.for(cases)('%s is refused by its code, and says which row', ([, columns, code]) => {
    expect(codeOf(() => loggedDecisions(columns))).toBe(code);
    expect(() => loggedDecisions(columns)).toThrow('Decision 1 of the log');
  });

  test.for(cases)('%s can be left out, and is counted', ([, columns, code]) => {
    const log = loggedDecisions(columns, 'leave-out');
    expect(log).toMatchObject({ length: 2, given: 3, leftOut: [{ code, rows: 1, first: 1 }] });
    expect([...log.reward]).toEqual([1, 1]);
    expect([...log.kept!]).toEqual([0, 2]);
    const tally = createTally({ ips: ips(), weights: weightSummary() });
    tally.add(weigh(log, { shown: Float64Array.of(0.25, 0.9, 0.05) }));
    expect(tally.results().ips.value).toBe(0.5);
    expect(Object.values(tally.results().weights)).not.toContain(NaN);
  });
});

test('an empty log and one of which nothing is left are refused', () => {
  expect(codeOf(() => loggedDecisions({ reward: [], propensity: [] }))).toBe('HR_EVALUATION_EMPTY');
  expect(codeOf(() => loggedDecisions({ reward: [1], propensity: [0] }, 'leave-out'))).toBe('HR_EVALUATION_EMPTY');
});

test('columns that do not fit are refused', () => {
  expect(codeOf(() => loggedDecisions({ reward: [1, 0], propensity: [0.5] }))).toBe('HR_EVALUATION_COLUMNS');
  expect(codeOf(() => loggedDecisions({ reward: [1], propensity: [0.5], distribution: Float64Array.of(1) }))).toBe('HR_EVALUATION_COLUMNS');
  expect(codeOf(() => loggedDecisions({ ...good, context: new Float64Array(4) }))).toBe('HR_EVALUATION_COLUMNS');
  const log = loggedDecisions({ reward: [1], propensity: [0.5] });
  expect(codeOf(() => weigh(log, { uniform: true }))).toBe('HR_EVALUATION_COLUMNS');
  expect(codeOf(() => weigh(log, { shown: new Float64Array(2) }))).toBe('HR_EVALUATION_COLUMNS');
});

test('a candidate that is no distribution is refused, or its rows are left out', () => {
  const log = loggedDecisions(good);
  const distribution = Float64Array.of(0.2, 0.3, 0.5, 0.2, 0.3, 0.6, 0.2, 0.3, 0.5);
  expect(codeOf(() => weigh(log, { distribution }))).toBe('HR_EVALUATION_PMF');
  expect(weigh(log, { distribution }, undefined, 'leave-out')).toMatchObject({ length: 2, log: { leftOut: [{ code: 'HR_EVALUATION_PMF', rows: 1, first: 1 }] } });
  expect(codeOf(() => weigh(log, { slots: [[0.5, 0.6, 0]] }))).toBe('HR_EVALUATION_PMF');
  expect(codeOf(() => weigh(log, { shown: Float64Array.of(0.1, NaN, 0.2) }))).toBe('HR_EVALUATION_PMF');
  expect(codeOf(() => withWeights(log, Float64Array.of(1, -1, 1)))).toBe('HR_EVALUATION_WEIGHT');
});

test('rows that are left out of the log and then of the weighing keep columns in line', () => {
  const log = loggedDecisions({ reward: [1, 2, 3, 4, 5], propensity: [0.5, 0, 0.5, 0.5, 0.5], user: [10, 11, 12, 13, 14] }, 'leave-out');
  const outcomes = { shown: Float64Array.of(0.1, 0.3, NaN, 0.5), expected: Float64Array.of(0.1, 0.3, 0.4, 0.5) };
  const decisions = weigh(log, { shown: Float64Array.of(0.1, 0.2, 0.3, 0.4, 0.5) }, outcomes, 'leave-out');
  expect([...decisions.reward]).toEqual([1, 3, 5]);
  expect([...decisions.weight]).toEqual([0.2, 0.6, 1]);
  expect([...decisions.shownOutcome!]).toEqual([0.1, 0.3, 0.5]);
  expect([...decisions.log.user!]).toEqual([10, 12, 14]);
  expect(decisions.log.leftOut).toMatchObject([{ code: 'HR_EVALUATION_PROPENSITY', first: 1 }, { code: 'HR_EVALUATION_MODEL', first: 3 }]);
});

test('a weight of 1e-300 is computed with, and gives no NaN', () => {
  const decisions = weigh(loggedDecisions({ reward: [1, 0], propensity: [0.5, 0.5] }), { shown: Float64Array.of(1e-300, 1e-300) });
  const tally = createTally({ snips: snips(), ips: ips(), weights: weightSummary() });
  tally.add(decisions);
  const { snips: s, ips: i, weights } = tally.results();
  expect(s.value).toBe(0.5);
  expect(i.value).toBe(1e-300);
  expect(weights.ess).toBe(0);
  expect(JSON.stringify(tally.results())).not.toContain('NaN');
});
