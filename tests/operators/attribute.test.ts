import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pipeline } from '../../dataflow/pipeline.js';
import { firstOf, maxOf, type Reward, sumOf, watchTime } from '../../dataflow/rewards.js';
import { attribute, type AttributeOptions } from '../../operators/attribute.js';
import { keyBy } from '../../operators/key-by.js';
import { to } from '../../operators/to.js';
import { decisions } from '../../pipelines/decisions.js';
import { loggedDecisions } from '../../pipelines/logged-decisions.js';
import { outcomes } from '../../pipelines/outcomes.js';
import propensityLog from '../../pipelines/propensity-log.js';
import { unattributedOutcomes } from '../../pipelines/unattributed-outcomes.js';
import { runPipeline, scrutinise } from '../../runners/testing/index.js';
import type { Decision } from '../../schemas/generated/decision.js';
import type { Outcome } from '../../schemas/generated/outcome.js';
import { decision, outcome } from '../fixtures/decision-records.js';

const start = Date.UTC(2026, 0, 5);
const minute = 60_000;
const at = (minutes: number) => start + minutes * minute;
const [early, window] = [2 * minute, 30 * minute];

const attributionWith = (options: AttributeOptions) =>
  pipeline('attribution', ({ from }) =>
    attribute('a', from(decisions, { disorder: '30s' }).pipe(keyBy(decisions.decisionId)), from(outcomes, { disorder: '30s' }).pipe(keyBy(outcomes.decisionId)), { unattributed: unattributedOutcomes, ...options }).pipe(to(loggedDecisions)),
  );

async function attributed(given: { readonly decisions?: readonly Decision[]; readonly outcomes?: readonly Outcome[] }, options?: AttributeOptions) {
  const run = await runPipeline(options === undefined ? propensityLog : attributionWith(options), { inputs: { decisions: given.decisions ?? [], outcomes: given.outcomes ?? [] } });
  expect(run.deadLetters).toEqual([]);
  return { rows: run.values(loggedDecisions), refused: run.values(unattributedOutcomes).map(({ outcomeId, reason }) => `${outcomeId} ${reason}`), run };
}

describe('propensity-log', () => {
  test('a decision with its outcome, one without, and nothing of the decision is lost', async () => {
    const { rows, refused } = await attributed({ decisions: [decision('d1', at(0)), decision('d2', at(1))], outcomes: [outcome('o1', 'd1', at(5))] });
    expect(refused).toEqual([]);
    expect(JSON.parse(JSON.stringify(rows))).toEqual([
      { ...decision('d1', at(0)), reward: 1, outcomes: [{ reward: 1, parts: { click: 1 }, outcomes: 1 }], outcomeMissing: false, duplicateOutcomes: 0, lateOutcomes: 0, windowEnd: at(30) },
      { ...decision('d2', at(1)), reward: 0, outcomes: [{ reward: 0, parts: {}, outcomes: 0 }], outcomeMissing: true, duplicateOutcomes: 0, lateOutcomes: 0, windowEnd: at(31) },
    ]);
  });

  test('the edges of the window: two minutes before and thirty after count, a millisecond more does not', async () => {
    const { rows, refused, run } = await attributed({
      decisions: [decision('d', at(10))],
      outcomes: [outcome('before', 'd', at(8) - 1), outcome('first', 'd', at(8)), outcome('last', 'd', at(40)), outcome('after', 'd', at(40) + 1)],
    });
    expect(rows.map(({ reward, outcomeMissing, lateOutcomes }) => ({ reward, outcomeMissing, lateOutcomes }))).toEqual([{ reward: 2, outcomeMissing: false, lateOutcomes: 1 }]);
    expect(refused.sort()).toEqual(['after LATE', 'before EARLY']);
    expect(run.metric('headrace_outcomes_late_total')).toBe(1);
    expect(run.metric('headrace_outcomes_early_total')).toBe(1);
  });

  test('the same outcome twice counts once, a second decision of an id not at all; unknown decisions and slots are told', async () => {
    const { rows, refused, run } = await attributed({
      decisions: [decision('d', at(0), 2), { ...decision('d', at(1), 2), userId: 'other' }],
      outcomes: [outcome('o1', 'd', at(1)), outcome('o1', 'd', at(1)), outcome('o2', 'd', at(2), { click: 1 }, 1), outcome('o3', 'd', at(2), { click: 1 }, 2), outcome('o4', 'd', at(2), { click: 1 }, -1), outcome('o5', 'nobody', at(3))],
    });
    expect(rows.map(({ userId, reward, outcomes, duplicateOutcomes }) => ({ userId, reward, slots: outcomes.map((o) => o.reward), duplicateOutcomes }))).toEqual([{ userId: 'u-d', reward: 2, slots: [1, 1], duplicateOutcomes: 1 }]);
    expect(refused.sort()).toEqual(['o1 DUPLICATE', 'o3 NO_SUCH_SLOT', 'o4 NO_SUCH_SLOT', 'o5 UNKNOWN_DECISION']);
    for (const name of ['headrace_outcomes_duplicate_total', 'headrace_outcomes_unknown_total', 'headrace_decisions_duplicate_total'] as const) expect(run.metric(name)).toBe(1);
    expect(run.metric('headrace_outcomes_no_slot_total')).toBe(2);
  });

  test('an outcome that comes when its row has gone out is late, however near its decision; one that came before is known again', async () => {
    const first = await runPipeline(propensityLog, { inputs: { decisions: [decision('d', at(0)), decision('later', at(40))], outcomes: [outcome('o1', 'd', at(1)), outcome('x', 'later', at(41))] }, bounded: false });
    const second = await runPipeline(propensityLog, { runtime: first.runtime, inputs: { outcomes: [outcome('o1', 'd', at(1)), outcome('o2', 'd', at(2))] } });
    expect(second.values(loggedDecisions).map(({ decisionId, reward }) => [decisionId, reward])).toEqual([['d', 1], ['later', 1]]);
    expect(second.values(unattributedOutcomes).map(({ outcomeId, reason }) => `${outcomeId} ${reason}`)).toEqual(['o1 DUPLICATE', 'o2 LATE']);
  });
});

test('lateness waits for outcomes that come behind the watermark', async () => {
  const inputs = { decisions: [decision('d', at(0)), decision('e', at(33))], outcomes: [outcome('x', 'e', at(33)), outcome('o', 'd', at(29))] };
  expect((await attributed(inputs, { lateness: '0s' })).rows.map(({ reward }) => reward)).toEqual([0, 1]);
  expect((await attributed(inputs, { lateness: '5m' })).rows.map(({ reward }) => reward)).toEqual([1, 1]);
});

test('a watermark that has come to the very edge leaves it open: what lies on it may still come', async () => {
  const exact = pipeline(
    'exact',
    ({ from }) => attribute('a', from(decisions).pipe(keyBy(decisions.decisionId)), from(outcomes).pipe(keyBy(outcomes.decisionId)), { unattributed: unattributedOutcomes }).pipe(to(loggedDecisions)),
    { tick: 1 },
  );
  const run = await runPipeline(exact, {
    inputs: {
      decisions: [decision('d', at(0)), decision('e', at(30)), decision('f', at(32))],
      // the second one lies on the edge of d's window, the third waits for a decision that lies on the edge of what it tolerates
      outcomes: [outcome('x', 'e', at(30)), outcome('on the edge', 'd', at(30)), outcome('waiting', 'f', at(30))],
    },
    stepRows: 1,
  });
  expect(run.values(loggedDecisions).map(({ decisionId, reward }) => [decisionId, reward])).toEqual([['d', 1], ['e', 1], ['f', 1]]);
  expect(run.values(unattributedOutcomes)).toEqual([]);
});

test('a decision is remembered for so long, by event time; then its outcomes are of nobody', async () => {
  const given = (minutes: number) => ({ decisions: [decision('d', at(0)), decision('later', at(minutes))], outcomes: [outcome('x', 'later', at(minutes)), outcome('o', 'd', at(1))] });
  expect((await attributed(given(90))).refused).toEqual(['o LATE']);
  expect((await attributed(given(95))).refused).toEqual(['o UNKNOWN_DECISION']);
  expect((await attributed(given(95), { remember: '2h' })).refused).toEqual(['o LATE']);
});

test('the row of a decision that comes when its window is over is not behind what went out before', async () => {
  const times = [['a', 0], ['b', 60], ['c', 61], ['late', 1], ['d', 100]] as const;
  const { run } = await attributed({ decisions: times.map(([id, minutes]) => decision(id, at(minutes))), outcomes: [outcome('n', 'b', at(60)), outcome('o', 'c', at(61)), outcome('p', 'd', at(100))] });
  expect(run.outputs['logged-decisions']!.map(({ key, timestamp }) => [key, timestamp >= at(59)])).toEqual([['a', false], ['late', true], ['b', true], ['c', true], ['d', true]]);
});

test('options that cannot be', () => {
  const build = (options: object) => () => attributionWith(options as AttributeOptions).build({ from: ((topic: never) => ({ topic, pipe: () => ({}) })) as never });
  expect(build({ windows: '3m' })).toThrow('attribute "a" has no option "windows"');
  expect(build({ window: 'soon' })).toThrow(expect.objectContaining({ code: 'HR_DURATION' }) as Error);
});

describe('rewards', () => {
  const of = (...parts: Readonly<Record<string, number>>[]) => parts.map((p, i) => ({ time: at(i), parts: p }));
  test.each<[Reward, number, number]>([
    [firstOf('watchMs'), 4_000, 0],
    [sumOf('click'), 2, 0],
    [sumOf({ click: 1, share: 5 }), 7, 0],
    [maxOf('watchMs'), 9_000, 0],
    [watchTime(), 13_000 / 30_000, 0],
    [watchTime({ full: '10s' }), 1, 0],
    [{ name: 'own', of: (outcomes) => outcomes.length - 1 }, 2, -1],
  ])('$name', (reward, some, none) => {
    expect(reward.of(of({ click: 1 }, { watchMs: 4_000, click: 1 }, { watchMs: 9_000, share: 1 }))).toBe(some);
    expect(reward.of([])).toBe(none);
  });

  test('outcomes are given in the order of their times; a reward that is no number stops the run', async () => {
    const given = { decisions: [decision('d', at(0))], outcomes: [outcome('o2', 'd', at(2), { watchMs: 2 }), outcome('o1', 'd', at(2) - 10_000, { watchMs: 1 })] };
    expect((await attributed(given, { reward: firstOf('watchMs') })).rows[0]!.reward).toBe(1);
    await expect(attributed(given, { reward: { name: 'odd', of: () => Number.NaN } })).rejects.toMatchObject({ code: 'HR_STEP', message: expect.stringContaining('The reward "odd" of 2 outcomes of decision d is NaN.') as string });
    expect(() => sumOf({ click: Number.NaN })).toThrow('sumOf: the weight of click is NaN');
  });
});

/** Decisions and outcomes in order of their times, with duplicates, unknown ids, and times on both sides of every edge. */
const story = fc
  .record({
    decisions: fc.array(fc.record({ id: fc.integer({ min: 0, max: 9 }), minutes: fc.integer({ min: 0, max: 70 }), slots: fc.integer({ min: 1, max: 2 }) }), { maxLength: 12 }),
    outcomes: fc.array(fc.record({ of: fc.integer({ min: 0, max: 11 }), id: fc.integer({ min: 0, max: 20 }), minutes: fc.integer({ min: 0, max: 110 }), slot: fc.integer({ min: 0, max: 1 }) }), { maxLength: 40 }),
  })
  .map((drawn) => ({
    decisions: drawn.decisions.map(({ id, minutes, slots }, i) => decision(`d${id}`, at(minutes) + i, slots)).sort((a, b) => a.time - b.time),
    outcomes: drawn.outcomes.map(({ of, id, minutes, slot }) => outcome(`o${id}`, `d${of}`, at(minutes), { click: id }, slot)).sort((a, b) => a.time - b.time),
  }));

test('every decision goes out once with what lies in its window, and every outcome counts or is told why not', async () => {
  await fc.assert(
    fc.asyncProperty(story, async (inputs) => {
      const { rows, refused } = await attributed(inputs);
      const known = new Map<string, Decision>();
      for (const d of inputs.decisions) if (!known.has(d.decisionId)) known.set(d.decisionId, d);
      expect(rows.map(({ decisionId }) => decisionId).sort()).toEqual([...known.keys()].sort());
      expect(rows.every((row, i) => i === 0 || rows[i - 1]!.windowEnd <= row.windowEnd)).toBe(true);
      for (const row of rows) {
        const d = known.get(row.decisionId)!;
        const counted = new Map<string, Outcome>();
        for (const o of inputs.outcomes) {
          if (o.decisionId === d.decisionId && o.time >= d.time - early && o.time <= d.time + window && o.slot < d.slots.length && !counted.has(o.outcomeId)) counted.set(o.outcomeId, o);
        }
        const rewards = d.slots.map((_, k) => [...counted.values()].filter(({ slot }) => slot === k).reduce((sum, { parts }) => sum + parts['click']!, 0));
        expect(row.outcomes.map(({ reward }) => reward)).toEqual(rewards);
        expect(row.reward).toBe(rewards.reduce((a, b) => a + b, 0));
        expect(row.outcomeMissing).toBe(counted.size === 0);
      }
      expect(rows.reduce((sum, { outcomes }) => sum + outcomes.reduce((n, slot) => n + slot.outcomes, 0), 0) + refused.length).toBe(inputs.outcomes.length);
    }),
    { seed: 8, numRuns: 40 },
  );
});

test('the same whatever the cut, the commits and the restarts', async () => {
  await fc.assert(
    fc.asyncProperty(story, fc.integer({ min: 1, max: 3 }), (inputs, partitions) => scrutinise(propensityLog, { inputs, partitions, runs: 6 })),
    { seed: 9, numRuns: 8 },
  );
});
